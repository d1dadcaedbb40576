/**
 * SipHash-2-4, a keyed function from bytes to 64 bits: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). Numbers of 64
 * bits are kept as two halves of 32, because a pure stage has neither node:crypto nor cheap 64-bit integers.
 */

/** What a call leaves in the hasher's `low` and `high`. */
export class SipHash {
  low = 0;
  high = 0;
  readonly #k0Low: number;
  readonly #k0High: number;
  readonly #k1Low: number;
  readonly #k1High: number;
  /** v0 to v3, low half before high half. */
  readonly #v = new Int32Array(8);

  /** `key`: 16 bytes, little-endian as in the paper. */
  constructor(key: Uint8Array) {
    if (key.length !== 16) throw new RangeError(`a SipHash key has 16 bytes, this one ${key.length}`);
    this.#k0Low = wordAt(key, 0);
    this.#k0High = wordAt(key, 4);
    this.#k1Low = wordAt(key, 8);
    this.#k1High = wordAt(key, 12);
  }

  hash(bytes: Uint8Array): void {
    const v = this.#v;
    v[0] = this.#k0Low ^ 0x70736575;
    v[1] = this.#k0High ^ 0x736f6d65;
    v[2] = this.#k1Low ^ 0x6e646f6d;
    v[3] = this.#k1High ^ 0x646f7261;
    v[4] = this.#k0Low ^ 0x6e657261;
    v[5] = this.#k0High ^ 0x6c796765;
    v[6] = this.#k1Low ^ 0x79746573;
    v[7] = this.#k1High ^ 0x74656462;
    const whole = bytes.length & ~7;
    for (let at = 0; at < whole; at += 8) this.#block(wordAt(bytes, at), wordAt(bytes, at + 4));
    // The last block: what is left, zeros, and the length's lowest byte on top.
    this.#block(partAt(bytes, whole), (partAt(bytes, whole + 4) & 0x00ff_ffff) | (bytes.length << 24));
    v[4] = (v[4] as number) ^ 0xff;
    for (let i = 0; i < 4; i++) round(v);
    this.low = ((v[0] as number) ^ (v[2] as number) ^ (v[4] as number) ^ (v[6] as number)) >>> 0;
    this.high = ((v[1] as number) ^ (v[3] as number) ^ (v[5] as number) ^ (v[7] as number)) >>> 0;
  }

  #block(low: number, high: number): void {
    const v = this.#v;
    v[6] = (v[6] as number) ^ low;
    v[7] = (v[7] as number) ^ high;
    round(v);
    round(v);
    v[0] = (v[0] as number) ^ low;
    v[1] = (v[1] as number) ^ high;
  }
}

/** SIPROUND. */
const round = (v: Int32Array): void => {
  add(v, 0, 2);
  rotate(v, 2, 13);
  xor(v, 2, 0);
  swapHalves(v, 0);
  add(v, 4, 6);
  rotate(v, 6, 16);
  xor(v, 6, 4);
  add(v, 0, 6);
  rotate(v, 6, 21);
  xor(v, 6, 0);
  add(v, 4, 2);
  rotate(v, 2, 17);
  xor(v, 2, 4);
  swapHalves(v, 4);
};

const add = (v: Int32Array, to: number, from: number): void => {
  const low = ((v[to] as number) >>> 0) + ((v[from] as number) >>> 0);
  v[to] = low;
  v[to + 1] = (v[to + 1] as number) + (v[from + 1] as number) + (low > 0xffff_ffff ? 1 : 0);
};

const xor = (v: Int32Array, to: number, from: number): void => {
  v[to] = (v[to] as number) ^ (v[from] as number);
  v[to + 1] = (v[to + 1] as number) ^ (v[from + 1] as number);
};

/** To the left, by less than 32 bits. */
const rotate = (v: Int32Array, at: number, bits: number): void => {
  const low = v[at] as number;
  const high = v[at + 1] as number;
  v[at] = (low << bits) | (high >>> (32 - bits));
  v[at + 1] = (high << bits) | (low >>> (32 - bits));
};

const swapHalves = (v: Int32Array, at: number): void => {
  const low = v[at] as number;
  v[at] = v[at + 1] as number;
  v[at + 1] = low;
};

const wordAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);

/** As `wordAt`, with zeros behind the end. */
const partAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
