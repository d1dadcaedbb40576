/** Options of pcapng blocks: code, length, value padded to 32 bits. draft-ietf-opsawg-pcapng section 3.5. */
import { u16be, u16le, u32be, u32le } from '../base/bytes.ts';
import { OPT_COMMENT, OPT_ENDOFOPT, padded } from './block-types.ts';
import { NO_COMMENTS } from './events.ts';

export const readU16 = (bytes: Uint8Array, at: number, little: boolean): number => (little ? u16le(bytes, at) : u16be(bytes, at));

export const readU32 = (bytes: Uint8Array, at: number, little: boolean): number => (little ? u32le(bytes, at) : u32be(bytes, at));

/** A 64-bit count as a number; above 2^53 it loses its lowest bits. */
export const readU64 = (bytes: Uint8Array, at: number, little: boolean): number => {
  const first = readU32(bytes, at, little);
  const second = readU32(bytes, at + 4, little);
  return little ? second * 0x1_0000_0000 + first : first * 0x1_0000_0000 + second;
};

/** Signed, for if_tsoffset. */
export const readI64 = (bytes: Uint8Array, at: number, little: boolean): number => {
  const first = readU32(bytes, at, little);
  const second = readU32(bytes, at + 4, little);
  return little ? (second | 0) * 0x1_0000_0000 + first : (first | 0) * 0x1_0000_0000 + second;
};

/** Text ends at its length or at a NUL, which some writers count in. Bytes that are no UTF-8 become U+FFFD. */
export const readText = (bytes: Uint8Array, at: number, length: number): string => {
  let end = at + length;
  while (end > at && bytes[end - 1] === 0) end--;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(at, end));
};

/** A walk over the options of one block. `problem` says why it stopped early. */
export class OptionWalk {
  code = 0;
  at = 0;
  length = 0;
  problem: string | null = null;
  readonly #bytes: Uint8Array;
  readonly #little: boolean;
  readonly #end: number;
  #next: number;

  constructor(bytes: Uint8Array, start: number, end: number, little: boolean) {
    this.#bytes = bytes;
    this.#next = start;
    this.#end = end;
    this.#little = little;
  }

  /** Steps to the next option; false at the end. */
  next(): boolean {
    const at = this.#next;
    if (at === this.#end) return false;
    if (at + 4 > this.#end) return this.#stop(`${this.#end - at} stray bytes after the last option`);
    this.code = readU16(this.#bytes, at, this.#little);
    this.length = readU16(this.#bytes, at + 2, this.#little);
    if (this.code === OPT_ENDOFOPT) return this.length === 0 ? false : this.#stop('the end-of-options mark has a length');
    this.at = at + 4;
    this.#next = this.at + padded(this.length);
    if (this.#next > this.#end) {
      return this.#stop(`option ${this.code} claims ${this.length} bytes, ${this.#end - this.at} are left in the block`);
    }
    return true;
  }

  text(): string {
    return readText(this.#bytes, this.at, this.length);
  }

  /** True where the option has the length that its code demands; otherwise the walk goes on and keeps the complaint. */
  sized(length: number): boolean {
    if (this.length === length) return true;
    this.problem = `option ${this.code} has ${this.length} bytes instead of ${length}`;
    return false;
  }

  #stop(problem: string): boolean {
    this.problem = problem;
    this.#next = this.#end;
    return false;
  }
}

/** Collects opt_comment values; shares one empty list where there are none. */
export class Comments {
  #list: string[] | null = null;

  take(walk: OptionWalk): boolean {
    if (walk.code !== OPT_COMMENT) return false;
    this.#list ??= [];
    this.#list.push(walk.text());
    return true;
  }

  get list(): readonly string[] {
    return this.#list ?? NO_COMMENTS;
  }
}
