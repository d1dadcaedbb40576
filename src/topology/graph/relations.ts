/** What devices hang on: ports on bridges, children on parents, members on bonds, tunnels on their other ends, and the default routes. */
import { formatIp, type IpAddress, parseIp, sameIp } from '../../base/ip-address.ts';
import type { HostFacts, Link, NamespaceFacts, Route } from '../../host/facts.ts';
import { type HostIndex, indexHost } from '../host-index.ts';
import { resolveHostSide } from '../host-side.ts';
import type { Topology } from '../topology.ts';
import { type DeviceNode, deviceId, type GraphEdge, HOST_ID, namespaceId, OUTSIDE_ID } from './graph.ts';
import type { Namespaces } from './namespaces.ts';

interface Within {
  readonly id: string;
  readonly facts: NamespaceFacts;
}

const everyNamespace = (facts: HostFacts): Within[] => [
  { id: HOST_ID, facts: facts.self },
  ...facts.namespaces.map((namespace) => ({ id: namespaceId(namespace.id), facts: namespace.facts })),
];

/** Edges from devices to the bridge or bond whose part they are. */
export const mastersOf = (facts: HostFacts, topology: Topology, devices: ReadonlyMap<string, DeviceNode>): GraphEdge[] => {
  const edges = new Map<string, GraphEdge>();
  for (const { id, facts: within } of everyNamespace(facts)) {
    for (const link of within.links ?? []) {
      if (link.master === null) continue;
      const from = deviceId(id, link.name);
      const to = deviceId(id, link.master);
      edges.set(from, devices.get(to)?.type === 'bridge' ? portEdge(from, to, link, within) : { kind: 'member', from, to });
    }
  }
  for (const bridge of topology.bridges) {
    for (const port of bridge.ports) {
      const from = deviceId(HOST_ID, port.interface);
      const to = deviceId(HOST_ID, bridge.name);
      if (!edges.has(from)) edges.set(from, { kind: 'port', from, to, state: null, isolated: false, hairpin: false });
    }
  }
  return [...edges.values()];
};

const portEdge = (from: string, to: string, link: Link, within: NamespaceFacts): GraphEdge => {
  const port = within.bridgePorts?.find((candidate) => candidate.dev === link.name);
  const state = port?.state ?? link.portData['state'];
  return {
    kind: 'port',
    from,
    to,
    state: typeof state === 'string' ? state : null,
    isolated: port?.isolated ?? link.portData['isolated'] === true,
    hairpin: port?.hairpin ?? link.portData['hairpin'] === true,
  };
};

const CHILD_KINDS: ReadonlySet<string> = new Set(['macvlan', 'macvtap', 'ipvlan', 'ipvtap', 'vlan']);

/** Edges from children to the device that they are made on. */
export const parentsIn = (facts: HostFacts, topology: Topology, namespaces: Namespaces): GraphEdge[] => {
  const edges = new Map<string, GraphEdge>();
  const add = (from: string, to: string, how: string): void => {
    if (!edges.has(from)) edges.set(from, { kind: 'parent', from, to, how });
  };
  for (const container of topology.containers) {
    const home = namespaces.homeOf.get(container.id);
    if (home === undefined) continue;
    for (const { interface: inside, host } of container.endpoints) {
      if (inside !== null && host !== null && host.parent !== null) {
        add(deviceId(home, inside), deviceId(HOST_ID, host.parent), howOf(linkOf(facts, home, inside), host.kind));
      }
    }
  }
  const index = indexHost(facts);
  for (const { id, facts: within } of everyNamespace(facts)) {
    for (const link of within.links ?? []) {
      if (link.kind === null || !CHILD_KINDS.has(link.kind)) continue;
      const parent = link.linkName !== null ? deviceId(id, link.linkName) : parentOnHost(link, id, index);
      if (parent !== null) add(deviceId(id, link.name), parent, howOf(link, link.kind));
    }
  }
  return [...edges.values()];
};

const linkOf = (facts: HostFacts, namespace: string, name: string): Link | null =>
  everyNamespace(facts)
    .find(({ id }) => id === namespace)
    ?.facts.links?.find((link) => link.name === name) ?? null;

const parentOnHost = (link: Link, home: string, index: HostIndex): string | null => {
  const namespace = index.facts.namespaces.find((candidate) => namespaceId(candidate.id) === home);
  if (namespace === undefined) return null;
  const parent = resolveHostSide({ link, namespace, network: null }, index).host?.parent ?? null;
  return parent === null ? null : deviceId(HOST_ID, parent);
};

/** `macvlan bridge`, `VLAN 100`. */
const howOf = (link: Link | null, kind: string): string => {
  const { mode, id } = link?.data ?? {};
  if (kind === 'vlan') return typeof id === 'number' ? `VLAN ${id}` : 'VLAN';
  return typeof mode === 'string' ? `${kind} ${mode}` : kind;
};

export interface Tunnels {
  readonly edges: readonly GraphEdge[];
  readonly peers: readonly IpAddress[];
}

/** Where a VXLAN device sends to: the addresses that its forwarding database or its own setting names; ip-link(8), bridge(8). */
export const tunnelsOf = (facts: HostFacts): Tunnels => {
  const edges: GraphEdge[] = [];
  const peers = new Map<string, IpAddress>();
  for (const { id, facts: within } of everyNamespace(facts)) {
    for (const link of within.links ?? []) {
      if (link.kind !== 'vxlan') continue;
      const from = deviceId(id, link.name);
      // It was made in another namespace, which is whose stack sends and takes its outer packets (vxlan_dev: net).
      edges.push({ kind: 'underlay', from, to: link.linkNetnsid === null ? id : HOST_ID });
      const entries = (within.fdb ?? []).flatMap((entry) => (entry.dev === link.name && entry.remote !== null ? [entry.remote] : []));
      for (const ip of [...entries, ...setPeer(link)]) {
        const address = formatIp(ip);
        const to = peerId(address);
        if (edges.some((edge) => edge.kind === 'tunnel' && edge.from === from && edge.to === to)) continue;
        peers.set(address, ip);
        edges.push({ kind: 'tunnel', from, to, vni: numberOf(link.data['id']), port: numberOf(link.data['port']) });
      }
    }
  }
  return { edges, peers: [...peers.values()] };
};

export const peerId = (address: string): string => `peer:${address}`;

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

const setPeer = (link: Link): IpAddress[] =>
  ['remote', 'remote6', 'group', 'group6'].flatMap((key) => {
    const value = link.data[key];
    const ip = typeof value === 'string' ? parseIp(value) : null;
    return ip === null ? [] : [ip];
  });

/** Default routes of every namespace: to the device of the host that has the gateway's address, or out of the host. */
export const routesOf = (facts: HostFacts, devices: ReadonlyMap<string, DeviceNode>): GraphEdge[] =>
  everyNamespace(facts).flatMap(({ id, facts: within }) =>
    (within.routes ?? []).flatMap((route): GraphEdge[] => {
      if (!isDefault(route)) return [];
      const dev = route.dev ?? route.nexthops[0]?.dev ?? null;
      const gateway = route.gateway ?? route.nexthops[0]?.gateway ?? null;
      if (dev === null || !devices.has(deviceId(id, dev))) return [];
      const to = id === HOST_ID ? OUTSIDE_ID : gatewayOnHost(gateway, facts);
      if (to === null || (to !== OUTSIDE_ID && !devices.has(to))) return [];
      return [{ kind: 'route', from: deviceId(id, dev), to, family: route.family, gateway: gateway === null ? null : formatIp(gateway) }];
    }),
  );

const isDefault = (route: Route): boolean => route.table === 'main' && route.type === 'unicast' && route.prefix.length === 0;

const gatewayOnHost = (gateway: IpAddress | null, facts: HostFacts): string | null => {
  const own = gateway === null ? undefined : (facts.self.addresses ?? []).find(({ ip }) => sameIp(ip, gateway));
  return own === undefined ? null : deviceId(HOST_ID, own.interface);
};
