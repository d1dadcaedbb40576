/**
 * The first byte of IPv4 addresses. Here beginnings cannot be kept: 0, 127 and what is above 223 must stay, and the only mappings that
 * keep both these and all beginnings leave nearly everything else in its place too (10 would become one of 8 to 15). So first bytes are
 * exchanged at random; where a prefix shorter than a byte is in use, only among those that it does not tell apart.
 */
import type { IpPrefix } from '../base/ip-address.ts';
import { type Keyed, PURPOSE } from './keyed.ts';
import { isKeptFirstByte, LINK_LOCAL_FIRST } from './special-addresses.ts';

export class FirstBytes {
  readonly #keyed: Keyed;
  /** Those before the first bit that is not part of each, as `value/length`. */
  readonly #prefixes = new Map<string, { readonly byte: number; readonly mask: number }>();
  #isKept = false;
  #table: Uint8Array | null = null;

  constructor(keyed: Keyed) {
    this.#keyed = keyed;
  }

  map(byte: number): number {
    return this.table()[byte] as number;
  }

  table(): Uint8Array {
    this.#table ??= this.#make();
    return this.#table;
  }

  /** False where it changes nothing. */
  knowPrefix({ address, mask, length }: IpPrefix): boolean {
    if (address.version !== 4 || length === null || length < 1 || length > 7) return false;
    const key = `${address.a >>> 24}/${length}`;
    if (this.#prefixes.has(key)) return false;
    this.#prefixes.set(key, { byte: address.a >>> 24, mask: mask.a >>> 24 });
    this.#table = null;
    return true;
  }

  /** Where something counts on the order of first bytes, or on single bits of them. */
  keepAll(): void {
    this.#isKept = true;
    this.#table = null;
  }

  #make(): Uint8Array {
    const table = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    if (this.#isKept) return table;
    const groups = new Map<string, number[]>();
    for (let byte = 0; byte < 256; byte++) {
      if (isKeptFirstByte(byte) || byte === LINK_LOCAL_FIRST) continue;
      const prefixes = [...this.#prefixes.values()].filter(({ byte: value, mask }) => (byte & mask) === value);
      const group = prefixes
        .map(({ byte: value, mask }) => `${value}/${mask}`)
        .sort()
        .join(' ');
      const members = groups.get(group);
      if (members === undefined) groups.set(group, [byte]);
      else members.push(byte);
    }
    for (const [group, members] of groups) {
      for (const [byte, mapped] of this.#keyed.cycle(PURPOSE.firstByte, group, members)) table[byte] = mapped;
    }
    return table;
  }
}
