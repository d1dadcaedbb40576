/**
 * A macvlan child sends frames with a MAC address of its own. What is beside this host (a hypervisor's virtual switch, a switch with port
 * security) may know only the machine's own address: frames leave, and nothing addressed to the child comes back.
 */
import type { Flow } from '../../flow/flow.ts';
import type { Cause } from '../diagnosis.ts';

export const foreignMac: Cause = {
  id: 'foreign-mac',
  find: ({ obstacle, unanswered, verdict, src, target, flow, facts }) => {
    const host = src.endpoint?.host;
    if (host?.kind !== 'macvlan' || host.parent === null || target.container !== null || target.isHost) return null;
    const silent = obstacle?.verdict.decidedBy.reason === 'neighbour-failed' && obstacle.direction === 'request';
    if (!silent && (obstacle !== null || !unanswered || verdict.outcome !== 'accept')) return null;
    const own = facts.self.links?.find(({ name }) => name === host.parent)?.mac ?? null;
    return {
      sentence: `${src.name} sends by ${host.parent} with a MAC address of its own, and nothing addressed to that comes back: many hypervisors and switches pass only the address they gave the machine. The reason lies upstream of this host.`,
      evidence: [
        ...(flow === null ? [] : [`${sentOf(flow)} packets left, none came back`]),
        ...(silent ? [obstacle?.verdict.decidedBy.text ?? ''] : []),
        `${src.endpoint?.mac ?? 'its address'}, while ${host.parent} has ${own ?? 'another'}`,
      ],
      fix: `tcpdump -eni ${host.parent} ether host ${src.endpoint?.mac ?? 'MAC'} or broadcast`,
      fixFor: 'To see broadcasts come in and answers stay away (then allow promiscuous mode and forged transmits there, or use ipvlan)',
    };
  },
};

const sentOf = ({ packets }: Flow): number => packets[0];
