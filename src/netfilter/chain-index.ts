/**
 * Which rules of a chain a packet can meet at all. Chains of hosts with many networks or services pin nearly every rule to one address or
 * one device; a rule whose pin differs from the packet does not match, whatever its other conditions would say, and need not be asked.
 * An index only leaves such rules out: each rule that is left is asked in full (ipt_do_table asks all, with the same result).
 */
import type { IpAddress, IpPrefix } from '../base/ip-address.ts';
import { hasPorts } from './protocols.ts';
import { isUnknownDevice, type Skb } from './skb.ts';

/** Conditions of a rule that are known of every packet and hold no `!` and no `+`. Null where the rule has none of the kind. */
export interface RulePins {
  readonly inDev: string | null;
  readonly outDev: string | null;
  readonly src: IpPrefix | null;
  readonly dst: IpPrefix | null;
  /** Known of packets that show ports; for others all rules are asked. */
  readonly dport: number | null;
}

/** Shorter chains are faster asked than looked up. */
const RULES_MIN = 8;

interface Dimension {
  readonly keyOfRule: (pins: RulePins) => number | string | null;
  /** Null where the packet does not tell. */
  readonly keyOfPacket: (skb: Skb) => number | string | null;
}

export class ChainIndex {
  readonly #keyOfPacket: Dimension['keyOfPacket'];
  /** Positions of the rules pinned to one value, ascending. */
  readonly #byKey: ReadonlyMap<number | string, readonly number[]>;
  /** For each position, the next one (or itself) whose rule is not pinned. */
  readonly #nextUnpinned: Int32Array;

  private constructor(dimension: Dimension, byKey: ReadonlyMap<number | string, readonly number[]>, nextUnpinned: Int32Array) {
    this.#keyOfPacket = dimension.keyOfPacket;
    this.#byKey = byKey;
    this.#nextUnpinned = nextUnpinned;
  }

  /** By the pin that tells most rules apart; null where none tells enough of them. */
  static of(pins: readonly (RulePins | null)[]): ChainIndex | null {
    if (pins.length < RULES_MIN) return null;
    let best: { readonly saved: number; readonly dimension: Dimension; readonly byKey: Map<number | string, number[]> } | null = null;
    for (const dimension of dimensionsOf(pins)) {
      const byKey = grouped(pins, dimension);
      let pinned = 0;
      let largest = 0;
      for (const { length } of byKey.values()) {
        pinned += length;
        largest = Math.max(largest, length);
      }
      const saved = pinned - largest;
      if (saved >= RULES_MIN && (best === null || saved > best.saved)) best = { saved, dimension, byKey };
    }
    if (best === null) return null;
    const nextUnpinned = new Int32Array(pins.length + 1).fill(pins.length);
    for (let at = pins.length - 1; at >= 0; at--) {
      const own = pins[at];
      const isPinned = own !== null && own !== undefined && best.dimension.keyOfRule(own) !== null;
      nextUnpinned[at] = isPinned ? (nextUnpinned[at + 1] as number) : at;
    }
    return new ChainIndex(best.dimension, best.byKey, nextUnpinned);
  }

  /** The first position from `at` on whose rule the packet may match; the chain's length where there is none. */
  next(at: number, skb: Skb): number {
    const key = this.#keyOfPacket(skb);
    if (key === null) return at;
    const unpinned = this.#nextUnpinned[at] ?? at;
    const pinned = this.#byKey.get(key);
    if (pinned === undefined) return unpinned;
    let low = 0;
    let high = pinned.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pinned[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return Math.min(unpinned, pinned[low] ?? unpinned);
  }
}

const grouped = (pins: readonly (RulePins | null)[], { keyOfRule }: Dimension): Map<number | string, number[]> => {
  const byKey = new Map<number | string, number[]>();
  pins.forEach((own, at) => {
    const key = own === null ? null : keyOfRule(own);
    if (key === null) return;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [at]);
    else known.push(at);
  });
  return byKey;
};

/** The devices, and source and destination under every mask that the chain's rules use. */
const dimensionsOf = (pins: readonly (RulePins | null)[]): readonly Dimension[] => {
  const masks = { src: new Map<number, IpAddress>(), dst: new Map<number, IpAddress>() };
  for (const own of pins) {
    if (own?.src) masks.src.set(hashOf(own.src.mask), own.src.mask);
    if (own?.dst) masks.dst.set(hashOf(own.dst.mask), own.dst.mask);
  }
  return [
    { keyOfRule: ({ outDev }) => outDev, keyOfPacket: ({ outDev }) => deviceKey(outDev) },
    { keyOfRule: ({ inDev }) => inDev, keyOfPacket: ({ inDev }) => deviceKey(inDev) },
    {
      keyOfRule: ({ dport }) => dport,
      keyOfPacket: ({ dstPort, fragmentOffset, protocol }) => (fragmentOffset === 0 && hasPorts(protocol) ? dstPort : null),
    },
    ...[...masks.dst.values()].map(
      (mask): Dimension => ({ keyOfRule: ({ dst }) => keyUnder(dst, mask), keyOfPacket: ({ dst }) => maskedHash(dst, mask) }),
    ),
    ...[...masks.src.values()].map(
      (mask): Dimension => ({ keyOfRule: ({ src }) => keyUnder(src, mask), keyOfPacket: ({ src }) => maskedHash(src, mask) }),
    ),
  ];
};

/** Null where it is not known: then every rule about devices is asked. */
const deviceKey = (name: string | null): string | null => (name === null ? '' : isUnknownDevice(name) ? null : name);

const keyUnder = (prefix: IpPrefix | null, mask: IpAddress): number | null =>
  prefix === null || !sameMask(prefix.mask, mask) ? null : hashOf(prefix.address);

const sameMask = (x: IpAddress, y: IpAddress): boolean => x.a === y.a && x.b === y.b && x.c === y.c && x.d === y.d;

/** Two addresses may share a hash: then a rule too many is asked, and says no. For IPv4 it is the address. */
const hashOf = ({ a, b, c, d }: IpAddress): number => a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b) ^ Math.imul(d, 0xc2b2ae35);

const maskedHash = (ip: IpAddress, mask: IpAddress): number =>
  (ip.a & mask.a) ^ Math.imul(ip.b & mask.b, 0x9e3779b1) ^ Math.imul(ip.c & mask.c, 0x85ebca6b) ^ Math.imul(ip.d & mask.d, 0xc2b2ae35);
