/** What of the picture follows from the host alone, kept for as long as the host is the same: a key must not wait for a large host's graph. */
import type { HostFacts } from '../../host/facts.ts';
import type { HostState } from '../../session/state/host-state.ts';
import { buildGraph } from '../../topology/graph/build-graph.ts';
import { GraphIndex } from '../../topology/graph/graph-index.ts';
import { type Plan, planOf } from '../../topology/graph/plan.ts';
import type { Topology } from '../../topology/topology.ts';
import { type About, itemsAbout } from '../picture/about.ts';

export interface Drawn {
  readonly index: GraphIndex;
  readonly plan: Plan;
  readonly abouts: readonly About[];
}

export const drawnOf = ({ facts, topology }: Pick<HostState, 'facts' | 'topology'>): Drawn => {
  const graph = buildGraph(facts, topology);
  const index = new GraphIndex(graph);
  const plan = planOf(graph);
  return { index, plan, abouts: itemsAbout(plan, index, topology) };
};

export class DrawnCache {
  #kept: { readonly facts: HostFacts; readonly topology: Topology; readonly drawn: Drawn } | null = null;

  of({ facts, topology }: Pick<HostState, 'facts' | 'topology'>): Drawn {
    if (this.#kept === null || this.#kept.facts !== facts || this.#kept.topology !== topology) {
      this.#kept = { facts, topology, drawn: drawnOf({ facts, topology }) };
    }
    return this.#kept.drawn;
  }
}
