/**
 * The engine's end of the FIFO. It never blocks, so that the kernel's ring is emptied while the reader is busy: what the reader has not
 * taken waits here, and the caller looks at `pendingBytes` and counts what it drops beyond its limit. fifo(7), pipe(7).
 */
import { closeSync, constants, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { failure } from '../../base/errors.ts';

/** The path comes from a process that may have fewer privileges, so nothing but a FIFO is ever written to. */
export const openFifo = (path: string): number => {
  // looked at first, as opening a device may do something already
  if (!statSync(path).isFIFO()) throw failure(`${path} is no FIFO`);
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  if (fstatSync(fd).isFIFO()) return fd;
  closeSync(fd);
  throw failure(`${path} is no FIFO`);
};

export class FifoWriter {
  /** Bytes that the reader has not taken yet. */
  pendingBytes = 0;
  /** The reader has closed its end: nothing more can be delivered. */
  readerGone = false;
  readonly #fd: number;
  readonly #written: (chunk: Uint8Array) => void;
  readonly #queue: Uint8Array[] = [];
  #headAt = 0;

  /** `written` gets every chunk back once the pipe has all of it. */
  constructor(fd: number, written: (chunk: Uint8Array) => void) {
    this.#fd = fd;
    this.#written = written;
  }

  push(chunk: Uint8Array | null): void {
    if (chunk === null || chunk.length === 0) return;
    this.#queue.push(chunk);
    this.pendingBytes += chunk.length;
  }

  /** Writes what the pipe takes. True where nothing is left. */
  flush(): boolean {
    while (!this.readerGone) {
      const chunk = this.#queue[0];
      if (chunk === undefined) return true;
      const written = this.#write(chunk);
      if (written === 0) return false;
      this.#headAt += written;
      this.pendingBytes -= written;
      if (this.#headAt < chunk.length) continue;
      this.#headAt = 0;
      this.#queue.shift();
      this.#written(chunk);
    }
    return true;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #write(chunk: Uint8Array): number {
    try {
      return writeSync(this.#fd, chunk, this.#headAt, chunk.length - this.#headAt);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return 0;
      this.readerGone = true;
      if (code !== 'EPIPE') throw error;
      return 0;
    }
  }
}
