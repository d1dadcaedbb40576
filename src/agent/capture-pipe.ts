/**
 * Main's end of the FIFO that a section's packets come through. Opened for reading before the engine is asked to write, so neither side ever
 * blocks in open(2); its name is removed as soon as the engine has opened it. fifo(7), mkfifo(1).
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmdirSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { failure, messageOf } from '../base/errors.ts';
import { cleanEnvironment } from './programs.ts';

export interface CapturePipe {
  readonly path: string;
  /** pcapng bytes of one section; ends when the engine closes its end. */
  readonly stream: Readable;
  /** Removes the name and its folder; the stream goes on. */
  unlink(): void;
}

/** A folder of our own, 0700, since others may write to the temporary folder. */
export const makeCapturePipe = async (): Promise<CapturePipe> => {
  const folder = makeFolder();
  const path = join(folder, 'packets');
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', path], { env: cleanEnvironment() });
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    return { path, stream: readFrom(fd), unlink: () => removeAll(folder, path) };
  } catch (error) {
    removeAll(folder, path);
    throw failure(`no FIFO could be made at ${path}`, {
      detail: messageOf(error),
      hint: 'is there room in the temporary folder?',
      cause: error,
    });
  }
};

/** The folder and FIFO of a path made above; nothing else is ever removed. For the agent, when main has gone. */
export const removeCapturePipe = (path: string): void => {
  if (/\/vethscope-[A-Za-z0-9]{6}\/packets$/.test(path)) removeAll(path.slice(0, -'/packets'.length), path);
};

const makeFolder = (): string => {
  try {
    return mkdtempSync(join(tmpdir(), 'vethscope-'));
  } catch {
    // TMPDIR may still be root's after privileges were dropped
    return mkdtempSync('/tmp/vethscope-');
  }
};

/** Without a writer yet, a socket on the descriptor waits: only one that has come and gone ends it. */
const readFrom = (fd: number): Readable => {
  try {
    return new Socket({ fd, readable: true, writable: false });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
};

const removeAll = (folder: string, path: string): void => {
  for (const remove of [() => unlinkSync(path), () => rmdirSync(folder)]) {
    try {
      remove();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
};
