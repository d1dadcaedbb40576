/** A neighbour entry that names another MAC address than the container's: a reused address, or one set by hand. */
import type { Cause } from '../diagnosis.ts';

export const wrongNeighbour: Cause = {
  id: 'wrong-neighbour',
  find: ({ obstacle, target }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'neighbour-wrong') return null;
    const { address = 'ADDRESS', device = 'BRIDGE', container } = by.about ?? {};
    const del = `ip neigh del ${address} dev ${device}`;
    return {
      sentence: `${container ?? 'The host'} sends frames for ${target.name} to a MAC address that is not its own: the entry in ${container === undefined ? 'the' : 'its'} neighbour table is wrong.`,
      evidence: [by.text],
      fix: container === undefined ? del : `nsenter -n -t "$(docker inspect -f '{{.State.Pid}}' ${container})" ${del}`,
      fixFor: 'To have it asked for anew',
    };
  },
};
