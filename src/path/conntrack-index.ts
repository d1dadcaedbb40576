/** Connections of the snapshot, found by either direction's tuple. */
import { formatIp } from '../base/ip-address.ts';
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
      // Zones other than 0 belong to rules with CT --zone; their packets are not looked up here.
      if (entry.zone !== null && entry.zone !== 0) continue;
      this.#byTuple.set(keyOf(entry.protocol, entry.original), { entry, direction: 'original' });
      this.#byTuple.set(keyOf(entry.protocol, entry.reply), { entry, direction: 'reply' });
    }
  }

  find(protocol: number, tuple: Tuple): ConntrackHit | null {
    return this.#byTuple.get(keyOf(protocol, tuple)) ?? null;
  }
}

const keyOf = (protocol: number, tuple: Tuple): string =>
  `${protocol} ${formatIp(tuple.src)} ${tuple.srcPort ?? ''} ${formatIp(tuple.dst)} ${tuple.dstPort ?? ''}`;
