/** A growing little-endian buffer with the framing of pcapng: block lengths at both ends, options, padding. */
import { OPT_ENDOFOPT, padded } from './block-types.ts';
import type { NanosecondStamp } from './time-scale.ts';

/** Longest option value: its length field has 16 bits. */
const MAX_OPTION_BYTES = 0xffff;
/** Type, length, interface, stamp, captured and original length. */
const PACKET_HEADER_BYTES = 28;
/** Up to here a loop beats `set` with a new view. */
const COPY_LOOP_BYTES = 96;

export class BlockBuilder {
  bytes: Uint8Array;
  length = 0;
  #blockStart = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
  }

  u16(value: number): void {
    this.#room(2);
    this.bytes[this.length] = value;
    this.bytes[this.length + 1] = value >>> 8;
    this.length += 2;
  }

  u32(value: number): void {
    this.#room(4);
    put32(this.bytes, this.length, value);
    this.length += 4;
  }

  /** A count of up to 2^53. */
  u64(value: number): void {
    this.u32(value % 0x1_0000_0000);
    this.u32(Math.floor(value / 0x1_0000_0000));
  }

  /** Bytes, padded with zeros to 32 bits. */
  padded(from: Uint8Array, start: number, end: number): void {
    const count = end - start;
    const room = padded(count);
    this.#room(room);
    const { bytes, length } = this;
    if (count <= COPY_LOOP_BYTES) for (let i = 0; i < count; i++) bytes[length + i] = from[start + i] as number;
    else bytes.set(from.subarray(start, end), length);
    for (let i = count; i < room; i++) bytes[length + i] = 0;
    this.length = length + room;
  }

  /** The fixed part of an enhanced packet block and its data, in one go: this is the hot path of saving. */
  packet(
    type: number,
    interfaceId: number,
    stamp: NanosecondStamp,
    from: Uint8Array,
    start: number,
    end: number,
    originalLength: number,
  ): void {
    const count = end - start;
    const room = PACKET_HEADER_BYTES + padded(count);
    this.#room(room);
    const { bytes, length } = this;
    this.#blockStart = length;
    put32(bytes, length, type);
    put32(bytes, length + 8, interfaceId);
    put32(bytes, length + 12, stamp.high);
    put32(bytes, length + 16, stamp.low);
    put32(bytes, length + 20, count);
    put32(bytes, length + 24, originalLength);
    const data = length + PACKET_HEADER_BYTES;
    if (count <= COPY_LOOP_BYTES) for (let i = 0; i < count; i++) bytes[data + i] = from[start + i] as number;
    else bytes.set(from.subarray(start, end), data);
    for (let i = data + count; i < length + room; i++) bytes[i] = 0;
    this.length = length + room;
  }

  begin(type: number): void {
    this.#blockStart = this.length;
    this.u32(type);
    this.u32(0);
  }

  finish(): void {
    const total = this.length - this.#blockStart + 4;
    this.u32(total);
    put32(this.bytes, this.#blockStart + 4, total);
  }

  option(code: number, value: Uint8Array): void {
    this.u16(code);
    this.u16(value.length);
    this.padded(value, 0, value.length);
  }

  /** Text as UTF-8; what does not fit into an option is cut off between characters. */
  textOption(code: number, text: string): void {
    this.option(code, encodeText(text, MAX_OPTION_BYTES));
  }

  countOption(code: number, value: number): void {
    this.u16(code);
    this.u16(8);
    this.u64(value);
  }

  endOfOptions(): void {
    this.u32(OPT_ENDOFOPT);
  }

  /** A copy of all that was built. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  #room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

const put32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
};

/** UTF-8 of at most `limit` bytes. */
export const encodeText = (text: string, limit: number): Uint8Array => {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= limit) return bytes;
  let end = limit;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.slice(0, end);
};
