/**
 * The checksums of lz4 (XXH32) and zstd (XXH64) frames, over bytes that come in pieces. doc/xxhash_spec.md of Cyan4973/xxHash.
 * 64-bit numbers are kept as two halves of 32 bits: a BigInt costs twenty times as much.
 */

const STRIPE_32 = 16;
const STRIPE_64 = 32;

const rotl = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** Puts pieces together into whole stripes. */
class Stripes {
  readonly rest: Uint8Array;
  held = 0;
  readonly #take: (view: DataView, at: number) => void;

  constructor(stripe: number, take: (view: DataView, at: number) => void) {
    this.rest = new Uint8Array(stripe);
    this.#take = take;
  }

  update(bytes: Uint8Array): void {
    const stripe = this.rest.length;
    let at = 0;
    if (this.held > 0) {
      at = Math.min(stripe - this.held, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.held);
      this.held += at;
      if (this.held < stripe) return;
      this.#take(new DataView(this.rest.buffer), 0);
      this.held = 0;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (; at + stripe <= bytes.length; at += stripe) this.#take(view, at);
    this.rest.set(bytes.subarray(at), 0);
    this.held = bytes.length - at;
  }
}

const P32_1 = 0x9e3779b1;
const P32_2 = 0x85ebca77;
const P32_3 = 0xc2b2ae3d;
const P32_4 = 0x27d4eb2f;
const P32_5 = 0x165667b1;

export class XxHash32 {
  readonly #stripes = new Stripes(STRIPE_32, (view, at) => this.#stripe(view, at));
  #a = (P32_1 + P32_2) | 0;
  #b = P32_2 | 0;
  #c = 0;
  #d = -P32_1 | 0;
  #length = 0;

  update(bytes: Uint8Array): this {
    this.#length += bytes.length;
    this.#stripes.update(bytes);
    return this;
  }

  digest(): number {
    const { rest, held } = this.#stripes;
    let hash = this.#length >= STRIPE_32 ? (rotl(this.#a, 1) + rotl(this.#b, 7) + rotl(this.#c, 12) + rotl(this.#d, 18)) | 0 : P32_5 | 0;
    hash = (hash + this.#length) | 0;
    const view = new DataView(rest.buffer);
    let at = 0;
    for (; at + 4 <= held; at += 4) hash = Math.imul(rotl((hash + Math.imul(view.getUint32(at, true), P32_3)) | 0, 17), P32_4);
    for (; at < held; at++) hash = Math.imul(rotl((hash + Math.imul(rest[at] as number, P32_5)) | 0, 11), P32_1);
    hash = Math.imul(hash ^ (hash >>> 15), P32_2);
    hash = Math.imul(hash ^ (hash >>> 13), P32_3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  #stripe(view: DataView, at: number): void {
    this.#a = round32(this.#a, view.getUint32(at, true));
    this.#b = round32(this.#b, view.getUint32(at + 4, true));
    this.#c = round32(this.#c, view.getUint32(at + 8, true));
    this.#d = round32(this.#d, view.getUint32(at + 12, true));
  }
}

const round32 = (lane: number, word: number): number => Math.imul(rotl((lane + Math.imul(word, P32_2)) | 0, 13), P32_1);

/** A 64-bit number that is changed in place. */
class Long {
  high: number;
  low: number;

  constructor(high: number, low: number) {
    this.high = high | 0;
    this.low = low | 0;
  }

  set(other: Long): this {
    this.high = other.high;
    this.low = other.low;
    return this;
  }

  load(view: DataView, at: number): this {
    this.low = view.getInt32(at, true);
    this.high = view.getInt32(at + 4, true);
    return this;
  }

  add(other: Long): this {
    const low = (this.low >>> 0) + (other.low >>> 0);
    this.high = (this.high + other.high + (low > 0xffff_ffff ? 1 : 0)) | 0;
    this.low = low | 0;
    return this;
  }

  xor(other: Long): this {
    this.high ^= other.high;
    this.low ^= other.low;
    return this;
  }

  times(other: Long): this {
    const { high, low } = this;
    const a = low >>> 16;
    const b = low & 0xffff;
    const c = other.low >>> 16;
    const d = other.low & 0xffff;
    // The carry out of the lower half, from its four partial products.
    const bd = Math.imul(b, d) >>> 0;
    const middle = Math.imul(a, d) >>> 0;
    const sum = (bd >>> 16) + (middle & 0xffff) + (Math.imul(b, c) & 0xffff);
    const upper = (Math.imul(a, c) >>> 0) + (middle >>> 16) + (Math.imul(b, c) >>> 16) + (sum >>> 16);
    this.low = Math.imul(low, other.low);
    this.high = (upper + Math.imul(high, other.low) + Math.imul(low, other.high)) | 0;
    return this;
  }

  /** `by` from 1 to 31. */
  rotate(by: number): this {
    const { high, low } = this;
    this.high = (high << by) | (low >>> (32 - by));
    this.low = (low << by) | (high >>> (32 - by));
    return this;
  }

  /** Exclusive or with itself, shifted to the right. */
  fold(by: number): this {
    const { high, low } = this;
    if (by >= 32) this.low ^= high >>> (by - 32);
    else {
      this.low ^= (low >>> by) | (high << (32 - by));
      this.high ^= high >>> by;
    }
    return this;
  }
}

const P64_1 = Object.freeze(new Long(0x9e3779b1, 0x85ebca87));
const P64_2 = Object.freeze(new Long(0xc2b2ae3d, 0x27d4eb4f));
const P64_3 = Object.freeze(new Long(0x165667b1, 0x9e3779f9));
const P64_4 = Object.freeze(new Long(0x85ebca77, 0xc2b2ae63));
const P64_5 = Object.freeze(new Long(0x27d4eb2f, 0x165667c5));

export class XxHash64 {
  readonly #stripes = new Stripes(STRIPE_64, (view, at) => this.#stripe(view, at));
  readonly #lanes = [
    new Long(0, 0).set(P64_1).add(P64_2),
    new Long(0, 0).set(P64_2),
    new Long(0, 0),
    // Minus the first prime.
    new Long(~P64_1.high, ~P64_1.low).add(new Long(0, 1)),
  ] as const;
  readonly #word = new Long(0, 0);
  #length = 0;

  update(bytes: Uint8Array): this {
    this.#length += bytes.length;
    this.#stripes.update(bytes);
    return this;
  }

  /** The lower 32 bits, which is what zstd keeps of it. */
  digestLow(): number {
    const { rest, held } = this.#stripes;
    const hash = new Long(0, 0).set(P64_5);
    if (this.#length >= STRIPE_64) {
      const [a, b, c, d] = this.#lanes.map((lane) => new Long(lane.high, lane.low)) as [Long, Long, Long, Long];
      hash.set(new Long(a.high, a.low).rotate(1));
      for (const [lane, by] of [
        [b, 7],
        [c, 12],
        [d, 18],
      ] as const)
        hash.add(new Long(lane.high, lane.low).rotate(by));
      for (const lane of [a, b, c, d])
        hash
          .xor(round64(new Long(0, 0), lane))
          .times(P64_1)
          .add(P64_4);
    }
    hash.add(new Long(Math.floor(this.#length / 0x1_0000_0000), this.#length));
    const view = new DataView(rest.buffer);
    const word = this.#word;
    let at = 0;
    for (; at + 8 <= held; at += 8)
      hash
        .xor(round64(new Long(0, 0), word.load(view, at)))
        .rotate(27)
        .times(P64_1)
        .add(P64_4);
    if (at + 4 <= held) {
      hash
        .xor(new Long(0, view.getUint32(at, true)).times(P64_1))
        .rotate(23)
        .times(P64_2)
        .add(P64_3);
      at += 4;
    }
    for (; at < held; at++)
      hash
        .xor(new Long(0, rest[at] as number).times(P64_5))
        .rotate(11)
        .times(P64_1);
    hash.fold(33).times(P64_2).fold(29).times(P64_3).fold(32);
    return hash.low >>> 0;
  }

  #stripe(view: DataView, at: number): void {
    const word = this.#word;
    const [a, b, c, d] = this.#lanes;
    round64(a, word.load(view, at));
    round64(b, word.load(view, at + 8));
    round64(c, word.load(view, at + 16));
    round64(d, word.load(view, at + 24));
  }
}

const round64 = (lane: Long, word: Long): Long => lane.add(word.times(P64_2)).rotate(31).times(P64_1);
