/**
 * `capture --keep`: packets stay in memory, the newest of them, and are written when somebody says that something has happened: at SIGUSR2,
 * and at the end. SIGUSR1 is not asked for: it is Node's own (it opens the debugger).
 */
import { InvalidArgumentError } from 'commander';
import { messageOf, usageError, VethscopeError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { countText } from '../report/time.ts';
import { numberedName } from '../session/saving/rotation.ts';
import type { CaptureView, RingSelection } from '../session/state/capture-view.ts';
import { parseDuration } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { parseFileSize, type SaveArguments } from './save-options.ts';

export interface KeepArguments {
  /** Null for all that there is room for. */
  readonly lastMs: number | null;
  readonly bytes: number;
}

/** Where only a time is asked for. */
const DEFAULT_BYTES = 64 * 1024 * 1024;
/** A ring has to have room for more than a few packets, and a buffer of JavaScript has a bound. */
const LEAST_BYTES = 1024 * 1024;
const MOST_BYTES = 2 * 1024 ** 3;
const SIZE = /^\d+[KMG]$/;

/** `5m`, `256M` or both: `5m,256M`. Small letters are times, capitals sizes. */
export const parseKeep = (text: string): KeepArguments => {
  let lastMs: number | null = null;
  let bytes: number | null = null;
  for (const part of text.split(',')) {
    if (SIZE.test(part)) {
      if (bytes !== null) throw new InvalidArgumentError('There are two sizes in it.');
      bytes = parseFileSize(part);
    } else if (/^[\d.]+(ms|s|m|h)$/.test(part)) {
      if (lastMs !== null) throw new InvalidArgumentError('There are two times in it.');
      lastMs = parseDuration(part);
    } else throw new InvalidArgumentError('It must be a time (90s, 5m, 1h), a size in memory (256M, 1G), or both (5m,256M).');
  }
  if (bytes !== null && (bytes < LEAST_BYTES || bytes > MOST_BYTES)) throw new InvalidArgumentError('The size must be from 1M to 2G.');
  return { lastMs, bytes: bytes ?? DEFAULT_BYTES };
};

/** A ring is written whole, when somebody asks for it. */
export const checkKeep = ({ write, fileSize, rotateSeconds, fileCount, ring = [], autostop = [] }: SaveArguments): void => {
  if (write === undefined || write === '-')
    throw usageError('--keep needs the name of the file that what was kept is written to: -w FILE', {
      hint: 'kill -USR2 writes it, and so does the end',
    });
  const rotates = fileSize !== undefined || rotateSeconds !== undefined || fileCount !== undefined || ring.length > 0;
  if (rotates || autostop.some(({ name }) => name === 'filesize' || name === 'files'))
    throw usageError('--keep writes what memory holds, each time in one file: -C, -G, -W, -b and -a filesize or files do not go with it');
};

/** Writes the ring of a capture at each SIGUSR2, and once more at the end. */
export class Keeper {
  /** Whether something could not be written. */
  hasFailed = false;
  readonly #view: CaptureView;
  readonly #path: string;
  readonly #what: RingSelection;
  readonly #context: CommandContext;
  readonly #listener = (): void => {
    this.#count++;
    this.#write(numberedName(this.#path, this.#count, Date.now()));
  };
  #count = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(view: CaptureView, path: string, what: RingSelection, context: CommandContext) {
    this.#view = view;
    this.#path = path;
    this.#what = what;
    this.#context = context;
    process.on('SIGUSR2', this.#listener);
  }

  /** The capture is over. */
  async finish(): Promise<void> {
    process.off('SIGUSR2', this.#listener);
    this.#write(this.#path);
    await this.#work;
  }

  /** One after another: each has the whole memory to itself. */
  #write(path: string): void {
    const { terminal } = this.#context;
    this.#work = this.#work.then(async () => {
      try {
        const packets = await this.#view.saveRing(path, this.#what);
        terminal.remark(printable(`vethscope: saved ${countText(packets, 'packet')} that were kept to ${path}`));
      } catch (error) {
        this.hasFailed = true;
        const detail = error instanceof VethscopeError && error.detail !== null ? `: ${error.detail}` : '';
        terminal.remark(printable(`vethscope: ${messageOf(error)}${detail}`));
      }
    });
  }
}
