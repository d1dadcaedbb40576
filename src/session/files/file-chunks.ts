/**
 * A file's bytes in large pieces. A regular file is read into one buffer again and again, with a turn of the event loop between: reading ahead
 * on another thread takes longer, since that one waits for a processor while V8 compiles on it. All else (pipes, `-` for standard input) comes
 * as the streams of Node give it.
 */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';

/** Large enough that turns of the event loop do not count, small enough for the processor's cache. */
const CHUNK_BYTES = 1 << 18;

/** Each chunk is good until the next is asked for. An abort is an error as with streams. */
export async function* fileChunks(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (path === '-') {
    // Not as /dev/stdin: a socket, which ssh and Node give, cannot be opened by name.
    yield* addAbortSignal(signal, process.stdin);
    return;
  }
  const isRegular = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isRegular) {
    yield* createReadStream(path, { signal });
    return;
  }
  const file = openSync(path, 'r');
  const buffer = new Uint8Array(CHUNK_BYTES);
  try {
    for (;;) {
      signal.throwIfAborted();
      const count = readSync(file, buffer, 0, CHUNK_BYTES, null);
      if (count === 0) return;
      yield count === CHUNK_BYTES ? buffer : buffer.subarray(0, count);
      await nextTurn();
    }
  } finally {
    closeSync(file);
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
