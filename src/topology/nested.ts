/** Bridges inside containers: Docker in Docker, and whatever else makes a network of its own in a container's namespace. */
import { formatIp } from '../base/ip-address.ts';
import type { OtherNamespace } from '../host/facts.ts';
import type { HostIndex } from './host-index.ts';
import { addressesOn } from './links.ts';

/** One sentence a bridge. A name chooses words only: whoever made it, what is behind its ports is in namespaces below this one. */
export const nestedBridges = (index: HostIndex): string[] =>
  index.facts.namespaces.flatMap((namespace) => {
    const owner = index.facts.containers.find(({ netns, id }) => netns === namespace.id || namespace.owners.includes(id));
    return owner === undefined ? [] : bridgesIn(namespace, owner.name);
  });

const bridgesIn = ({ facts }: OtherNamespace, owner: string): string[] =>
  (facts.links ?? [])
    .filter(({ kind }) => kind === 'bridge')
    .map(({ name }) => {
      const ports = (facts.links ?? []).filter(({ master }) => master === name).length;
      const addresses = addressesOn(facts, name).flatMap(({ ip, prefix, scope }) =>
        scope === 'link' ? [] : [`${formatIp(ip)}/${prefix.length}`],
      );
      const at = addresses.length === 0 ? '' : ` (${addresses.join(' ')})`;
      return `nested ${name === 'docker0' || /^br-[0-9a-f]{12}$/.test(name) ? 'Docker' : 'network'}: bridge ${name}${at} in ${owner} with ${ports} port${ports === 1 ? '' : 's'}`;
    });
