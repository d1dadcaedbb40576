/** Who lives where: containers by bridge and address, bridge ports by MAC. Joins are by address and index, never by name. */
import { type IpAddress, parseMac, sameIp } from '../base/ip-address.ts';
import type { BridgePort, DockerContainer, DockerEndpoint, DockerNetwork, HostFacts, Link, OtherNamespace } from '../host/facts.ts';

/** A container's endpoint as the host sees it. */
export interface Place {
  readonly container: DockerContainer;
  readonly endpoint: DockerEndpoint;
  readonly network: DockerNetwork | null;
  /** The bridge its veth is really plugged into, else the one Docker says; null for other drivers. */
  readonly bridge: string | null;
  /** The veth's host end; null where it could not be told. */
  readonly port: string | null;
  /** The interface in the container; null where its namespace was not read. */
  readonly interface: string | null;
  readonly mac: number | null;
  /** MTU of the interface in the container; null where its namespace was not read. */
  readonly mtu: number | null;
  /** Parent device of macvlan and ipvlan networks. */
  readonly parent: string | null;
}

/** An entry of a bridge's forwarding database; `fixed` where it was set by hand and is never learnt anew. */
export interface FdbView {
  readonly dev: string;
  readonly state: string;
  readonly fixed: boolean;
}

export class Places {
  readonly all: readonly Place[];
  readonly #links: ReadonlyMap<string, Link>;
  readonly #ports: ReadonlyMap<string, BridgePort>;
  readonly #fdb: ReadonlyMap<string, ReadonlyMap<number, FdbView>>;
  readonly #byAddress = new Map<number | string, Place[]>();
  readonly #byMac = new Map<number, Place[]>();

  constructor(facts: HostFacts) {
    const links = facts.self.links ?? [];
    this.#links = new Map(links.map((link) => [link.name, link]));
    this.#ports = new Map((facts.self.bridgePorts ?? []).map((port) => [port.dev, port]));
    const fdb = new Map<string, Map<number, FdbView>>();
    for (const entry of facts.self.fdb ?? []) {
      const bridge = entry.master ?? this.#links.get(entry.dev)?.master ?? null;
      // Permanent ones are the ports' own addresses.
      if (bridge === null || entry.flags.includes('self') || entry.state === 'permanent') continue;
      const mac = parseMac(entry.mac);
      if (mac === null) continue;
      const known = fdb.get(bridge) ?? new Map<number, FdbView>();
      fdb.set(bridge, known);
      known.set(mac, { dev: entry.dev, state: entry.state ?? '', fixed: entry.state === 'static' });
    }
    this.#fdb = fdb;
    const networks = new Map(facts.networks.flatMap((network) => [[network.id, network] as const, [network.name, network] as const]));
    this.all = facts.containers
      .filter((container) => container.state === 'running' || container.state === 'paused')
      .flatMap((container) =>
        container.endpoints.flatMap((endpoint) => {
          const network = networks.get(endpoint.networkId) ?? networks.get(endpoint.network) ?? null;
          if (network?.driver === 'host' || network?.driver === 'null') return [];
          return [this.#place(facts, container, endpoint, network)];
        }),
      );
    for (const place of this.all) {
      for (const ip of [place.endpoint.ipv4, place.endpoint.ipv6]) if (ip !== null) addTo(this.#byAddress, addressKey(ip), place);
      if (place.mac !== null) addTo(this.#byMac, place.mac, place);
    }
  }

  /** The container that has `ip` on `bridge`. */
  onBridge(bridge: string, ip: IpAddress): Place | null {
    return this.byAddress(ip).find((place) => place.bridge === bridge) ?? null;
  }

  byAddress(ip: IpAddress): readonly Place[] {
    return this.#byAddress.get(addressKey(ip)) ?? NOBODY;
  }

  byMac(mac: number): Place | null {
    return this.#byMac.get(mac)?.[0] ?? null;
  }

  /** The network that Docker runs over `bridge`. */
  networkOf(bridge: string): DockerNetwork | null {
    return this.all.find((place) => place.bridge === bridge && place.network !== null)?.network ?? null;
  }

  /** The port of `bridge` behind which `mac` is: learnt, or known from a container's own namespace. */
  portOf(bridge: string, mac: number): string | null {
    const learnt = this.#fdb.get(bridge)?.get(mac);
    if (learnt !== undefined) return learnt.dev;
    return this.#byMac.get(mac)?.find((place) => place.bridge === bridge && place.port !== null)?.port ?? null;
  }

  /** What the bridge has noted or been told about an address. */
  fdbEntry(bridge: string, mac: number): FdbView | null {
    return this.#fdb.get(bridge)?.get(mac) ?? null;
  }

  port(dev: string): BridgePort | null {
    return this.#ports.get(dev) ?? null;
  }

  #place(facts: HostFacts, container: DockerContainer, endpoint: DockerEndpoint, network: DockerNetwork | null): Place {
    const namespace = namespaceOf(facts, container);
    const inside = insideLink(namespace, endpoint);
    // What the device really has: it may be another than Docker gave it.
    const text = inside?.mac ?? endpoint.mac;
    const mac = text === null ? null : parseMac(text);
    const veth = inside === null ? null : this.#hostEnd(inside, namespace);
    const claimed = network?.claimedBridge ?? null;
    const learnt = claimed === null || mac === null ? null : (this.#fdb.get(claimed)?.get(mac)?.dev ?? null);
    const parentOption = network?.options['parent'] ?? null;
    return {
      container,
      endpoint,
      network,
      bridge: veth !== null ? veth.master : claimed,
      port: veth?.name ?? learnt,
      interface: inside?.name ?? null,
      mtu: inside?.mtu ?? null,
      mac,
      parent:
        network !== null && (network.driver === 'macvlan' || network.driver === 'ipvlan') ? (parentOption ?? this.#parentOf(inside)) : null,
    };
  }

  /** The exact join of a veth pair: each end names the other's index, and the namespace id agrees where it is known. */
  #hostEnd(inside: Link, namespace: OtherNamespace | null): Link | null {
    if (inside.kind !== 'veth') return null;
    for (const link of this.#links.values()) {
      if (link.kind !== 'veth' || link.ifindex !== inside.linkIndex || link.linkIndex !== inside.ifindex) continue;
      if (
        link.linkNetnsid !== null &&
        link.linkNetnsid >= 0 &&
        namespace?.nsid !== null &&
        namespace?.nsid !== undefined &&
        link.linkNetnsid !== namespace.nsid
      )
        continue;
      return link;
    }
    return null;
  }

  #parentOf(inside: Link | null): string | null {
    if (inside === null || inside.linkIndex === null) return null;
    for (const link of this.#links.values()) if (link.ifindex === inside.linkIndex) return link.name;
    return null;
  }
}

const NOBODY: readonly Place[] = [];

const addressKey = (ip: IpAddress): number | string => (ip.version === 4 ? ip.a : `${ip.a} ${ip.b} ${ip.c} ${ip.d}`);

const addTo = <Key>(index: Map<Key, Place[]>, key: Key, place: Place): void => {
  const known = index.get(key);
  if (known === undefined) index.set(key, [place]);
  else if (!known.includes(place)) known.push(place);
};

/** The namespace that a container lives in, by the inode that the agent read or by the snapshot's owners. */
export const namespaceOf = (facts: HostFacts, container: DockerContainer): OtherNamespace | null =>
  facts.namespaces.find((namespace) => namespace.id === container.netns || namespace.owners.includes(container.id)) ?? null;

/** The endpoint's interface inside the container: by MAC, else by address; never by name. */
const insideLink = (namespace: OtherNamespace | null, endpoint: DockerEndpoint): Link | null => {
  const links = namespace?.facts.links ?? [];
  const byMac = endpoint.mac === null ? [] : links.filter((link) => link.mac === endpoint.mac);
  if (byMac.length === 1) return byMac[0] ?? null;
  const address = namespace?.facts.addresses?.find((entry) => endpoint.ipv4 !== null && sameIp(entry.ip, endpoint.ipv4));
  return address === undefined ? null : (links.find((link) => link.name === address.interface) ?? null);
};
