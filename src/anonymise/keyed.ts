/** What the mappings draw from a key: bits and permutations, each for its own purpose and its own text before it. */
import { SipHash } from './siphash.ts';

/** Purposes are told apart by the first byte that is hashed: none says anything about another. */
export const PURPOSE = {
  firstByte: 1,
  low24: 2,
  prefix6: 3,
  vendor: 4,
  interfaceId: 5,
  letters: 6,
  digits: 7,
  hex: 8,
  base36: 9,
  words: 10,
  payload: 11,
} as const;

export type Purpose = (typeof PURPOSE)[keyof typeof PURPOSE];

export class Keyed {
  readonly #hash: SipHash;

  constructor(key: Uint8Array) {
    this.#hash = new SipHash(key);
  }

  /** 256 bits about `context`. */
  bits256(purpose: Purpose, context: string): Uint32Array {
    const words = new Uint32Array(8);
    for (let part = 0; part < 4; part++) {
      this.#hash.hash(input(purpose, part, context));
      words[part * 2] = this.#hash.low;
      words[part * 2 + 1] = this.#hash.high;
    }
    return words;
  }

  /** Eight hexadecimal digits that stand for `text`. */
  digest(purpose: Purpose, text: string): string {
    this.#hash.hash(input(purpose, 0, text));
    return this.#hash.low.toString(16).padStart(8, '0');
  }

  /**
   * A permutation of `members` that leaves none in its place: one single cycle (Sattolo's algorithm). A list of one stays as it is.
   */
  cycle(purpose: Purpose, context: string, members: readonly number[]): Map<number, number> {
    const shuffled = [...members];
    for (let i = shuffled.length - 1; i > 0; i--) {
      this.#hash.hash(input(purpose, i & 0xff, context));
      const j = this.#hash.low % i;
      const moved = shuffled[i] as number;
      shuffled[i] = shuffled[j] as number;
      shuffled[j] = moved;
    }
    return new Map(members.map((member, index) => [member, shuffled[index] as number]));
  }
}

const input = (purpose: Purpose, part: number, context: string): Uint8Array => {
  const bytes = new Uint8Array(2 + context.length * 2);
  bytes[0] = purpose;
  bytes[1] = part;
  for (let i = 0; i < context.length; i++) {
    const code = context.charCodeAt(i);
    bytes[2 + i * 2] = code & 0xff;
    bytes[3 + i * 2] = code >>> 8;
  }
  return bytes;
};
