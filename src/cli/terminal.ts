/**
 * Where commands write: lines to standard output, collected and written in large pieces, and remarks to standard error. Writing waits for
 * the reader: what is slow to be read is slow to be made, so nothing piles up in memory, and in a live capture losses happen where they
 * are counted. A reader that goes away (`| head -1`) is no failure: the command hears of it, ends, and nothing is said.
 */
import { writeSync } from 'node:fs';
import type { Style } from '../report/style.ts';

const FLUSH_AT_CHARACTERS = 1 << 16;
/** Node makes pipes non-blocking when it looks at them; this is how long to wait before a full one is tried again. */
const FULL_PIPE_WAIT_MS = 1;

/** What is asked of standard output and standard error; writing goes by descriptor. */
export interface OutputStream {
  readonly fd: number;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface TerminalOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
}

export class Terminal {
  /** Settles when nobody reads standard output any more. */
  readonly closedByReader: Promise<void>;
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #env: NodeJS.ProcessEnv;
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4));
  #lines: string[] = [];
  #characters = 0;
  #scheduled = false;
  #closed = false;
  #tellClosed: () => void = () => {};
  #failure: Error | null = null;

  constructor(options: TerminalOptions) {
    this.closedByReader = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#env = options.env;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Why standard output could not be written to, other than its reader having gone (a full disk). */
  get failure(): Error | null {
    return this.#failure;
  }

  line(text: string): void {
    if (this.#closed) return;
    this.#lines.push(text);
    this.#characters += text.length + 1;
    if (this.#characters >= FLUSH_AT_CHARACTERS) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
  }

  lines(texts: readonly string[]): void {
    for (const text of texts) this.line(text);
  }

  flush(): void {
    if (this.#lines.length === 0 || this.#closed) return;
    const text = `${this.#lines.join('\n')}\n`;
    this.#lines = [];
    this.#characters = 0;
    try {
      this.#write(this.#stdout.fd, text);
    } catch (error) {
      this.#closed = true;
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') this.#failure = error as Error;
      this.#tellClosed();
    }
  }

  /** A remark for the person, never part of the answer. */
  remark(text: string): void {
    this.flush();
    try {
      this.#write(this.#stderr.fd, `${text}\n`);
    } catch {
      // Standard error is where failures would be told; if it is gone there is nobody to tell.
    }
  }

  /** no-color.org: any value but the empty one. TERM=dumb cannot show colours either. */
  style(color: boolean): Style {
    const env = this.#env;
    const refused = !color || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
    return { colour: this.#stdout.isTTY === true && !refused, unicode: speaksUnicode(env) };
  }

  /** How wide lines may be: null where standard output is no terminal. COLUMNS says so where one likes it otherwise. */
  get columns(): number | null {
    const wanted = Number(this.#env['COLUMNS'] ?? '');
    if (Number.isInteger(wanted) && wanted > 0) return wanted;
    return this.#stdout.isTTY === true ? (this.#stdout.columns ?? null) : null;
  }

  #write(fd: number, text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(fd, bytes, at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        Atomics.wait(this.#sleep, 0, 0, FULL_PIPE_WAIT_MS);
      }
    }
  }
}

/** locale(7): LC_ALL, then LC_CTYPE, then LANG. Where none is set (a service, a container) the terminal is taken to be a modern one. */
const speaksUnicode = (env: NodeJS.ProcessEnv): boolean => {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => value !== undefined && value !== '');
  return locale === undefined || /utf-?8/i.test(locale);
};
