/** Containers with --network host: their packets are the host's own. */
import type { Cause } from '../diagnosis.ts';
import { list } from '../words.ts';

export const hostNetwork: Cause = {
  id: 'host-network',
  find: ({ topology, spec, verdict, src, dst, flow }) => {
    const names = topology.containers
      .filter((container) => container.modeKind === 'host' && container.state === 'running')
      .map((container) => container.name);
    const own =
      (spec.in === null && src.isHost) || (flow === null && dst.isHost && verdict.out === 'local' && verdict.proxiedTo === undefined);
    if (names.length === 0 || !own) return null;
    return {
      weight: 'note',
      sentence: `${list(names)} ${names.length === 1 ? 'uses' : 'use'} the host's own network, so what holds for the host here (${spec.in === null ? 'OUTPUT' : 'INPUT'}, never FORWARD) holds for ${names.length === 1 ? 'it' : 'them'}.`,
    };
  },
};
