/** Nobody answered when the host last asked by ARP or neighbour discovery who has the address (RFC 826, RFC 4861). */
import type { Cause } from '../diagnosis.ts';

export const neighbourSilent: Cause = {
  id: 'neighbour-silent',
  find: ({ obstacle, family }) => {
    const by = obstacle?.verdict.decidedBy;
    if (obstacle === null || by?.reason !== 'neighbour-failed') return null;
    const { address = 'ADDRESS', device = 'IF' } = by.about ?? {};
    return {
      sentence: `The host asked on ${device} who has ${address} (${family === 4 ? 'ARP' : 'neighbour discovery'}) and nobody answered: unless that has changed, the packet ends here.`,
      evidence: [by.text],
      fix: `ping -c 1 -I ${device} ${address}; ip neigh show ${address} dev ${device}`,
      fixFor: 'To have it asked once more',
    };
  },
};
