/**
 * Unpacks lz4 frames as they arrive, with their checksums: doc/lz4_Frame_format.md and doc/lz4_Block_format.md of lz4/lz4. Several frames
 * may follow one another. Memory is bounded by the largest block (4 MiB) and what it may look back (64 KiB).
 */
import { ChunkInput } from '../chunk-input.ts';
import { isLz4Frame, isSkippable, MAGIC_BYTES, type Unpacked, type Unpacker } from './unpacker.ts';
import { XxHash32 } from './xxhash.ts';

interface Frame {
  readonly maxBlockBytes: number;
  readonly isIndependent: boolean;
  readonly hasBlockChecksums: boolean;
  readonly contentHash: XxHash32 | null;
  readonly contentBytes: number | null;
}

/** Flags of the first descriptor byte. */
const VERSION_MASK = 0xc0;
const VERSION_1 = 0x40;
const FLAG_INDEPENDENT = 0x20;
const FLAG_BLOCK_CHECKSUM = 0x10;
const FLAG_CONTENT_SIZE = 0x08;
const FLAG_CONTENT_CHECKSUM = 0x04;
const FLAG_RESERVED = 0x02;
const FLAG_DICTIONARY = 0x01;
const UNCOMPRESSED = 0x8000_0000;
const LOOK_BACK_BYTES = 65_536;
const MIN_MATCH = 4;

/** `stopped` takes no more input. */
type State = 'frame' | 'block' | 'skipping' | 'stopped';

export class Lz4Unpacker implements Unpacker {
  readonly #input = new ChunkInput();
  #state: State = 'frame';
  #ended = false;
  #frame: Frame | null = null;
  #unpackedBytes = 0;
  #leftToSkip = 0;
  /** The last 64 KiB of the frame, and room for a block behind them. */
  #window = new Uint8Array(0);
  #held = 0;

  push(chunk: Uint8Array): void {
    if (this.#state !== 'stopped') this.#input.push(chunk);
  }

  end(): void {
    this.#ended = true;
  }

  next(): Unpacked | null {
    for (;;) {
      const offset = this.#input.offset;
      let result: Unpacked | 'more' | 'on';
      if (this.#state === 'stopped') return null;
      if (this.#state === 'skipping') result = this.#skip();
      else result = this.#state === 'frame' ? this.#readFrame() : this.#readBlock();
      if (result === 'more') {
        if (!this.#ended) return null;
        const atBorder = this.#state === 'frame' && this.#input.contiguous === 0;
        this.#state = 'stopped';
        return atBorder ? null : { kind: 'problem', offset, message: 'the lz4 data ends before its end mark: the file is cut off' };
      }
      if (result !== 'on') {
        if (result.kind === 'problem') this.#state = 'stopped';
        return result;
      }
    }
  }

  #readFrame(): Unpacked | 'more' | 'on' {
    const input = this.#input;
    if (!input.have(MAGIC_BYTES)) return 'more';
    const magic = input.view.getUint32(input.at, true);
    if (isSkippable(magic)) {
      if (!input.have(8)) return 'more';
      this.#leftToSkip = input.view.getUint32(input.at + 4, true);
      input.skip(8);
      this.#state = 'skipping';
      return 'on';
    }
    if (!isLz4Frame(magic)) return this.#problem('what follows the lz4 data is no lz4 frame');
    if (!input.have(6)) return 'more';
    const flags = input.bytes[input.at + 4] as number;
    const sizes = input.bytes[input.at + 5] as number;
    const length = 7 + ((flags & FLAG_CONTENT_SIZE) === 0 ? 0 : 8) + ((flags & FLAG_DICTIONARY) === 0 ? 0 : 4);
    const sizeCode = (sizes >>> 4) & 7;
    if ((flags & VERSION_MASK) !== VERSION_1 || (flags & FLAG_RESERVED) !== 0 || (sizes & 0x8f) !== 0 || sizeCode < 4)
      return this.#problem('an lz4 frame header that is not known');
    if (!input.have(length)) return 'more';
    const descriptor = input.bytes.subarray(input.at + 4, input.at + length - 1);
    const check = (new XxHash32().update(descriptor).digest() >>> 8) & 0xff;
    if (check !== input.bytes[input.at + length - 1]) return this.#problem('the checksum of an lz4 frame header is wrong');
    if ((flags & FLAG_DICTIONARY) !== 0)
      return this.#problem('packed with a dictionary of its own: unpack it with lz4 -d -D DICTIONARY first');
    this.#frame = {
      maxBlockBytes: 1 << (8 + 2 * sizeCode),
      isIndependent: (flags & FLAG_INDEPENDENT) !== 0,
      hasBlockChecksums: (flags & FLAG_BLOCK_CHECKSUM) !== 0,
      contentHash: (flags & FLAG_CONTENT_CHECKSUM) === 0 ? null : new XxHash32(),
      contentBytes: (flags & FLAG_CONTENT_SIZE) === 0 ? null : Number(input.view.getBigUint64(input.at + 6, true)),
    };
    this.#unpackedBytes = 0;
    this.#held = 0;
    input.skip(length);
    this.#state = 'block';
    return 'on';
  }

  #readBlock(): Unpacked | 'more' | 'on' {
    const input = this.#input;
    const frame = this.#frame;
    if (frame === null) return this.#problem('an lz4 block before its frame');
    if (!input.have(4)) return 'more';
    const word = input.view.getUint32(input.at, true);
    if (word === 0) return this.#endFrame(frame);
    const length = word & ~UNCOMPRESSED;
    if (length > frame.maxBlockBytes) return this.#problem(`an lz4 block claims ${length} bytes, at most ${frame.maxBlockBytes} can be`);
    const trailer = frame.hasBlockChecksums ? 4 : 0;
    if (!input.have(4 + length + trailer)) return 'more';
    const data = input.bytes.subarray(input.at + 4, input.at + 4 + length);
    if (trailer > 0 && new XxHash32().update(data).digest() !== input.view.getUint32(input.at + 4 + length, true))
      return this.#problem('the checksum of an lz4 block is wrong');
    const from = this.#makeRoom(frame);
    const end = word >>> 31 === 1 ? this.#copy(data, from) : unpackBlock(data, this.#window, from);
    if (end === null) return this.#problem('an lz4 block is damaged');
    const bytes = this.#window.slice(from, end);
    this.#held = end;
    this.#unpackedBytes += bytes.length;
    frame.contentHash?.update(bytes);
    input.skip(4 + length + trailer);
    return bytes.length === 0 ? 'on' : { kind: 'data', bytes };
  }

  #endFrame(frame: Frame): Unpacked | 'more' | 'on' {
    const input = this.#input;
    const length = frame.contentHash === null ? 4 : 8;
    if (!input.have(length)) return 'more';
    if (frame.contentHash !== null && frame.contentHash.digest() !== input.view.getUint32(input.at + 4, true))
      return this.#problem('the checksum of the lz4 data is wrong: something before this is damaged');
    if (frame.contentBytes !== null && frame.contentBytes !== this.#unpackedBytes)
      return this.#problem(`the lz4 data is ${this.#unpackedBytes} bytes, its header says ${frame.contentBytes}`);
    input.skip(length);
    this.#frame = null;
    this.#state = 'frame';
    return 'on';
  }

  #skip(): 'more' | 'on' {
    const input = this.#input;
    while (this.#leftToSkip > 0) {
      if (!input.have(1)) return 'more';
      const step = Math.min(this.#leftToSkip, input.contiguous);
      input.skip(step);
      this.#leftToSkip -= step;
    }
    this.#state = 'frame';
    return 'on';
  }

  /** Keeps what the next block may look back at; gives where it goes. The window ends where the longest block would. */
  #makeRoom(frame: Frame): number {
    const size = LOOK_BACK_BYTES + frame.maxBlockBytes;
    const kept = frame.isIndependent ? 0 : Math.min(this.#held, LOOK_BACK_BYTES);
    const before = this.#window;
    if (before.length !== size) this.#window = new Uint8Array(size);
    this.#window.set(before.subarray(this.#held - kept, this.#held), LOOK_BACK_BYTES - kept);
    // What is not there must not be looked back at.
    this.#window.fill(0, 0, LOOK_BACK_BYTES - kept);
    return LOOK_BACK_BYTES;
  }

  #copy(data: Uint8Array, at: number): number {
    this.#window.set(data, at);
    return at + data.length;
  }

  #problem(message: string): Unpacked {
    return { kind: 'problem', message, offset: this.#input.offset };
  }
}

/** Unpacks one block into `out` at `from`; gives where it ends, or null where it is damaged. */
const unpackBlock = (data: Uint8Array, out: Uint8Array, from: number): number | null => {
  let at = 0;
  let to = from;
  while (at < data.length) {
    const token = data[at++] as number;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (at >= data.length) return null;
        more = data[at++] as number;
        literals += more;
      }
    }
    if (at + literals > data.length || to + literals > out.length) return null;
    if (literals > 24) out.set(data.subarray(at, at + literals), to);
    else for (let i = 0; i < literals; i++) out[to + i] = data[at + i] as number;
    at += literals;
    to += literals;
    // The last sequence has literals only.
    if (at === data.length) return to;
    if (at + 2 > data.length) return null;
    const distance = (data[at] as number) | ((data[at + 1] as number) << 8);
    at += 2;
    let match = (token & 15) + MIN_MATCH;
    if ((token & 15) === 15) {
      let more = 255;
      while (more === 255) {
        if (at >= data.length) return null;
        more = data[at++] as number;
        match += more;
      }
    }
    if (distance === 0 || distance > to || to + match > out.length) return null;
    if (distance >= match && match > 24) out.copyWithin(to, to - distance, to - distance + match);
    else for (let i = 0; i < match; i++) out[to + i] = out[to - distance + i] as number;
    to += match;
  }
  return null;
};
