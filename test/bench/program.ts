/** The program itself and others: run to their end, timed from outside. */
import { spawn } from 'node:child_process';

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
