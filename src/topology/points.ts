/** Where packets can be captured, and what is seen there, in words. */
import { formatIp, type IpAddress } from '../base/ip-address.ts';
import type { HostFacts, Link } from '../host/facts.ts';
import { defaultRouteDevice, isLoopback } from './links.ts';
import type { BridgeNode, CapturePoint, ContainerNode, Endpoint, Topology } from './topology.ts';

/** Every interface of the host, and of the containers whose namespaces could be read. */
export const pointsOf = (
  facts: HostFacts,
  containers: readonly ContainerNode[],
  bridges: readonly BridgeNode[],
  uplinks: readonly string[],
): CapturePoint[] => {
  const cables = new Map<string, { readonly container: ContainerNode; readonly endpoint: Endpoint }>();
  for (const container of containers) {
    for (const endpoint of container.endpoints) {
      if (endpoint.host?.kind === 'veth' && endpoint.host.interface !== null) cables.set(endpoint.host.interface, { container, endpoint });
    }
  }
  const host = (facts.self.links ?? []).map((link): CapturePoint => {
    const cable = cables.get(link.name);
    if (cable !== undefined) return cablePoint(link.name, cable.container, cable.endpoint);
    const bridge = bridges.find((candidate) => candidate.name === link.name);
    if (bridge !== undefined) return bridgePoint(bridge);
    return hostPoint(link, uplinks);
  });
  return [...host, ...containers.flatMap((container) => insidePoints(container)), ...overlayPoints(facts, containers)];
};

/** Interfaces by which the default routes of both families leave. */
export const uplinksOf = (facts: HostFacts): string[] => {
  const byRoute = [defaultRouteDevice(facts.self, 4), defaultRouteDevice(facts.self, 6)].filter((name) => name !== null);
  return [...new Set(byRoute)];
};

const cablePoint = (name: string, container: ContainerNode, endpoint: Endpoint): CapturePoint => ({
  id: name,
  interface: name,
  netns: null,
  kind: 'veth',
  sees: container.endpoints.length > 1 ? `${withSharers(container)} on ${endpoint.network ?? name}` : `all of ${withSharers(container)}`,
  container: container.name,
  network: endpoint.network,
  filter: null,
});

/** One namespace has several owners where `--network container:` was asked for: what is seen there is all of theirs. */
const withSharers = ({ name, sharedBy }: ContainerNode): string =>
  sharedBy.length === 0 ? name : `${name} (shared by ${sharedBy.join(', ')})`;

const bridgePoint = (bridge: BridgeNode): CapturePoint => ({
  id: bridge.name,
  interface: bridge.name,
  netns: null,
  kind: 'bridge',
  sees: `all of ${bridge.network ?? bridge.name}`,
  container: null,
  network: bridge.network,
  filter: null,
});

const hostPoint = (link: Link, uplinks: readonly string[]): CapturePoint => {
  const point = { id: link.name, interface: link.name, netns: null, container: null, network: null, filter: null };
  if (isLoopback(link)) return { ...point, kind: 'loopback', sees: 'the host with itself' };
  if (uplinks.includes(link.name)) return { ...point, kind: 'uplink', sees: 'after translation' };
  if (link.kind === 'vxlan') return { ...point, kind: 'vxlan', sees: `what the tunnel ${link.name} carries` };
  return { ...point, kind: 'device', sees: `all of ${link.name}` };
};

/** The container's own devices, seen from within its namespace. Of containers that share one, the holder names it. */
const insidePoints = (container: ContainerNode): CapturePoint[] => {
  const { netns } = container;
  if (netns === null || container.modeKind === 'container' || container.modeKind === 'host') return [];
  if (container.endpoints.every((endpoint) => endpoint.interface === null)) return [];
  const inside = (name: string, kind: 'container' | 'loopback', sees: string, network: string | null): CapturePoint => ({
    id: `${netns}/${name}`,
    interface: name,
    netns,
    kind,
    sees,
    container: container.name,
    network,
    filter: null,
  });
  return [
    ...container.endpoints.flatMap((endpoint) =>
      endpoint.interface === null ? [] : [inside(endpoint.interface, 'container', `inside ${withSharers(container)}`, endpoint.network)],
    ),
    inside('lo', 'loopback', `${withSharers(container)} with itself`, null),
  ];
};

/** Bridge, VXLAN device and ports in the hidden namespaces of overlay networks that some container is joined to. */
const overlayPoints = (facts: HostFacts, containers: readonly ContainerNode[]): CapturePoint[] => {
  const joined = new Map<string, { readonly network: string | null; readonly ports: Map<string, string> }>();
  for (const container of containers) {
    for (const { host, network } of container.endpoints) {
      if (host?.kind !== 'overlay' || host.namespace === null) continue;
      const entry = joined.get(host.namespace) ?? { network, ports: new Map<string, string>() };
      if (host.interface !== null) entry.ports.set(host.interface, container.name);
      joined.set(host.namespace, entry);
    }
  }
  return facts.namespaces.flatMap((namespace) => {
    const name = (namespace.path ?? '').slice((namespace.path ?? '').lastIndexOf('/') + 1);
    const entry = joined.get(name);
    if (entry === undefined) return [];
    return (namespace.facts.links ?? []).flatMap((link): CapturePoint[] => {
      const container = entry.ports.get(link.name) ?? null;
      const common = {
        id: `${namespace.id}/${link.name}`,
        interface: link.name,
        netns: namespace.id,
        network: entry.network,
        filter: null,
      };
      if (container !== null) return [{ ...common, kind: 'veth', sees: `${container} on ${entry.network}`, container }];
      if (link.kind === 'bridge') return [{ ...common, kind: 'bridge', sees: `all of ${entry.network} on this host`, container }];
      if (link.kind === 'vxlan') return [{ ...common, kind: 'vxlan', sees: `${entry.network} to and from other hosts`, container }];
      return [];
    });
  });
};

/** A point as people call it: `eth0 in web1` where its id has the number of a namespace. Ids tell points apart, in JSON and in files. */
export const pointName = (point: CapturePoint): string => {
  const { id, interface: device, netns, container, network } = point;
  if (netns === null) return id;
  if (container !== null && point.kind !== 'veth') return `${device} in ${container}`;
  return network === null ? id : `${device} of ${network}`;
};

export const pointById = (topology: Topology, id: string): CapturePoint | null => topology.points.find((point) => point.id === id) ?? null;

/** The point on a macvlan or ipvlan parent where only this endpoint's packets are wanted. */
export const parentPoint = (container: ContainerNode, endpoint: Endpoint, parent: string): CapturePoint => ({
  id: parent,
  interface: parent,
  netns: null,
  kind: 'parent',
  sees: `${container.name} through its parent ${parent}`,
  container: container.name,
  network: endpoint.network,
  filter: childFilter(endpoint),
});

/**
 * Frames of the child, in both directions, and what is sent to all and asks for it: ARP and neighbour solicitations (pcap-filter(7);
 * RFC 4291 section 2.7.1 for the group that solicitations go to). ipvlan children share the parent's MAC address: only theirs tell.
 */
const childFilter = ({ host, mac, ipv4, ipv6 }: Endpoint): string | null => {
  const parts = [
    ...(host?.kind === 'macvlan' && mac !== null
      ? [`ether host ${mac}`]
      : [ipv4, ipv6].flatMap((ip) => (ip === null ? [] : [`host ${formatIp(ip)}`]))),
    ...(host?.kind === 'macvlan' && mac !== null && ipv4 !== null ? [`arp host ${formatIp(ipv4)}`] : []),
    ...(ipv6 === null ? [] : [`dst host ${formatIp(solicitedNode(ipv6))}`]),
  ];
  return parts.length === 0 ? null : parts.join(' or ');
};

const solicitedNode = (ip: IpAddress): IpAddress => ({
  version: 6,
  a: 0xff02_0000,
  b: 0,
  c: 1,
  d: (0xff00_0000 | (ip.d & 0x00ff_ffff)) >>> 0,
});

/** Under a VLAN device: the same with its tag on. Behind `vlan` all offsets of the filter are those of tagged frames. */
const trunkPoint = (topology: Topology, point: CapturePoint): CapturePoint | null => {
  const below = topology.trunks.find(({ device }) => device === point.interface);
  if (below === undefined) return null;
  return {
    ...point,
    id: below.trunk,
    interface: below.trunk,
    sees: `${point.container} by ${below.trunk}, tagged for VLAN ${below.vlan}`,
    filter: point.filter === null ? `vlan ${below.vlan}` : `vlan ${below.vlan} and (${point.filter})`,
  };
};

/** The host's VLAN devices and the devices under them. */
export const trunksOf = (facts: HostFacts): Topology['trunks'] =>
  (facts.self.links ?? []).flatMap(({ kind, name, linkName, data }) => {
    const vlan = data['id'];
    return kind === 'vlan' && linkName !== null && typeof vlan === 'number' ? [{ device: name, trunk: linkName, vlan }] : [];
  });

/**
 * The points on offer for one endpoint, the best first: the host's end of its cable, the container's own device, the bridge,
 * the way out. Empty where nothing could be resolved.
 */
export const pointsOfEndpoint = (topology: Topology, container: ContainerNode, endpoint: Endpoint): CapturePoint[] => {
  const points: (CapturePoint | null)[] = [];
  const { host } = endpoint;
  const hidden =
    host?.kind === 'overlay' ? topology.points.filter((point) => point.netns !== null && point.network === endpoint.network) : [];
  if (host?.kind === 'veth' && host.interface !== null) points.push(pointById(topology, host.interface));
  if (host?.kind === 'overlay') points.push(hidden.find((point) => point.kind === 'veth' && point.interface === host.interface) ?? null);
  const parent =
    (host?.kind === 'macvlan' || host?.kind === 'ipvlan') && host.parent !== null ? parentPoint(container, endpoint, host.parent) : null;
  points.push(parent);
  if (container.netns !== null && endpoint.interface !== null) points.push(pointById(topology, `${container.netns}/${endpoint.interface}`));
  const trunk = parent === null ? null : trunkPoint(topology, parent);
  points.push(trunk);
  if (host?.kind === 'veth' && host.bridge !== null) points.push(pointById(topology, host.bridge));
  if (host?.kind === 'overlay') points.push(...hidden.filter((point) => point.kind === 'bridge' || point.kind === 'vxlan'));
  if (host !== null)
    points.push(
      ...topology.uplinks.map((name) => pointById(topology, name)).filter((point) => point?.id !== host.parent && point?.id !== trunk?.id),
    );
  return points.filter((point) => point !== null);
};

/** All points on offer for a container: of those that share a namespace the holder's, of the host's network the host's. */
export const pointsOfContainer = (topology: Topology, container: ContainerNode): CapturePoint[] => {
  const holder = holderOf(topology, container);
  if (holder.modeKind === 'host') {
    const rank = (point: CapturePoint): number => (point.kind === 'uplink' ? 0 : point.kind === 'loopback' ? 1 : 2);
    return topology.points.filter((point) => point.netns === null).sort((x, y) => rank(x) - rank(y));
  }
  const offered = holder.endpoints.flatMap((endpoint) => pointsOfEndpoint(topology, holder, endpoint));
  const loopback = holder.netns === null ? null : pointById(topology, `${holder.netns}/lo`);
  const all = loopback === null ? offered : [...offered, loopback];
  return all.filter((point, at) => all.findIndex((other) => other.id === point.id) === at);
};

/** The container whose namespace `container` uses: itself, or the end of its `container:` chain. */
export const holderOf = (topology: Topology, container: ContainerNode): ContainerNode => {
  let current = container;
  const seen = new Set([container.id]);
  while (current.sharesWith !== null) {
    const next = topology.containers.find((other) => other.name === current.sharesWith);
    if (next === undefined || seen.has(next.id)) break;
    seen.add(next.id);
    current = next;
  }
  return current;
};
