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
      this.#byTuple.set(keyOf(entry.protocol, entry.original, zone), { entry, direction: 'original' });
      this.#byTuple.set(keyOf(entry.protocol, entry.reply, zone), { entry, direction: 'reply' });
    }
  }

  /** Zones other than 0 are those of rules with CT --zone. */
  find(protocol: number, tuple: Tuple, zone = 0): ConntrackHit | null {
    return this.#byTuple.size === 0 ? null : (this.#byTuple.get(keyOf(protocol, tuple, zone)) ?? null);
  }
}

const keyOf = (protocol: number, tuple: Tuple, zone: number): string =>
  `${zone} ${protocol} ${words(tuple.src)} ${tuple.srcPort ?? ''} ${words(tuple.dst)} ${tuple.dstPort ?? ''}`;

const words = ({ version, a, b, c, d }: IpAddress): number | string => (version === 4 ? a : `${a}:${b}:${c}:${d}`);
