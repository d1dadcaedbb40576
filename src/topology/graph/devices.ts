/** The devices of every namespace as nodes. Loopbacks and the tunnels that the kernel puts everywhere are left out: they lead nowhere. */
import { formatIp } from '../../base/ip-address.ts';
import type { DockerNetwork, HostFacts, Link, NamespaceFacts } from '../../host/facts.ts';
import { addressesOn, isFallbackTunnel, isLoopback, isUp } from '../links.ts';
import type { Endpoint, Topology } from '../topology.ts';
import { type DeviceNode, type DeviceType, deviceId, HOST_ID, namespaceId } from './graph.ts';
import type { Namespaces } from './namespaces.ts';

export const devicesOf = (facts: HostFacts, topology: Topology, namespaces: Namespaces): DeviceNode[] => {
  const devices = new Map<string, DeviceNode>();
  const networks = networkByDevice(topology);
  const points: Points = new Set(topology.points.map((point) => point.id));
  const add = (device: DeviceNode): void => {
    if (!devices.has(device.id)) devices.set(device.id, device);
  };
  for (const link of shownLinks(facts.self)) add(linkNode(link, HOST_ID, facts.self, networks, points, facts, topology));
  for (const namespace of facts.namespaces) {
    for (const link of shownLinks(namespace.facts)) {
      add(linkNode(link, namespaceId(namespace.id), namespace.facts, networks, points, facts, topology));
    }
  }
  // What Docker and the joins know of devices whose namespace could not be read.
  for (const container of topology.containers) {
    const home = namespaces.homeOf.get(container.id);
    if (home === undefined || home === HOST_ID) continue;
    for (const endpoint of container.endpoints) {
      if (endpoint.interface !== null) add(endpointNode(endpoint, endpoint.interface, home, points));
    }
  }
  for (const name of namedOnHost(topology)) if (!devices.has(deviceId(HOST_ID, name))) add(bareNode(name, points, facts, topology));
  const unresolved = unresolvedById(topology, namespaces);
  return [...devices.values()].map((device) => ({ ...device, unresolved: unresolved.get(device.id) ?? null }));
};

/** Ids of the places to capture. */
type Points = ReadonlySet<string>;

const pointOf = (device: string, points: Points): string | null => {
  const id = device.slice('dev:'.length);
  return points.has(id) ? id : null;
};

const shownLinks = (facts: NamespaceFacts): readonly Link[] =>
  (facts.links ?? []).filter((link) => !isLoopback(link) && !isFallbackTunnel(link));

const TYPES: Readonly<Record<string, DeviceType>> = {
  veth: 'veth',
  bridge: 'bridge',
  macvlan: 'macvlan',
  macvtap: 'macvlan',
  ipvlan: 'ipvlan',
  ipvtap: 'ipvlan',
  vlan: 'vlan',
  bond: 'bond',
  team: 'bond',
  vxlan: 'vxlan',
  dummy: 'dummy',
  tun: 'tunnel',
  wireguard: 'tunnel',
  ipip: 'tunnel',
  sit: 'tunnel',
  gre: 'tunnel',
  gretap: 'tunnel',
};

export const typeOf = (link: Link): DeviceType => (link.kind === null ? 'physical' : (TYPES[link.kind] ?? 'other'));

const textsOf = (within: NamespaceFacts, device: string): string[] =>
  addressesOn(within, device).map(({ ip, prefix }) => `${formatIp(ip)}/${prefix.length ?? formatIp(prefix.mask)}`);

const linkNode = (
  link: Link,
  namespace: string,
  within: NamespaceFacts,
  networks: ReadonlyMap<string, Pick<DeviceNode, 'network' | 'driver'>>,
  points: Points,
  facts: HostFacts,
  topology: Topology,
): DeviceNode => {
  const id = deviceId(namespace, link.name);
  const network = namespace === HOST_ID ? facts.networks.find((candidate) => candidate.claimedBridge === link.name) : undefined;
  const known = networks.get(id);
  return {
    kind: 'device',
    id,
    namespace,
    name: link.name,
    type: typeOf(link),
    ifindex: link.ifindex,
    addresses: textsOf(within, link.name),
    mac: link.mac,
    mtu: link.mtu,
    up: isUp(link),
    network: network?.name ?? known?.network ?? null,
    driver: network?.driver ?? known?.driver ?? null,
    isUplink: namespace === HOST_ID && topology.uplinks.includes(link.name),
    point: pointOf(id, points),
    notes: [...(network === undefined ? [] : networkNotes(network)), ...linkNotes(link)],
    unresolved: null,
  };
};

/** libnetwork's options of a bridge network that decide who may talk to whom (drivers/bridge, labels.go). */
const networkNotes = (network: DockerNetwork): string[] => {
  const option = (name: string): string | undefined => network.options[`com.docker.network.bridge.${name}`];
  const mode = (family: 'ipv4' | 'ipv6'): string[] => {
    const value = option(`gateway_mode_${family}`);
    return value === undefined || value === '' ? [] : [`gateway ${value}${family === 'ipv6' ? ' (IPv6)' : ''}`];
  };
  return [
    ...(network.internal ? ['internal'] : []),
    ...(option('enable_icc') === 'false' ? ['icc off'] : []),
    ...(option('enable_ip_masquerade') === 'false' ? ['no masquerade'] : []),
    ...mode('ipv4'),
    ...mode('ipv6'),
  ];
};

const linkNotes = (link: Link): string[] => {
  const text = (key: string): string | null => {
    const value = link.data[key];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
  };
  switch (link.kind) {
    case 'vxlan':
      return text('id') === null ? [] : [`VNI ${text('id')}`];
    case 'vlan':
      return text('id') === null ? [] : [`VLAN ${text('id')}`];
    case 'macvlan':
    case 'macvtap':
    case 'ipvlan':
    case 'ipvtap':
      return text('mode') === null ? [] : [`mode ${text('mode')}`];
    case 'bond':
      return text('mode') === null ? [] : [`mode ${text('mode')}`];
    case 'bridge':
      return link.data['vlan_filtering'] === 1 ? ['VLAN filtering'] : [];
    default:
      return [];
  }
};

/** By device, the network that an endpoint uses it for: the container's own device and the host's end of its cable. */
const networkByDevice = (topology: Topology): ReadonlyMap<string, Pick<DeviceNode, 'network' | 'driver'>> => {
  const networks = new Map<string, Pick<DeviceNode, 'network' | 'driver'>>();
  for (const container of topology.containers) {
    for (const { network, driver, interface: inside, host } of container.endpoints) {
      if (inside !== null && container.netns !== null) networks.set(`dev:${container.netns}/${inside}`, { network, driver });
      if (host?.kind === 'veth' && host.interface !== null) networks.set(`dev:${host.interface}`, { network, driver });
    }
  }
  return networks;
};

const BARE = { kind: 'device', ifindex: null, mtu: null, up: null, isUplink: false, notes: [], unresolved: null } as const;

const endpointNode = (endpoint: Endpoint, name: string, home: string, points: Points): DeviceNode => {
  const id = deviceId(home, name);
  const kind = endpoint.host?.kind;
  return {
    ...BARE,
    id,
    namespace: home,
    name,
    type: kind === 'macvlan' || kind === 'ipvlan' ? kind : kind === 'veth' || kind === 'overlay' ? 'veth' : 'other',
    addresses: [endpoint.ipv4, endpoint.ipv6].flatMap((ip) => (ip === null ? [] : [formatIp(ip)])),
    mac: endpoint.mac,
    network: endpoint.network,
    driver: endpoint.driver,
    point: pointOf(id, points),
  };
};

const namedOnHost = (topology: Topology): readonly string[] => [
  ...topology.uplinks,
  ...topology.bridges.flatMap((bridge) => [bridge.name, ...bridge.ports.map((port) => port.interface)]),
  ...topology.containers
    .flatMap((container) =>
      container.endpoints.flatMap(({ host }) => (host === null || host.namespace !== null ? [] : [host.interface, host.parent])),
    )
    .filter((name) => name !== null),
];

const bareNode = (name: string, points: Points, facts: HostFacts, topology: Topology): DeviceNode => {
  const bridge = topology.bridges.find((candidate) => candidate.name === name);
  const isPort = topology.bridges.some(({ ports }) => ports.some((port) => port.interface === name && port.container !== null));
  return {
    ...BARE,
    id: deviceId(HOST_ID, name),
    namespace: HOST_ID,
    name,
    type: bridge !== undefined ? 'bridge' : isPort ? 'veth' : 'other',
    addresses: bridge?.addresses ?? textsOf(facts.self, name),
    mac: null,
    up: bridge?.up ?? null,
    network: bridge?.network ?? null,
    driver: bridge?.networkDriver ?? null,
    isUplink: topology.uplinks.includes(name),
    point: pointOf(deviceId(HOST_ID, name), points),
    notes: bridge?.internal === true ? ['internal'] : [],
  };
};

const unresolvedById = (topology: Topology, namespaces: Namespaces): ReadonlyMap<string, string> => {
  const reasons = new Map<string, string>();
  for (const container of topology.containers) {
    const home = namespaces.homeOf.get(container.id);
    for (const endpoint of container.endpoints) {
      if (home !== undefined && endpoint.interface !== null && endpoint.unresolved !== null) {
        reasons.set(deviceId(home, endpoint.interface), endpoint.unresolved);
      }
    }
  }
  return reasons;
};
