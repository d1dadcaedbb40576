/** The line from a container outwards: each hop, how it is joined to the next, and what can be captured there. */
import { formatIp, type IpAddress, inPrefix } from '../base/ip-address.ts';
import type { HostFacts } from '../host/facts.ts';
import { addressesOn, defaultRouteDevice } from './links.ts';
import { holderOf, parentPoint, pointById } from './points.ts';
import type { ContainerNode, Endpoint, PathNode, Topology } from './topology.ts';

/** Empty where the container has no such endpoint. A node whose `link` is null is the last; '' joins without a word. */
export const wayOut = (topology: Topology, facts: HostFacts, container: ContainerNode, endpointIndex: number): PathNode[] => {
  const holder = holderOf(topology, container);
  if (holder.modeKind === 'host') return [end(`${container.name} (the host's own network)`, 'route'), ...fromHost(topology, facts, 4)];
  const endpoint = holder.endpoints[endpointIndex];
  if (endpoint === undefined) return [];
  const { host } = endpoint;
  const start = (link: string | null): PathNode => ({
    label: endpoint.interface === null ? container.name : `${container.name} ${endpoint.interface}`,
    address: text(endpoint.ipv4 ?? endpoint.ipv6),
    link,
    point: holder.netns === null || endpoint.interface === null ? null : pointById(topology, `${holder.netns}/${endpoint.interface}`),
  });
  if (host === null) return [start('?'), end(endpoint.unresolved ?? 'not known')];
  switch (host.kind) {
    case 'veth':
      return [start('veth'), ...throughVeth(topology, facts, holder, endpoint)];
    case 'macvlan':
    case 'ipvlan': {
      const parent = host.parent ?? '?';
      return [
        start(host.kind),
        { label: parent, address: null, link: '', point: host.parent === null ? null : parentPoint(holder, endpoint, host.parent) },
        end('outside'),
      ];
    }
    case 'overlay':
      return [start('veth'), ...throughOverlay(topology, facts, endpoint)];
    case 'device':
      return [start(''), end('outside')];
  }
};

const text = (ip: IpAddress | null): string | null => (ip === null ? null : formatIp(ip));

const end = (label: string, link: string | null = null): PathNode => ({ label, address: null, link, point: null });

const throughVeth = (topology: Topology, facts: HostFacts, container: ContainerNode, endpoint: Endpoint): PathNode[] => {
  const name = endpoint.host?.interface ?? '?';
  const bridge = endpoint.host?.bridge ?? null;
  const cable = (link: string): PathNode => ({ label: name, address: null, link, point: pointById(topology, name) });
  const family = endpoint.ipv4 === null && endpoint.ipv6 !== null ? 6 : 4;
  if (bridge === null) return [cable('route'), ...fromHost(topology, facts, family)];
  const beyond = beyondBridge(topology, facts, container, endpoint, bridge, family);
  const address = addressesOn(facts.self, bridge).find(
    ({ ip, prefix }) => ip.version === family && (own(endpoint, family) === null || inPrefix(own(endpoint, family) as IpAddress, prefix)),
  );
  return [
    cable('port'),
    { label: bridge, address: text(address?.ip ?? null), link: beyond.link, point: pointById(topology, bridge) },
    ...beyond.nodes,
  ];
};

const own = (endpoint: Endpoint, family: 4 | 6): IpAddress | null => (family === 4 ? endpoint.ipv4 : endpoint.ipv6);

const beyondBridge = (
  topology: Topology,
  facts: HostFacts,
  container: ContainerNode,
  endpoint: Endpoint,
  bridge: string,
  family: 4 | 6,
): { readonly link: string; readonly nodes: PathNode[] } => {
  if (topology.bridges.find((candidate) => candidate.name === bridge)?.internal) {
    return { link: '', nodes: [end('no way out: the network is --internal')] };
  }
  const inside = facts.namespaces.find((namespace) => namespace.id === container.netns)?.facts;
  if (inside?.routes) {
    const leaves = defaultRouteDevice(inside, family);
    if (leaves === null) return { link: '', nodes: [end('no way out: the container has no default route')] };
    if (leaves !== endpoint.interface) {
      const choice = container.defaultRoutes?.find((route) => route.family === family);
      const why = choice?.why == null ? '' : ` (${choice.network}: ${choice.why})`;
      return { link: '', nodes: [end(`no way out here: its default route is by ${leaves}${why}`)] };
    }
  }
  return { link: 'route', nodes: fromHost(topology, facts, family) };
};

const fromHost = (topology: Topology, facts: HostFacts, family: 4 | 6): PathNode[] => {
  if (facts.self.routes === null) return [end("not known: the host's routes could not be read")];
  const uplink = defaultRouteDevice(facts.self, family);
  if (uplink === null) return [end('no way out: the host has no default route')];
  const address = addressesOn(facts.self, uplink).find(
    ({ ip, secondary, scope }) => ip.version === family && !secondary && scope !== 'link',
  );
  return [{ label: uplink, address: text(address?.ip ?? null), link: '', point: pointById(topology, uplink) }, end('outside')];
};

const throughOverlay = (topology: Topology, facts: HostFacts, endpoint: Endpoint): PathNode[] => {
  const { host } = endpoint;
  const here = topology.points.filter((point) => point.netns !== null && point.network === endpoint.network && point.kind !== 'container');
  const node = (name: string, link: string): PathNode => ({
    label: name,
    address: null,
    link,
    point: here.find((point) => point.interface === name) ?? null,
  });
  if (host?.interface == null) return [end(endpoint.unresolved ?? 'not known')];
  const tunnel = here.find((point) => point.kind === 'vxlan')?.interface ?? null;
  return [
    node(host.interface, 'port'),
    ...(host.bridge === null ? [] : [node(host.bridge, tunnel === null ? '' : 'port')]),
    ...(tunnel === null
      ? [end('no VXLAN device was found')]
      : [node(tunnel, 'vxlan, UDP 4789'), ...fromHost(topology, facts, 4).slice(0, -1), end('other hosts')]),
  ];
};
