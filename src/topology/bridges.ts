/** The host's bridges as they are: their ports, and the network that Docker keeps on them. */
import { formatIp } from '../base/ip-address.ts';
import type { Link } from '../host/facts.ts';
import type { HostIndex } from './host-index.ts';
import { addressesOn, isUp } from './links.ts';
import type { BridgeNode, ContainerNode } from './topology.ts';

export const bridgesOf = (containers: readonly ContainerNode[], index: HostIndex): BridgeNode[] => {
  const links = index.facts.self.links ?? [];
  const owners = new Map(
    containers.flatMap((container) =>
      container.endpoints.flatMap((endpoint) =>
        endpoint.host?.kind === 'veth' && endpoint.host.interface !== null
          ? [[endpoint.host.interface, { container: container.name, containerInterface: endpoint.interface }] as const]
          : [],
      ),
    ),
  );
  const portsOf = (bridge: Link): BridgeNode['ports'] =>
    links
      .filter((link) => link.master === bridge.name)
      .map((link) => ({ interface: link.name, ...(owners.get(link.name) ?? { container: null, containerInterface: null }) }));
  return links
    .filter((link) => link.kind === 'bridge')
    .map((bridge) => {
      const network = index.facts.networks.find((candidate) => candidate.claimedBridge === bridge.name) ?? null;
      return {
        name: bridge.name,
        network: network?.name ?? null,
        networkDriver: network?.driver ?? null,
        internal: network?.internal ?? false,
        addresses: addressesOn(index.facts.self, bridge.name).map(({ ip, prefix }) => `${formatIp(ip)}/${prefix.length}`),
        up: isUp(bridge),
        ports: portsOf(bridge),
      };
    });
};
