/** The program itself and others: run to their end, timed from outside. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The bundle, as people run it: `npm run bench` builds it first. */
export const mainOf = (): string => 'dist/main.js';

/** Milliseconds from start to end, with the output thrown away. */
export const runTime = (command: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Number(process.hrtime.bigint() - start) / 1e6);
      else reject(new Error(`${command} ${args.join(' ')}: exit ${code}\n${said.slice(-2000)}`));
    });
  });

const SAMPLE_MS = 20;

/** The most memory that a program held, in megabytes, from start to end. proc_pid_status(5), VmHWM. */
export const runMemory = (command: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'ignore' });
    let kilobytes = 0;
    const timer = setInterval(() => {
      try {
        const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
        if (found !== null) kilobytes = Number(found[1]);
      } catch {
        // It has ended: what was read before is the most.
      }
    }, SAMPLE_MS);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      if (code === 0) resolve(kilobytes / 1024);
      else reject(new Error(`${command} ${args.join(' ')}: exit ${code}`));
    });
  });
