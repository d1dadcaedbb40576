/** A Docker network covers the address, yet no running container has it: it has stopped, or a real network of that range is hidden. */
import { inPrefix } from '../../base/ip-address.ts';
import type { Cause } from '../diagnosis.ts';
import { subnetOf } from '../words.ts';

export const nobodyThere: Cause = {
  id: 'nobody-there',
  find: (subject) => {
    const { target, facts, verdict } = subject;
    const { ip } = target;
    if (ip === null || target.isHost || target.container !== null || verdict.outcome === 'undetermined') return null;
    const network = facts.networks.find(
      (candidate) => candidate.driver === 'bridge' && candidate.subnets.some((subnet) => inPrefix(ip, subnet)),
    );
    if (network === undefined || facts.dockerError !== null || network.claimedBridge !== subject.outDevice) return null;
    return {
      sentence: `${target.name} lies in the subnet of Docker network ${network.name} (${subnetOf(network, subject.family)}), where no running container has it. If it is a machine elsewhere, that network hides it.`,
      evidence: [`it goes to ${network.claimedBridge}`],
      fix: `docker network inspect ${network.name}`,
      fixFor: 'To see who is in it',
    };
  },
};
