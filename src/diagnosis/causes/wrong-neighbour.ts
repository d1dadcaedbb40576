/** A neighbour entry that names another MAC address than the container's: a reused address, or one set by hand. */
import type { Cause } from '../diagnosis.ts';

export const wrongNeighbour: Cause = {
  id: 'wrong-neighbour',
  find: ({ obstacle, target }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'neighbour-wrong') return null;
    const { address, device } = by.about ?? {};
    return {
      sentence: `The host sends frames for ${target.name} to a MAC address that is not its own: the entry in the neighbour table is wrong.`,
      evidence: [by.text],
      fix: `ip neigh del ${address ?? 'ADDRESS'} dev ${device ?? 'BRIDGE'}`,
      fixFor: 'To have it asked for anew',
    };
  },
};
