/** Connections of the snapshot, found by either direction's tuple. */
import type { IpAddress } from '../base/ip-address.ts';
import type { ConntrackEntry } from '../host/facts.ts';
import type { Tuple } from '../netfilter/tuple.ts';

export interface ConntrackHit {
  readonly entry: ConntrackEntry;
  readonly direction: 'original' | 'reply';
}

export class ConntrackIndex {
  readonly #byTuple = new Map<string, ConntrackHit>();

  constructor(entries: readonly ConntrackEntry[]) {
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
    // Where both directions have one tuple (to oneself, without ports) the kernel finds the reply's, which was put in front.
    return (
      this.#byTuple.get(keyOf(protocol, tuple, zoneIn(zone, zoneOf, 'reply'), 'reply')) ??
      this.#byTuple.get(keyOf(protocol, tuple, zoneIn(zone, zoneOf, 'original'), 'original')) ??
      null
    );
  }
}

/** nf_ct_zone_id */
const zoneIn = (zone: number, zoneOf: 'original' | 'reply' | undefined, direction: 'original' | 'reply'): number =>
  zoneOf === undefined || zoneOf === direction ? zone : 0;

const keyOf = (protocol: number, tuple: Tuple, zone: number, direction: 'original' | 'reply'): string =>
  `${direction} ${zone} ${protocol} ${words(tuple.src)} ${tuple.srcPort ?? ''} ${words(tuple.dst)} ${tuple.dstPort ?? ''}`;

const words = ({ version, a, b, c, d }: IpAddress): number | string => (version === 4 ? a : `${a}:${b}:${c}:${d}`);
