/**
 * An overlay network's entries on this host do not lead to the other one: which of its containers is behind which host (bridge fdb), and
 * who has which address (ip neigh). Docker writes both, for each container that another host tells it of (libnetwork, drivers/overlay).
 */
import { formatIp, type IpAddress } from '../../base/ip-address.ts';
import type { DecisionReason } from '../../path/verdict.ts';
import type { Cause } from '../diagnosis.ts';
import { capital, list } from '../words.ts';

const SAYS = new Map<DecisionReason, (address: string) => string>([
  ['vtep-missing', (target) => `no entry says behind which host ${target} is, so that its frames go nowhere`],
  ['vtep-wrong', (target) => `the entry that says behind which host ${target} is names a wrong one`],
  ['vtep-neighbour', (target) => `no entry says which hardware address ${target} has, so that nobody answers when it is asked for`],
]);

export const overlayEntry: Cause = {
  id: 'overlay-entry',
  inside: true,
  find: ({ obstacle, src, target, facts }) => {
    const by = obstacle?.verdict.decidedBy;
    const says = by?.reason === undefined ? undefined : SAYS.get(by.reason);
    if (obstacle === null || by === undefined || says === undefined) return null;
    const [asker, asked] = obstacle.direction === 'request' ? [src, target] : [target, src];
    const network = facts.networks.find(({ name }) => name === by.namespace);
    const note = obstacle.verdict.steps.find((step) => step.text === by.text)?.note;
    const peers = network?.peers ?? [];
    return {
      sentence: `${capital(`the frame of ${asker.name} reaches ${by.about?.device ?? 'the tunnel'} of overlay network ${by.namespace ?? ''}`.trim())}, and there ${says(asked.name)}.`,
      evidence: [
        note === undefined ? by.text : `${by.text} (${note})`,
        ...(peers.length > 1 ? [`the network spans ${list(hostsOf(peers))}`] : []),
      ],
      fix: `docker restart ${asked.container?.name ?? 'CONTAINER'}`,
      fixFor: `On the host of ${asked.name}, to have Docker tell the other hosts of it anew`,
    };
  },
};

const hostsOf = (peers: readonly IpAddress[]): readonly string[] => peers.map(formatIp);
