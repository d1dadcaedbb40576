/**
 * Main's end of the FIFO that a section's packets come through. Opened for reading before the engine is asked to write, so neither side ever
 * blocks in open(2). Its name is gone at once: the engine opens it through /proc/PID/fd, so whoever is killed leaves nothing behind.
 * fifo(7), mkfifo(1), proc_pid_fd(5).
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { failure, messageOf } from '../base/errors.ts';
import { cleanEnvironment } from './programs.ts';

export interface CapturePipe {
  /** What the engine opens; good as long as the stream is open. */
  readonly path: string;
  /** pcapng bytes of one section; ends when the engine closes its end. */
  readonly stream: Readable;
}

/** A folder of our own, 0700, since others may write to the temporary folder. */
export const makeCapturePipe = async (): Promise<CapturePipe> => {
  const folder = makeFolder();
  const name = join(folder, 'packets');
  try {
    await promisify(execFile)('mkfifo', ['-m', '600', name], { env: cleanEnvironment() });
    const fd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    return { path: pipePath(process.pid, fd), stream: readFrom(fd) };
  } catch (error) {
    throw failure(`no FIFO could be made at ${name}`, {
      detail: messageOf(error),
      hint: 'is there room in the temporary folder?',
      cause: error,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const pipePath = (pid: number, fd: number): string => `/proc/${pid}/fd/${fd}`;

/** For the agent, which may be root where main is not: true for descriptors of this process and for no other path. */
export const isPipeOf = (pid: number, path: string): boolean => {
  const fd = /\/fd\/(\d{1,9})$/.exec(path)?.[1];
  return fd !== undefined && path === pipePath(pid, Number(fd));
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
