/** Runs the built program as a person does, inside a lab host or plainly, and reads what it prints. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const MAIN_JS = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** How long something may take before it is taken to be missing: far longer than it does. */
const PATIENCE_MS = 45_000;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Wrap = (argv: readonly string[]) => string[];

const plainly: Wrap = (argv) => [...argv];

/** A running vethscope. `line` and `remark` wait for output; they reject when the program ends without it. */
export class Program {
  readonly child: ChildProcessWithoutNullStreams;
  readonly finished: Promise<Finished>;
  #stdout = '';
  #stderr = '';
  #ended = false;
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[], wrap: Wrap = plainly, env: Readonly<Record<string, string>> = {}) {
    if (!existsSync(MAIN_JS)) throw new Error('dist/main.js is not built: npm run build');
    const [file, ...rest] = wrap([process.execPath, MAIN_JS, ...args]);
    this.child = spawn(file as string, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1', ...env } });
    this.child.stdin.on('error', () => {});
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#wake();
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    this.finished = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code) => {
        this.#ended = true;
        this.#wake();
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** What it has said on standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  get objects(): Record<string, unknown>[] {
    return this.#stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Waits until standard error has said it so many times. */
  async remark(pattern: RegExp, times = 1): Promise<void> {
    const all = new RegExp(pattern.source, 'g');
    await this.#until(() => (this.#stderr.match(all) ?? []).length >= times, `standard error to say ${pattern} ${times} times`);
  }

  /** Waits for an object on standard output that fits. */
  async object(fits: (object: Record<string, unknown>) => boolean, what: string): Promise<Record<string, unknown>> {
    let found: Record<string, unknown> | undefined;
    await this.#until(() => {
      found = this.objects.find(fits);
      return found !== undefined;
    }, what);
    return found as Record<string, unknown>;
  }

  /** Ctrl-C, as the terminal sends it; the wrapped programs pass it on by being replaced (exec). */
  async interrupt(): Promise<Finished> {
    this.child.kill('SIGINT');
    return this.finished;
  }

  #until(done: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`waited in vain for ${what}\nstdout: ${this.#stdout.slice(-2000)}\nstderr: ${this.#stderr}`));
      }, PATIENCE_MS);
      const look = (): void => {
        if (done()) {
          clearTimeout(timer);
          this.#waiting.delete(look);
          resolve();
        } else if (this.#ended) {
          clearTimeout(timer);
          this.#waiting.delete(look);
          reject(new Error(`the program ended while waiting for ${what}\nstdout: ${this.#stdout.slice(-2000)}\nstderr: ${this.#stderr}`));
        }
      };
      this.#waiting.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** Runs it to its end. */
export const run = (args: readonly string[], wrap: Wrap = plainly, input = ''): Promise<Finished> => {
  const program = new Program(args, wrap);
  program.child.stdin.end(input);
  return program.finished;
};
