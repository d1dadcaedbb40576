/** Runs the built program as a person does. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  /** Standard input stays open behind `input`, as that of a pipe whose writer is still at work. */
  readonly keepsOpen?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** Called with each piece of standard output and the way to signal the process. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

export const vethscope = (args: readonly string[], options: RunOptions = {}): Promise<Finished> =>
  finished(process.execPath, [MAIN, ...args], options, {});

/** Through a shell, for pipes; `V` is the program, `$NODE` and `$MAIN` for where a function will not do. */
export const shell = (script: string): Promise<Finished> =>
  finished('/bin/bash', ['-c', `V() { "$NODE" "$MAIN" "$@"; }\n${script}`], { env: { NODE: process.execPath, MAIN } }, {});

const finished = (program: string, args: readonly string[], options: RunOptions, spawnOptions: SpawnOptions): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...spawnOptions, env: { ...process.env, NO_COLOR: '', ...options.env }, stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      options.onOutput?.(stdout, (signal) => child.kill(signal));
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    child.stdin?.on('error', () => {});
    if (options.keepsOpen === true) child.stdin?.write(options.input ?? '');
    else child.stdin?.end(options.input ?? '');
  });
