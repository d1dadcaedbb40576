/** Damage of the kinds that disks, networks, careless writers and attackers do: flips, cuts, splices, and lengths that lie. */
import type { Random } from '../oracle/random.ts';
import { concat } from '../pcap/events-of.ts';

const NUMBERS = [0, 1, 2, 3, 4, 8, 12, 16, 28, 32, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x40000, 0x100_0000, 0x7fff_ffff];
const WORDS = [...NUMBERS, 0x8000_0000, 0xffff_fffc, 0xffff_ffff, 0x0a0d0d0a, 0x1a2b3c4d, 0x4d3c2b1a, 0xa1b2c3d4, 0x00000bad, 5, 6, 10];
/** Beyond, a file would only cost time. */
const MAX_BYTES = 300_000;

/** Mostly near the beginning, where the headers are, else anywhere; mostly where words begin. */
const place = (random: Random, length: number): number => {
  const bound = random.chance(0.4) ? Math.min(length, 200) : length;
  const at = random.below(Math.max(1, bound));
  return random.chance(0.6) ? at & ~3 : at;
};

const putWord = (bytes: Uint8Array, at: number, value: number, little: boolean): void => {
  for (let i = 0; i < 4 && at + i < bytes.length; i++) bytes[at + i] = (value >>> (little ? i * 8 : 24 - i * 8)) & 0xff;
};

type Mutation = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

const changed = (bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array => {
  const copy = new Uint8Array(bytes);
  change(copy);
  return copy;
};

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) =>
    changed(bytes, (copy) => {
      const at = place(random, copy.length);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
    }),
  (bytes, random) =>
    changed(bytes, (copy) => {
      copy[place(random, copy.length)] = random.below(256);
    }),
  (bytes, random) => changed(bytes, (copy) => putWord(copy, place(random, copy.length), random.of(WORDS), random.chance(0.7))),
  (bytes, random) =>
    changed(bytes, (copy) => {
      // A number nearly right: lengths off by a few.
      const at = place(random, copy.length);
      copy[at] = ((copy[at] ?? 0) + random.between(-5, 5)) & 0xff;
    }),
  (bytes, random) =>
    changed(bytes, (copy) => {
      const at = place(random, copy.length);
      const value = random.of(NUMBERS) & 0xffff;
      copy[at] = value & 0xff;
      if (at + 1 < copy.length) copy[at + 1] = value >>> 8;
    }),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => bytes.subarray(random.below(Math.min(bytes.length, 64) + 1)),
  (bytes, random) => {
    const at = place(random, bytes.length);
    return concat(bytes.subarray(0, at), bytes.subarray(at + random.between(1, 64)));
  },
  (bytes, random) => {
    const at = place(random, bytes.length);
    const from = place(random, bytes.length);
    return concat(bytes.subarray(0, at), bytes.subarray(from, from + random.between(1, 400)), bytes.subarray(at));
  },
  (bytes, random) => {
    const at = place(random, bytes.length);
    const noise = Uint8Array.from({ length: random.between(1, 40) }, () => random.below(256));
    return concat(bytes.subarray(0, at), noise, bytes.subarray(at));
  },
  (bytes, random, others) => {
    const other = random.of(others);
    return concat(bytes.subarray(0, place(random, bytes.length)), other.subarray(place(random, other.length)));
  },
  (bytes, random, others) => {
    const other = random.of(others);
    const at = place(random, bytes.length);
    const from = place(random, other.length);
    return changed(bytes, (copy) => copy.set(other.subarray(from, from + Math.min(random.between(4, 600), copy.length - at)), at));
  },
  (bytes, random) => changed(bytes, (copy) => copy.fill(random.of([0, 0xff, 0x0a]), place(random, copy.length)).subarray(0, 1)),
];

/** One to six changes of the base. */
export const mutated = (base: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array => {
  let bytes = base;
  for (let n = random.of([1, 1, 1, 2, 2, 3, 4, 6]); n > 0; n--) bytes = random.of(MUTATIONS)(bytes, random, others);
  return bytes.length > MAX_BYTES ? bytes.subarray(0, MAX_BYTES) : bytes;
};
