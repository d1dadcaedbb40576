/**
 * The bytes of a capture file or of standard input as chunks, unpacked where they are compressed: gzip (RFC 1952), zstd, lz4, recognised by
 * their first bytes. Unpacking is a stream: what a file claims, or a small one that unpacks to a huge one, takes time and no memory.
 * docs/decisions/0012-compressed-captures.md.
 */
import { stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { type CompressionFormat, compressionOf, MAGIC_BYTES, type Unpacker } from '../../pcap/compressed/unpacker.ts';
import { fileChunks } from './file-chunks.ts';
import { timeLimit } from './time-limit.ts';

const PIECE_BYTES = 1 << 16;
/** What is lost around damage in gzip where a second look cannot be had, since it is read from a pipe. */
const PIPE_PIECE_BYTES = 2048;
/** The same on the second look. */
const SMALL_PIECE_BYTES = 16;
/** Others get a turn after so much. */
const TURN_BYTES = 4 << 20;

/** Compressed data that cannot be unpacked to its end. Everything before it has been handed out. */
export class DamagedInput extends Error {}

/** `path`: `-` for standard input. Each chunk is good until the next is asked for. */
export async function* captureChunks(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const chunks = fileChunks(path, signal);
  try {
    const first = await firstOf(chunks);
    const format = compressionOf(first);
    const all = joined(first, chunks);
    if (format === null) yield* all;
    else if (format === 'gzip') yield* gunzipped(all, (await isRegular(path)) ? () => fileChunks(path, signal) : null);
    else yield* unpackedBy(await unpackerOf(format), all);
  } finally {
    await chunks.return(undefined);
  }
}

/** Loaded for files of their kind only: most are not compressed. */
const unpackerOf = async (format: Exclude<CompressionFormat, 'gzip'>): Promise<Unpacker> => {
  if (format === 'lz4') return new (await import('../../pcap/compressed/lz4.ts')).Lz4Unpacker();
  return new (await import('../../pcap/compressed/zstd.ts')).ZstdUnpacker(timeLimit());
};

/** The first chunk, or as many as it takes for a magic: a pipe may bring its bytes one by one. */
const firstOf = async (chunks: AsyncGenerator<Uint8Array>): Promise<Uint8Array> => {
  let first: Uint8Array = new Uint8Array(0);
  while (first.length < MAGIC_BYTES) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    first = first.length === 0 && value.length >= MAGIC_BYTES ? value : Buffer.concat([first, value]);
  }
  return first;
};

async function* joined(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  yield* rest;
}

/** A pipe, also one with a name, cannot be read twice. */
const isRegular = async (path: string): Promise<boolean> => path !== '-' && (await stat(path)).isFile();

async function* unpackedBy(unpacker: Unpacker, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sinceTurn = 0;
  const drained = async function* (): AsyncGenerator<Uint8Array> {
    for (let piece = unpacker.next(); piece !== null; piece = unpacker.next()) {
      if (piece.kind === 'problem') throw new DamagedInput(`at byte ${piece.offset} of the compressed file: ${piece.message}`);
      yield piece.bytes;
      sinceTurn += piece.bytes.length;
      if (sinceTurn < TURN_BYTES) continue;
      sinceTurn = 0;
      await setImmediate();
    }
  };
  for await (const chunk of chunks) {
    unpacker.push(chunk);
    yield* drained();
  }
  unpacker.end();
  yield* drained();
}

/**
 * zlib gives nothing of the piece of input in which it meets damage. Where the file can be read once more, that piece is gone through
 * again in small steps, so that everything before the damage comes out.
 */
async function* gunzipped(chunks: AsyncIterable<Uint8Array>, again: (() => AsyncIterable<Uint8Array>) | null): AsyncGenerator<Uint8Array> {
  const gunzip = new Gunzip();
  const whole = again === null ? PIPE_PIECE_BYTES : PIECE_BYTES;
  for await (const piece of piecesOf(chunks, () => whole)) {
    yield* await gunzip.take(piece);
    if (gunzip.problem !== null) break;
  }
  if (gunzip.problem === null) yield* await gunzip.finish();
  const { problem, taken, given } = gunzip;
  gunzip.close();
  if (problem === null) return;
  if (again !== null) yield* restOf(again(), taken, given);
  throw new DamagedInput(`at byte ${taken} of the compressed file or soon after: ${inWords(problem)}`);
}

/** What can still be unpacked behind the first `given` bytes, with the damage somewhere behind the first `taken` ones of the input. */
async function* restOf(chunks: AsyncIterable<Uint8Array>, taken: number, given: number): AsyncGenerator<Uint8Array> {
  const gunzip = new Gunzip();
  let toSkip = given;
  for await (const piece of piecesOf(chunks, (at) => (at < taken ? taken - at : SMALL_PIECE_BYTES))) {
    for (const bytes of await gunzip.take(piece)) {
      const skipped = Math.min(toSkip, bytes.length);
      toSkip -= skipped;
      if (skipped < bytes.length) yield bytes.subarray(skipped);
    }
    if (gunzip.problem !== null) break;
  }
  gunzip.close();
}

async function* piecesOf(chunks: AsyncIterable<Uint8Array>, most: (at: number) => number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      const piece = chunk.subarray(from, from + most(at));
      from += piece.length;
      at += piece.length;
      yield piece;
    }
  }
}

class Gunzip {
  /** What zlib said, where it met damage. */
  problem: NodeJS.ErrnoException | null = null;
  /** Bytes of input before the piece with the damage, and bytes handed out. */
  taken = 0;
  given = 0;
  readonly #zlib = createGunzip({ chunkSize: PIECE_BYTES });
  #out: Uint8Array[] = [];
  /** Damage, or bytes behind the end that mean nothing (zeros). */
  readonly #over: Promise<void>;

  constructor() {
    this.#zlib.on('data', (bytes: Uint8Array) => {
      this.given += bytes.length;
      this.#out.push(bytes);
    });
    this.#over = new Promise((resolve) => {
      this.#zlib.once('end', resolve);
      this.#zlib.on('error', (error) => {
        this.problem = error;
        resolve();
      });
    });
  }

  async take(piece: Uint8Array): Promise<readonly Uint8Array[]> {
    await Promise.race([new Promise<void>((resolve) => void this.#zlib.write(piece, () => resolve())), this.#over]);
    if (this.problem === null) this.taken += piece.length;
    return this.#handOut();
  }

  async finish(): Promise<readonly Uint8Array[]> {
    this.#zlib.end();
    await this.#over;
    return this.#handOut();
  }

  close(): void {
    this.#zlib.destroy();
  }

  #handOut(): readonly Uint8Array[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

const inWords = ({ code, message }: NodeJS.ErrnoException): string => {
  if (code === 'Z_BUF_ERROR') return 'the gzip data ends too early: the file is cut off';
  if (message === 'incorrect data check' || message === 'incorrect length check')
    return 'the checksum of the gzip data is wrong: something before this is damaged';
  if (message === 'incorrect header check') return 'what follows the gzip data is no gzip data';
  return `the gzip data is damaged (${message})`;
};
