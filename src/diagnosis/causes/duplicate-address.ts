/**
 * Two stations of one bridge with the same MAC or IP address: the bridge keeps one port for a MAC address, that of who spoke last
 * (br_fdb_update in net/bridge/br_fdb.c), and ARP keeps one answer.
 */
import { formatIp, sameIp } from '../../base/ip-address.ts';
import type { ContainerNode, Endpoint } from '../../topology/topology.ts';
import type { Case, End } from '../case.ts';
import type { Cause, Finding } from '../diagnosis.ts';

interface Twin {
  readonly container: ContainerNode;
  readonly endpoint: Endpoint;
  readonly same: 'MAC address' | 'address';
  readonly text: string;
}

export const duplicateAddress: Cause = {
  id: 'duplicate-address',
  find: (subject) => {
    for (const end of [subject.target, subject.src]) {
      const twin = twinOf(subject, end);
      if (twin !== null) return finding(subject, end, twin);
    }
    return null;
  },
};

const finding = ({ facts, obstacle, unanswered }: Case, end: End, { container, same, text }: Twin): Finding => {
  const mac = end.endpoint?.mac ?? null;
  const learnt = facts.self.fdb?.find((entry) => entry.mac === mac && entry.master === end.bridge && entry.state !== 'permanent') ?? null;
  const elsewhere = learnt !== null && learnt.dev !== end.endpoint?.host?.interface;
  return {
    // While the frames go the right way and answers come, it is something to know.
    weight: elsewhere || unanswered || obstacle !== null ? 'cause' : 'note',
    sentence: `${end.name} and ${container.name} have the same ${same} on one bridge (${text}): the one that spoke last gets the frames of both.`,
    evidence: learnt === null ? [] : [`${learnt.mac} is known behind ${learnt.dev} now`],
    fix: `docker network disconnect ${end.network?.name ?? 'NETWORK'} ${container.name} && docker network connect ${end.network?.name ?? 'NETWORK'} ${container.name}`,
    fixFor: `To give ${container.name} an address of its own`,
  };
};

const twinOf = ({ topology }: Case, { container, endpoint, bridge }: End): Twin | null => {
  if (container === null || endpoint === null || bridge === null) return null;
  for (const other of topology.containers) {
    if (other.id === container.id || other.state !== 'running') continue;
    for (const candidate of other.endpoints) {
      if (candidate.host?.bridge !== bridge) continue;
      if (candidate.mac !== null && candidate.mac === endpoint.mac)
        return { container: other, endpoint: candidate, same: 'MAC address', text: candidate.mac };
      const ip = [candidate.ipv4, candidate.ipv6].find(
        (own) => own !== null && [endpoint.ipv4, endpoint.ipv6].some((mine) => mine !== null && sameIp(own, mine)),
      );
      if (ip != null) return { container: other, endpoint: candidate, same: 'address', text: formatIp(ip) };
    }
  }
  return null;
};
