/**
 * Where a session's bytes go: a file of its own (mode 0600), or standard output. A file that the system refuses to lengthen is cut back to
 * its last whole block, so that what is in it can be read.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failure, messageOf } from '../../base/errors.ts';
import { readU32 } from '../../pcap/options.ts';

/** Where sessions are saved unless somebody says otherwise. */
export const DEFAULT_FOLDER = 'captures';

export interface WriteResult {
  /** So many of the bytes are kept: all, or up to a whole block. */
  readonly kept: number;
  /** Why not all; null where they are. */
  readonly error: string | null;
}

export interface SessionOutput {
  /** `chunk` is of whole blocks. */
  write(chunk: Uint8Array): Promise<WriteResult>;
  /** Whether what was written has been deleted meanwhile. */
  isDeleted(): Promise<boolean>;
  close(): Promise<void>;
  /** False where nothing can be written any more once it has failed: a pipe. */
  readonly canResume: boolean;
}

/** `mustBeNew`: never in place of a file that somebody else has put there. */
export const openOutput = async (path: string, mustBeNew = false): Promise<SessionOutput> => {
  if (path === '-') return standardOutput();
  let handle: FileHandle;
  try {
    // The place where sessions go by default is made as needed; any other folder that is not there is a mistake in the name.
    if (dirname(path) === DEFAULT_FOLDER) await mkdir(DEFAULT_FOLDER, { recursive: true });
    const flags = constants.O_WRONLY | constants.O_CREAT | (mustBeNew ? constants.O_EXCL : constants.O_TRUNC);
    handle = await open(path, flags, 0o600);
  } catch (error) {
    throw failure(`cannot save to ${path}`, {
      detail: messageOf(error),
      hint: 'choose a folder that is there and that you may write to',
      cause: error,
    });
  }
  const isFile = (await handle.stat()).isFile();
  // A capture is private also where the file was there before. FIFOs and devices keep what they have.
  if (isFile) await handle.chmod(0o600).catch(() => {});
  return isFile ? regularFile(handle) : pipe(handle);
};

const regularFile = (handle: FileHandle): SessionOutput => {
  let length = 0;
  return {
    canResume: true,
    write: async (chunk) => {
      let done = 0;
      try {
        while (done < chunk.length) done += (await handle.write(chunk, done, chunk.length - done, length + done)).bytesWritten;
      } catch (error) {
        const kept = wholeBlocks(chunk, done);
        length += kept;
        // What cannot be cut off is passed over by readers: the file ends inside a block then.
        await handle.truncate(length).catch(() => {});
        return { kept, error: messageOf(error) };
      }
      length += done;
      return { kept: done, error: null };
    },
    isDeleted: async () => {
      try {
        return (await handle.stat()).nlink === 0;
      } catch {
        // A network file system that has lost it says so here.
        return true;
      }
    },
    close: () => handle.close(),
  };
};

const pipe = (handle: FileHandle): SessionOutput => ({
  canResume: false,
  write: async (chunk) => {
    let done = 0;
    try {
      while (done < chunk.length) done += (await handle.write(chunk, done, chunk.length - done)).bytesWritten;
      return { kept: done, error: null };
    } catch (error) {
      return { kept: wholeBlocks(chunk, done), error: messageOf(error) };
    }
  },
  isDeleted: async () => false,
  close: () => handle.close(),
});

/** Standard output stays open: it is not the writer's. */
const standardOutput = (): SessionOutput => ({
  canResume: false,
  write: (chunk) =>
    new Promise((resolve) => {
      process.stdout.write(chunk, (error) => resolve(error ? { kept: 0, error: messageOf(error) } : { kept: chunk.length, error: null }));
    }),
  isDeleted: async () => false,
  close: async () => {},
});

const BLOCK_LENGTH_AT = 4;

/** How many of the first `limit` bytes are whole blocks. */
export const wholeBlocks = (chunk: Uint8Array, limit: number): number => {
  let at = 0;
  while (at + 2 * BLOCK_LENGTH_AT <= limit) {
    const end = at + readU32(chunk, at + BLOCK_LENGTH_AT, true);
    if (end > limit || end <= at) break;
    at = end;
  }
  return at;
};
