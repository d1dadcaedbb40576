/**
 * Where commands write: lines to standard output, collected and written in large pieces, and remarks to standard error. A reader
 * that goes away (`| head -1`) is no failure: the command hears of it, ends, and nothing is said.
 */
import type { Style } from '../report/style.ts';

const FLUSH_AT_CHARACTERS = 1 << 16;

export interface TerminalOptions {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

export class Terminal {
  readonly #stdout: NodeJS.WriteStream;
  readonly #stderr: NodeJS.WriteStream;
  readonly #env: NodeJS.ProcessEnv;
  #lines: string[] = [];
  #characters = 0;
  #scheduled = false;
  #closed = false;
  #tellClosed: () => void = () => {};
  #failure: Error | null = null;

  /** Settles when nobody reads standard output any more. */
  readonly closedByReader: Promise<void>;

  constructor(options: TerminalOptions) {
    this.closedByReader = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#env = options.env;
    this.#stdout.on('error', (error: NodeJS.ErrnoException) => this.#lost(error));
    // Standard error is where failures would be told; if it is gone there is nobody to tell.
    this.#stderr.on('error', () => {});
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
    this.#stdout.write(text);
  }

  /** Settles when what was written so far has left the process. */
  drained(): Promise<void> {
    this.flush();
    return new Promise((resolve) => {
      if (this.#closed) resolve();
      else this.#stdout.write('', () => resolve());
    });
  }

  /** A remark for the person, never part of the answer. */
  remark(text: string): void {
    this.flush();
    this.#stderr.write(`${text}\n`);
  }

  /** no-color.org: any value but the empty one. TERM=dumb cannot show colours either. */
  style(color: boolean): Style {
    const stream = this.#stdout;
    const tty = stream.isTTY === true;
    const env = this.#env;
    const refused = !color || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
    return { colour: tty && !refused, unicode: speaksUnicode(env) };
  }

  #lost(error: NodeJS.ErrnoException): void {
    if (this.#closed) return;
    this.#closed = true;
    if (error.code !== 'EPIPE') this.#failure = error;
    this.#lines = [];
    this.#tellClosed();
  }
}

/** locale(7): LC_ALL, then LC_CTYPE, then LANG. Where none is set (a service, a container) the terminal is taken to be a modern one. */
const speaksUnicode = (env: NodeJS.ProcessEnv): boolean => {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => value !== undefined && value !== '');
  return locale === undefined || /utf-?8/i.test(locale);
};
