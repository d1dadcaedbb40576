/**
 * The terminal while the UI has it: alternate screen, raw input, no cursor, no wrapping at the edge, bracketed paste; and as
 * it was before, whatever ends the program. Sequences as in xterm's ctlseqs. What others print meanwhile is held back: it would tear the screen.
 */
import type { ReadStream, WriteStream } from 'node:tty';
import type { Size } from '../state/screens.ts';
import { type KeyInput, KeyReader } from './key-names.ts';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[?2004h\u001b[H\u001b[2J';
const LEAVE = '\u001b[?2004l\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l';

/** So long an ESC may wait for the rest of a sequence; longer than a slow line takes, shorter than a person notices. */
const ESCAPE_MS = 40;

export interface TerminalEvents {
  readonly key: (input: KeyInput) => void;
  readonly resize: (size: Size) => void;
  /** The terminal was closed under us. */
  readonly gone: () => void;
}

type Write = WriteStream['write'];

export class Terminal {
  readonly #stdin: ReadStream;
  readonly #stdout: WriteStream;
  readonly #events: TerminalEvents;
  readonly #reader = new KeyReader();
  #escape: NodeJS.Timeout | null = null;
  #active = false;
  #held: string[] = [];
  #restoreWrites: (() => void) | null = null;
  #write: (text: string) => void;

  constructor(stdin: ReadStream, stdout: WriteStream, events: TerminalEvents) {
    this.#stdin = stdin;
    this.#stdout = stdout;
    this.#events = events;
    this.#write = (text) => void stdout.write(text);
  }

  get size(): Size {
    return { columns: this.#stdout.columns || 80, rows: this.#stdout.rows || 24 };
  }

  enter(): void {
    this.#active = true;
    this.#holdOthers();
    this.#stdout.on('error', this.#onError);
    this.#stdin.on('error', this.#onError);
    this.#stdin.setRawMode(true);
    this.#stdin.setEncoding('utf8');
    this.#stdin.on('data', this.#onData);
    this.#stdin.on('end', this.#onEnd);
    this.#stdin.resume();
    this.#stdout.on('resize', this.#onResize);
    process.on('SIGCONT', this.#onContinue);
    process.on('exit', this.leave);
    this.write(ENTER);
  }

  /** Everything as it was before; more than one call does no harm. */
  leave = (): void => {
    if (!this.#active) return;
    this.#active = false;
    if (this.#escape !== null) clearTimeout(this.#escape);
    process.off('exit', this.leave);
    process.off('SIGCONT', this.#onContinue);
    this.#stdout.off('resize', this.#onResize);
    this.#stdin.off('data', this.#onData);
    this.#stdin.off('end', this.#onEnd);
    this.write(LEAVE);
    try {
      this.#stdin.setRawMode(false);
    } catch {
      // The terminal is gone: there is nothing left to restore.
    }
    this.#stdin.pause();
    this.#restoreWrites?.();
    const held = this.#held.join('');
    this.#held = [];
    if (held !== '') process.stderr.write(held);
  };

  write(text: string): void {
    this.#write(text);
  }

  /** Puts text on the clipboard: OSC 52. */
  copy(text: string): void {
    this.write(`\u001b]52;c;${Buffer.from(text, 'utf8').toString('base64')}\u0007`);
  }

  #onData = (chunk: string): void => {
    if (this.#escape !== null) clearTimeout(this.#escape);
    this.#escape = null;
    for (const input of this.#reader.push(chunk)) this.#events.key(input);
    if (!this.#reader.pending) return;
    this.#escape = setTimeout(() => {
      for (const input of this.#reader.flush()) this.#events.key(input);
    }, ESCAPE_MS);
  };

  #onEnd = (): void => this.#events.gone();

  #onResize = (): void => this.#events.resize(this.size);

  /** EIO and EPIPE mean that nobody reads any more. */
  #onError = (): void => this.#events.gone();

  /** Stopped and continued from outside: the shell has had the terminal meanwhile. */
  #onContinue = (): void => {
    this.#stdin.setRawMode(false);
    this.#stdin.setRawMode(true);
    this.write(ENTER);
    this.#events.resize(this.size);
  };

  #holdOthers(): void {
    const stdout = this.#stdout;
    const own = stdout.write.bind(stdout) as (text: string) => boolean;
    this.#write = (text) => void own(text);
    const originals = [
      [stdout, stdout.write],
      [process.stderr, process.stderr.write],
    ] as const;
    const hold = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
      this.#held.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'));
      const callback = typeof encoding === 'function' ? encoding : done;
      if (typeof callback === 'function') callback();
      return true;
    }) as Write;
    for (const [stream] of originals) stream.write = hold;
    this.#restoreWrites = () => {
      for (const [stream, write] of originals) stream.write = write;
    };
  }
}
