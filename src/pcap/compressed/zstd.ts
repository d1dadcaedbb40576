/**
 * Unpacks zstd frames as they arrive (RFC 8878). The frames are taken apart here, block by block, so that everything before damage comes
 * out, memory is bounded, and checksums are checked; fzstd unpacks the blocks.
 */
import { Decompress } from 'fzstd';
import { ChunkInput } from '../chunk-input.ts';
import { isSkippable, isZstdFrame, MAGIC_BYTES, type Unpacked, type Unpacker } from './unpacker.ts';
import { XxHash64 } from './xxhash.ts';

interface Frame {
  readonly blocks: Decompress;
  readonly hash: XxHash64 | null;
  readonly contentBytes: number | null;
  readonly windowBytes: number;
  readonly maxBlockBytes: number;
  /** How much fzstd has moved within its window, which it does once for each block. */
  movedBytes: number;
  /** Goes to the unpacker together with the first block. */
  header: Uint8Array | null;
}

const FLAG_SINGLE_SEGMENT = 0x20;
const FLAG_RESERVED = 0x08;
const FLAG_CHECKSUM = 0x04;
const BLOCK_HEADER_BYTES = 3;
const MAX_BLOCK_BYTES = 128 * 1024;
const BLOCK_RAW = 0;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;
/** zstd itself refuses more than this unless it is told to (ZSTD_WINDOWLOG_LIMIT_DEFAULT). */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;

/** Blocks that are far smaller than the window cost much and bring little: so much may be moved in a frame, and so much more for each byte of data. */
const MOVED_BYTES = 4 * 1024 ** 3;
const MOVED_PER_BYTE = 4096;

type State = 'frame' | 'block' | 'skipping' | 'stopped';

export class ZstdUnpacker implements Unpacker {
  readonly #input = new ChunkInput();
  readonly #limit: (work: () => void) => void;
  #state: State = 'frame';
  #ended = false;
  #frame: Frame | null = null;
  #unpackedBytes = 0;
  #leftToSkip = 0;
  /** What goes out before anything more is read. */
  readonly #waiting: Unpacked[] = [];

  /** `limit` runs the work on one block and throws where that takes too long (docs/decisions/0012-compressed-captures.md). */
  constructor(limit: (work: () => void) => void = (work) => work()) {
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    if (this.#state !== 'stopped') this.#input.push(chunk);
  }

  end(): void {
    this.#ended = true;
  }

  next(): Unpacked | null {
    for (;;) {
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) return waiting;
      if (this.#state === 'stopped') return null;
      if (this.#step()) continue;
      if (!this.#ended) return null;
      if (this.#state === 'frame' && this.#input.contiguous === 0) this.#state = 'stopped';
      else this.#fail('the zstd data ends before its last block: the file is cut off');
    }
  }

  /** False where more bytes are needed. */
  #step(): boolean {
    switch (this.#state) {
      case 'frame':
        return this.#readFrame();
      case 'block':
        return this.#readBlock();
      case 'skipping':
        return this.#skip();
      case 'stopped':
        return true;
    }
  }

  #readFrame(): boolean {
    const input = this.#input;
    if (!input.have(MAGIC_BYTES)) return false;
    const magic = input.view.getUint32(input.at, true);
    if (isSkippable(magic)) {
      if (!input.have(8)) return false;
      this.#leftToSkip = input.view.getUint32(input.at + 4, true);
      input.skip(8);
      this.#state = 'skipping';
      return true;
    }
    if (!isZstdFrame(magic)) return this.#fail('what follows the zstd data is no zstd frame');
    if (!input.have(5)) return false;
    const flags = input.bytes[input.at + 4] as number;
    const isSingle = (flags & FLAG_SINGLE_SEGMENT) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][flags & 3] as number;
    const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][flags >>> 6] as number;
    const dictionaryAt = 5 + (isSingle ? 0 : 1);
    const length = dictionaryAt + dictionaryBytes + sizeBytes;
    if ((flags & FLAG_RESERVED) !== 0) return this.#fail('a zstd frame header that is not known');
    if (!input.have(length)) return false;
    const header = new Uint8Array(input.bytes.subarray(input.at, input.at + length));
    if (header.subarray(dictionaryAt, dictionaryAt + dictionaryBytes).some((byte) => byte !== 0))
      return this.#fail('packed with a dictionary of its own: unpack it with zstd -d -D DICTIONARY first');
    const contentBytes = sizeOf(header.subarray(length - sizeBytes));
    const windowBytes = isSingle ? (contentBytes ?? 0) : windowOf(header[5] as number);
    if (windowBytes > MAX_WINDOW_BYTES)
      return this.#fail(
        `packed with a window of ${Math.ceil(windowBytes / 1048576)} MiB, at most 128 are read here: unpack it with zstd -d --long=31 first`,
      );
    const hash = (flags & FLAG_CHECKSUM) === 0 ? null : new XxHash64();
    this.#frame = {
      blocks: new Decompress((bytes) => this.#take(bytes, hash)),
      hash,
      contentBytes,
      windowBytes,
      maxBlockBytes: Math.min(MAX_BLOCK_BYTES, windowBytes),
      movedBytes: 0,
      header,
    };
    this.#unpackedBytes = 0;
    input.skip(length);
    this.#state = 'block';
    return true;
  }

  #readBlock(): boolean {
    const input = this.#input;
    const frame = this.#frame;
    if (frame === null) return this.#fail('a zstd block before its frame');
    if (!input.have(BLOCK_HEADER_BYTES)) return false;
    const { bytes, at } = input;
    const word = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    const isLast = (word & 1) === 1;
    const type = (word >>> 1) & 3;
    const size = word >>> 3;
    if (type === BLOCK_RESERVED || size > frame.maxBlockBytes) return this.#fail('a zstd block header is damaged');
    const length = BLOCK_HEADER_BYTES + (type === BLOCK_RLE ? 1 : size);
    const whole = length + (isLast && frame.hash !== null ? 4 : 0);
    if (!input.have(whole)) return false;
    if (type === BLOCK_RAW && size === 0 && !isLast) {
      input.skip(whole);
      return true;
    }
    frame.movedBytes += frame.windowBytes;
    if (frame.movedBytes > MOVED_BYTES + this.#unpackedBytes * MOVED_PER_BYTE)
      return this.#fail('packed in very many small blocks, which would take long: unpack it with zstd -d first');
    const packed = input.bytes.subarray(input.at, input.at + whole);
    if (!this.#unpack(frame, packed, isLast)) return true;
    input.skip(whole);
    if (isLast) {
      this.#frame = null;
      this.#state = 'frame';
    }
    return true;
  }

  /** Puts the block's data among what waits; false where the block, or all that it completes, is damaged. */
  #unpack(frame: Frame, packed: Uint8Array, isLast: boolean): boolean {
    const { header, hash, contentBytes } = frame;
    frame.header = null;
    try {
      const input = header === null ? new Uint8Array(packed) : joined(header, packed);
      this.#limit(() => frame.blocks.push(input, isLast));
    } catch {
      // Whatever it meets in damaged data, it says by throwing.
      return !this.#fail('a zstd block is damaged');
    }
    if (!isLast) return true;
    const at = packed.length - 4;
    const expected = hash === null ? 0 : new DataView(packed.buffer, packed.byteOffset + at, 4).getUint32(0, true);
    if (hash !== null && hash.digestLow() !== expected)
      return !this.#fail('the checksum of the zstd data is wrong: something before this is damaged');
    if (contentBytes !== null && contentBytes !== this.#unpackedBytes)
      return !this.#fail(`the zstd data is ${this.#unpackedBytes} bytes, its header says ${contentBytes}`);
    return true;
  }

  #take(bytes: Uint8Array, hash: XxHash64 | null): void {
    if (bytes.length === 0) return;
    this.#unpackedBytes += bytes.length;
    hash?.update(bytes);
    // Its own memory, which fzstd goes on to use.
    this.#waiting.push({ kind: 'data', bytes: new Uint8Array(bytes) });
  }

  #skip(): boolean {
    const input = this.#input;
    while (this.#leftToSkip > 0) {
      if (!input.have(1)) return false;
      const step = Math.min(this.#leftToSkip, input.contiguous);
      input.skip(step);
      this.#leftToSkip -= step;
    }
    this.#state = 'frame';
    return true;
  }

  #fail(message: string): true {
    this.#state = 'stopped';
    this.#waiting.push({ kind: 'problem', message, offset: this.#input.offset });
    return true;
  }
}

/** Frame_Content_Size: of two bytes it counts from 256 on (section 3.1.1.1.4). */
const sizeOf = (bytes: Uint8Array): number | null => {
  if (bytes.length === 0) return null;
  let size = 0;
  for (let i = bytes.length - 1; i >= 0; i--) size = size * 256 + (bytes[i] as number);
  return bytes.length === 2 ? size + 256 : size;
};

/** Window_Descriptor (section 3.1.1.1.2). */
const windowOf = (descriptor: number): number => {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
};

const joined = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const out = new Uint8Array(first.length + second.length);
  out.set(first, 0);
  out.set(second, first.length);
  return out;
};
