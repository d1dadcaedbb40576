/** The host's routes send a container's address elsewhere: overlapping subnets, a VPN that claims the same range. */
import { inPrefix } from '../../base/ip-address.ts';
import type { Cause } from '../diagnosis.ts';
import { subnetOf } from '../words.ts';

export const stolenRoute: Cause = {
  id: 'stolen-route',
  find: (subject) => {
    const { target, verdict, facts } = subject;
    const { ip, bridge, network } = target;
    if (ip === null || target.container === null || bridge === null || network === null) return null;
    if (target.container.state !== 'running' || verdict.deliveredTo !== undefined) return null;
    const taken = verdict.steps.findLast((step) => step.device !== undefined);
    const device = taken?.device ?? null;
    if (taken === undefined || device === null || device === bridge || device === 'lo') return null;
    const rival = facts.self.routes?.find((route) => route.dev === device && inPrefix(ip, route.prefix));
    return {
      sentence: `The host believes that ${target.name}'s address lives behind ${device} and not on ${bridge} (network ${network.name}): another route covers ${subnetOf(network, subject.family) ?? 'the same range'}.`,
      evidence: [rival?.text ?? taken.text],
      fix: 'docker network create --subnet 10.200.0.0/24 …',
      fixFor: 'To give the network a range that nobody else uses (or dockerd default-address-pools)',
    };
  },
};
