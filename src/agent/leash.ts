/**
 * Runs a program that prints until it is ended, on a leash: a shell that waits on a pipe whose other end only this process holds, and ends the
 * program when the pipe does. However this process ends, the program does not outlive it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { cleanEnvironment } from './programs.ts';

/**
 * Standard output is the program's alone: the shell gives it away and keeps no copy. Descriptor 3 tells the program's id. Ctrl-C is for whoever
 * holds the leash.
 */
const KEEPER = `trap '' INT
exec 4>&1 1>&2
"$@" </dev/null >&4 3>&- 4>&- &
child=$!
echo $child >&3
exec 3>&- 4>&-
read -r _
kill $child 2>/dev/null
wait $child`;

export interface LeashListener {
  readonly output: (chunk: Buffer) => void;
  readonly error?: (chunk: Buffer) => void;
  /** The program has ended, by itself or because it was let go. Called once. */
  readonly ended: () => void;
}

export class Leash {
  readonly #shell: ChildProcess;
  #child: number | null = null;
  #over = false;

  constructor(argv: readonly string[], listener: LeashListener, env: NodeJS.ProcessEnv = cleanEnvironment()) {
    const shell = spawn('sh', ['-c', KEEPER, 'sh', ...argv], { env, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
    this.#shell = shell;
    shell.stdin?.on('error', () => {}); // the shell has ended: 'exit' follows
    shell.stdout?.on('data', listener.output);
    // The program has ended: its keeper need not wait any longer.
    shell.stdout?.on('end', () => this.release());
    shell.stderr?.on('data', (chunk: Buffer) => listener.error?.(chunk));
    (shell.stdio[3] as Readable).on('data', (chunk: Buffer) => {
      this.#child = Number(chunk.toString('latin1').trim());
    });
    const over = (): void => {
      if (this.#over) return;
      this.#over = true;
      listener.ended();
    };
    shell.on('exit', (_code, signal) => {
      // Killed from outside, the shell could not end what it kept.
      if (signal !== null) this.#kill();
    });
    shell.on('error', over);
    shell.on('close', over);
  }

  /** Of the program; null until the shell has told. */
  get pid(): number | null {
    return this.#child;
  }

  release(): void {
    this.#shell.stdin?.end();
  }

  #kill(): void {
    if (this.#child === null) return;
    try {
      process.kill(this.#child, 'SIGKILL');
    } catch {
      // it has ended by itself
    }
  }
}
