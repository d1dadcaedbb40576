/** Names for addresses, so that a flow reads `web1 → web2`. Built once a topology, asked once a flow. */
import { formatIp, type IpAddress, parseIp } from '../base/ip-address.ts';
import type { HostFacts } from '../host/facts.ts';
import { isLive } from './host-index.ts';
import type { ContainerNode, Topology } from './topology.ts';

interface Named {
  readonly container: ContainerNode;
  readonly network: string | null;
}

/**
 * `nameOf` gives a container's name, with its network where it has several; `host`, with the network where it is a bridge's
 * own address; `mv gateway` for a gateway that is not the host. Null for all else: an address outside keeps its numbers.
 */
export class NameIndex {
  private readonly names = new Map<string, string>();
  /** The same of IPv4 by the address itself: asked for each end of each flow, which then need not be written out. */
  private readonly names4 = new Map<number, string>();

  constructor(topology: Topology, facts: HostFacts) {
    for (const network of facts.networks) {
      for (const gateway of network.gateways) this.names.set(formatIp(gateway), `${network.name} gateway`);
    }
    this.addContainers(topology, facts);
    const networkOf = new Map(topology.bridges.map((bridge) => [bridge.name, bridge.network]));
    for (const { ip, interface: device } of facts.self.addresses ?? []) {
      const network = networkOf.get(device);
      this.names.set(formatIp(ip), network === undefined ? 'host' : `host (${network ?? device} gateway)`);
    }
    for (const [address, name] of this.names) {
      const ip = parseIp(address);
      if (ip?.version === 4) this.names4.set(ip.a, name);
    }
  }

  nameOf(ip: IpAddress): string | null {
    const known = ip.version === 4 ? this.names4.get(ip.a) : this.names.get(formatIp(ip));
    if (known !== undefined) return known;
    // RFC 1122 3.2.1.3, RFC 4291 2.5.3: loopback is whoever says it.
    const loopback = ip.version === 4 ? ip.a >>> 24 === 127 : ip.a === 0 && ip.b === 0 && ip.c === 0 && ip.d === 1;
    return loopback ? 'localhost' : null;
  }

  /** Every address that has a name of its own, for the name resolution blocks of saved sessions. */
  records(): { readonly ip: IpAddress; readonly names: readonly string[] }[] {
    const records: { ip: IpAddress; names: string[] }[] = [];
    for (const [address, name] of this.names) {
      const ip = parseIp(address);
      if (ip !== null) records.push({ ip, names: [name] });
    }
    return records;
  }

  private addContainers(topology: Topology, facts: HostFacts): void {
    const owners = new Map<string, Named[]>();
    const own = (ip: IpAddress | null, named: Named): void => {
      if (ip === null) return;
      const key = formatIp(ip);
      const known = owners.get(key) ?? [];
      if (!known.some((other) => other.container === named.container)) owners.set(key, [...known, named]);
    };
    for (const container of topology.containers) {
      for (const endpoint of container.endpoints) {
        own(endpoint.ipv4, { container, network: endpoint.network });
        own(endpoint.ipv6, { container, network: endpoint.network });
      }
    }
    this.addFurtherAddresses(topology, facts, own);
    for (const [key, candidates] of owners) {
      const live = candidates.filter(({ container }) => isLive(container));
      const named = live.length > 0 ? live : candidates;
      this.names.set(key, named.map((one) => nameOfOne(one, named.length > 1)).join(' or '));
    }
  }

  /** Addresses beyond the first of an endpoint: added by hand, link-local ones, virtual addresses. */
  private addFurtherAddresses(topology: Topology, facts: HostFacts, own: (ip: IpAddress, named: Named) => void): void {
    const holders = new Map(
      topology.containers.filter(({ modeKind }) => modeKind !== 'container').map((container) => [container.netns, container]),
    );
    for (const namespace of facts.namespaces) {
      const container = holders.get(namespace.id);
      if (container === undefined || container.modeKind === 'host') continue;
      for (const { ip, interface: device } of namespace.facts.addresses ?? []) {
        const endpoint = container.endpoints.find((candidate) => candidate.interface === device);
        if (endpoint !== undefined) own(ip, { container, network: endpoint.network });
      }
    }
  }
}

const nameOfOne = ({ container, network }: Named, ambiguous: boolean): string =>
  network !== null && (ambiguous || container.endpoints.length > 1) ? `${container.name} (${network})` : container.name;
