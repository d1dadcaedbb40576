/** Connections of the snapshot, found by either direction's tuple. */
import type { IpAddress } from '../base/ip-address.ts';
import type { ConntrackEntry } from '../host/facts.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../netfilter/protocols.ts';
import type { Tuple } from '../netfilter/tuple.ts';

export interface ConntrackHit {
  readonly entry: ConntrackEntry;
  readonly direction: 'original' | 'reply';
}

export class ConntrackIndex {
  readonly #entries: readonly ConntrackEntry[];
  readonly #byTuple = new Map<string, ConntrackHit>();
  /** By who began them; made when it is first asked. */
  #bySender: Map<string, ConntrackEntry[]> | null = null;

  constructor(entries: readonly ConntrackEntry[]) {
    this.#entries = entries;
    for (const entry of entries) {
      const zone = entry.zone ?? 0;
      for (const direction of ['original', 'reply'] as const) {
        this.#byTuple.set(keyOf(entry.protocol, entry[direction], zoneIn(zone, entry.zoneOf, direction), direction), { entry, direction });
      }
    }
  }

  /** Zones other than 0 are those of rules with CT --zone; with `zoneOf` for one direction only, the other being in zone 0. */
  find(protocol: number, tuple: Tuple, zone = 0, zoneOf?: 'original' | 'reply'): ConntrackHit | null {
    if (this.#byTuple.size === 0) return null;
    const found = (direction: 'original' | 'reply'): ConntrackHit | undefined =>
      this.#byTuple.get(keyOf(protocol, tuple, zoneIn(zone, zoneOf, direction), direction));
    // Where both directions have one tuple (to oneself, without ports) the kernel finds the reply's, which was put in front. ICMP has
    // the type in its tuples too, and it is requests that are looked for.
    const isIcmp = protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
    return (isIcmp ? (found('original') ?? found('reply')) : (found('reply') ?? found('original'))) ?? null;
  }

  /** Connections that the same sender began from the same port (find_appropriate_src). */
  from(protocol: number, { src, srcPort }: Tuple, zone = 0, zoneOf?: 'original' | 'reply'): readonly ConntrackEntry[] {
    if (this.#bySender === null) {
      this.#bySender = new Map();
      for (const entry of this.#entries) {
        const { original } = entry;
        const key = senderKey(entry.protocol, original.src, original.srcPort, zoneIn(entry.zone ?? 0, entry.zoneOf, 'original'));
        const known = this.#bySender.get(key);
        if (known === undefined) this.#bySender.set(key, [entry]);
        else known.push(entry);
      }
    }
    return this.#bySender.get(senderKey(protocol, src, srcPort, zoneIn(zone, zoneOf, 'original'))) ?? NONE;
  }
}

const NONE: readonly ConntrackEntry[] = [];

const senderKey = (protocol: number, src: IpAddress, srcPort: number | null, zone: number): string =>
  `${protocol} ${words(src)} ${srcPort} ${zone}`;

/** nf_ct_zone_id */
export const zoneIn = (zone: number, zoneOf: 'original' | 'reply' | undefined, direction: 'original' | 'reply'): number =>
  zoneOf === undefined || zoneOf === direction ? zone : 0;

const keyOf = (protocol: number, tuple: Tuple, zone: number, direction: 'original' | 'reply'): string =>
  `${direction} ${zone} ${protocol} ${words(tuple.src)} ${tuple.srcPort ?? ''} ${words(tuple.dst)} ${tuple.dstPort ?? ''}`;

const words = ({ version, a, b, c, d }: IpAddress): number | string => (version === 4 ? a : `${a}:${b}:${c}:${d}`);
