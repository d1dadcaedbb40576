/**
 * A file's bytes in large pieces. A regular file is read into two buffers in turn: while one is worked on, the system fills the other, and no
 * memory is taken or given back. All else (pipes, `-` for standard input) comes as the streams of Node give it.
 */
import { createReadStream, read } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { promisify } from 'node:util';

/** Large enough that turns of the event loop do not count, small enough for the processor's cache. */
const CHUNK_BYTES = 1 << 19;

const readInto = promisify(read);

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
  const file = await open(path, 'r');
  const ask = (buffer: Uint8Array) => readInto(file.fd, buffer, 0, CHUNK_BYTES, null);
  let [filled, free] = [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)];
  let reading = ask(filled);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      signal.throwIfAborted();
      if (bytesRead === 0) return;
      reading = ask(free);
      yield bytesRead === CHUNK_BYTES ? filled : filled.subarray(0, bytesRead);
      [filled, free] = [free, filled];
    }
  } finally {
    // The system may still write into a buffer.
    await reading.catch(() => {});
    await file.close();
  }
}
