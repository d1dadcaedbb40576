/** The host as screens and commands see it: plain values, replaced whenever something has changed. */
import type { HostFacts } from '../../host/facts.ts';
import type { Topology } from '../../topology/topology.ts';

/** The host as known now: facts, topology, and how old they are. */
export interface HostState {
  readonly facts: HostFacts;
  readonly topology: Topology;
  /** Counts up with every change of more than counters. */
  readonly generation: number;
  readonly live: boolean;
  /** Why the facts are missing or old (Docker is away); null where all is well. */
  readonly trouble: string | null;
  /** Packets per second of each interface of the host in the newest seconds, oldest first; absent where nobody counts them. */
  readonly traffic?: ReadonlyMap<string, readonly number[]>;
  /** Packets that interfaces dropped in the newest second, by name; those that dropped none are left out. */
  readonly dropped?: ReadonlyMap<string, number>;
}
