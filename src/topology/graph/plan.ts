/**
 * The graph put in order for people, as a picture or a tree, without positions yet: sections of a bridge (or parent, or overlay) with what is plugged into it,
 * the host's ways out, and what hangs nowhere. Every namespace and every device of the host comes up in one place at least.
 */
import { inPrefix, parseIp, parsePrefix } from '../../base/ip-address.ts';
import type { DeviceNode, GraphEdge, NamespaceNode, TopologyGraph } from './graph.ts';
import { HOST_ID } from './graph.ts';
import { GraphIndex } from './graph-index.ts';

export interface Cable {
  /** The device on the bridge's side; of a child its own. */
  readonly device: string;
  readonly label: string;
  /** What is unusual about it, in words: `down`, `isolated`, `blocking`. */
  readonly remark: string | null;
}

/** Somebody at the left end of a cable. */
export interface Plug {
  /** Id of the namespace, or of the device where it is one of the host's own. */
  readonly owner: string;
  readonly kind: 'container' | 'namespace' | 'host' | 'bridge' | 'wire' | 'unknown';
  readonly name: string;
  /** Its device inside of it. */
  readonly device: string | null;
  readonly interface: string | null;
  readonly address: string | null;
  readonly cable: Cable | null;
  /** Lines below it: who shares it, what it has inside. */
  readonly notes: readonly string[];
}

export interface Section {
  /** Id of the bridge, the parent device, or `direct`. */
  readonly id: string;
  /** Null where the cables lead to the host's stack without a bridge. */
  readonly box: { readonly title: string; readonly lines: readonly string[]; readonly up: boolean } | null;
  readonly plugs: readonly Plug[];
  /** Where it leads on: to the host's stack, past it to a way out, or nowhere. */
  readonly out:
    | { readonly kind: 'host'; readonly tunnel: boolean }
    | { readonly kind: 'way'; readonly device: string }
    | { readonly kind: 'none'; readonly why: string };
}

export interface WayOut {
  readonly device: string;
  readonly name: string;
  readonly address: string | null;
  /** `VLAN 100 on eth0`. */
  readonly note: string | null;
  /** `outside`, the namespace at the other end, or null where no default route leaves by it. */
  readonly beyond: string | null;
}

export interface Lone {
  readonly owner: string;
  readonly name: string;
  readonly why: string;
  /** Who shares its fate. */
  readonly notes: readonly string[];
}

export interface Plan {
  readonly hostName: string;
  /** Sections whose traffic passes the host's stack by: macvlan and ipvlan on a way out. */
  readonly above: readonly Section[];
  readonly inside: readonly Section[];
  /** Sections that lead nowhere on this host: bridges inside of containers, parents without a wire. */
  readonly below: readonly Section[];
  readonly ways: readonly WayOut[];
  readonly lone: readonly Lone[];
}

export const DIRECT_ID = 'direct';

export const planOf = (graph: TopologyGraph): Plan => {
  const index = new GraphIndex(graph);
  const ways = waysOf(index);
  const wayIds = new Set(ways.map((way) => way.device));
  const bridges = index.devices.filter((device) => device.type === 'bridge').map((bridge) => bridgeSection(bridge, index));
  const parents = index.devices
    .filter((device) => index.childrenOf(device.id).some((edge) => index.device(edge.from)?.type !== 'vlan'))
    .map((parent) => parentSection(parent, index, wayIds));
  const sections = [...parents, ...bridges];
  const direct = directSection(index, sections, wayIds);
  const all = [...sections, ...(direct === null ? [] : [direct])];
  return {
    hostName: index.host.label,
    above: inOrderOf(
      ways,
      all.filter((section) => section.out.kind === 'way'),
    ),
    inside: all.filter((section) => section.out.kind === 'host'),
    below: all.filter((section) => section.out.kind === 'none'),
    ways,
    lone: loneOf(index, all, ways),
  };
};

/** Those that lead to the same way out stand together. */
const inOrderOf = (ways: readonly WayOut[], sections: readonly Section[]): Section[] =>
  ways.flatMap((way) => sections.filter((section) => section.out.kind === 'way' && section.out.device === way.device));

const bridgeSection = (bridge: DeviceNode, index: GraphIndex): Section => {
  const home = index.namespace(bridge.namespace);
  const ports = index.portsOf(bridge.id);
  const tunnels = ports.flatMap(({ from }) => {
    const device = index.device(from);
    return device?.type === 'vxlan' ? [device] : [];
  });
  // The tunnel is the bridge's way on, unless the host's own stack is behind the bridge too.
  const inHost = bridge.namespace === HOST_ID;
  const plugged = inHost ? ports : ports.filter(({ from }) => index.device(from)?.type !== 'vxlan');
  const network = home?.network ?? bridge.network;
  const peers = tunnels.flatMap((tunnel) => index.peersOf(tunnel.id));
  const underlay = tunnels.some((tunnel) => index.underlayOf(tunnel.id) === HOST_ID);
  const lines = [
    ...(network === null && inHost ? ['no Docker network'] : []),
    ...(network === bridge.name ? [] : [inHost ? bridge.name : `${[bridge.name, ...tunnels.map(({ name }) => name)].join(' + ')}`]),
    ...(inHost || home === null ? [] : [home.role === 'overlay' ? `namespace ${home.label}` : `inside ${home.label}`]),
    ...firstAddress(bridge),
    ...(bridge.notes.length === 0 ? [] : [bridge.notes.join(', ')]),
    ...tunnels.flatMap((tunnel) => (inHost ? [] : tunnel.notes)),
    ...(peers.length === 0 ? [] : [`to ${peers.join(', ')}`]),
  ];
  return {
    id: bridge.id,
    box: { title: network ?? bridge.name, lines, up: bridge.up !== false },
    plugs: plugged.map((edge) => portPlug(edge, index)),
    out: inHost
      ? { kind: 'host', tunnel: false }
      : underlay
        ? { kind: 'host', tunnel: true }
        : { kind: 'none', why: `inside ${home?.label ?? 'another namespace'}` },
  };
};

const firstAddress = (device: DeviceNode): string[] => {
  const shown =
    device.addresses.find((address) => !address.includes(':')) ?? device.addresses.find((address) => !address.startsWith('fe80:'));
  return shown === undefined ? [] : [shown];
};

const bareAddress = (device: DeviceNode): string | null => firstAddress(device)[0]?.replace(/\/.*$/, '') ?? null;

type PortEdge = Extract<GraphEdge, { readonly kind: 'port' }>;

const portPlug = (edge: PortEdge, index: GraphIndex): Plug => {
  const port = index.device(edge.from);
  const remarks = [
    ...(port?.up === false ? ['down'] : []),
    ...(edge.state === null || edge.state === 'forwarding' || port?.up === false ? [] : [edge.state]),
    ...(edge.isolated ? ['isolated'] : []),
    ...(edge.hairpin ? ['hairpin'] : []),
  ];
  const cable: Cable = { device: edge.from, label: port?.name ?? '?', remark: remarks.length === 0 ? null : remarks.join(', ') };
  const far = index.otherEnd(edge.from);
  if (far !== null) return farPlug(far, cable, index);
  if (port === null) return { ...UNKNOWN, owner: edge.from, name: 'not known', cable };
  if (port.type === 'veth') return { ...UNKNOWN, owner: port.id, name: 'not known', cable, notes: ['its other end is elsewhere'] };
  if (port.type === 'vxlan')
    return { ...UNKNOWN, kind: 'wire', owner: port.id, name: 'tunnel', cable, notes: index.peersOf(port.id).map((peer) => `to ${peer}`) };
  const on = index.parentOf(port.id);
  return {
    ...UNKNOWN,
    kind: 'wire',
    owner: port.id,
    name: on === null ? 'wire' : 'wire of',
    interface: on === null ? null : (index.device(on.to)?.name ?? null),
    cable,
    notes: [...port.notes, ...index.membersOf(port.id).map((member) => `with ${member}`)],
  };
};

const UNKNOWN = { kind: 'unknown', device: null, interface: null, address: null, cable: null, notes: [] } as const;

/** Who is at the other end of a cable. */
const farPlug = (far: DeviceNode, cable: Cable, index: GraphIndex): Plug => {
  if (far.namespace !== HOST_ID) return residentPlug(far, cable, index);
  const master = index.masterOf(far.id);
  const bridge = master === null ? null : index.device(master);
  return {
    owner: far.id,
    kind: bridge === null ? 'host' : 'bridge',
    name: bridge === null ? 'host' : (bridge.network ?? bridge.name),
    device: far.id,
    interface: far.name,
    address: bareAddress(far),
    cable,
    notes: [],
  };
};

const residentPlug = (device: DeviceNode, cable: Cable | null, index: GraphIndex): Plug => {
  const home = index.namespace(device.namespace);
  return {
    owner: device.namespace,
    kind: home?.role === 'container' ? 'container' : 'namespace',
    name: home === null ? device.namespace : home.role === 'named' ? `netns ${home.label}` : home.label,
    device: device.id,
    interface: device.name,
    address: bareAddress(device),
    cable,
    notes: home === null ? [] : notesOf(home),
  };
};

const notesOf = (home: NamespaceNode): string[] => {
  const others = home.residents.slice(1).map(({ name }) => name);
  return others.length === 0 ? [] : [`+ ${others.join(', ')}`];
};

const parentSection = (parent: DeviceNode, index: GraphIndex, ways: ReadonlySet<string>): Section => {
  const children = index.childrenOf(parent.id).filter((edge) => index.device(edge.from)?.type !== 'vlan');
  const hows = [...new Set(children.map((edge) => edge.how))];
  const networks = [...new Set(children.flatMap((edge) => index.device(edge.from)?.network ?? []))];
  return {
    id: parent.id,
    box: {
      title: networks.length === 0 ? `on ${parent.name}` : networks.join(', '),
      lines: [...(networks.length === 0 ? [] : [`on ${parent.name}`]), ...hows],
      up: parent.up !== false,
    },
    plugs: children.flatMap((edge): Plug[] => {
      const child = index.device(edge.from);
      if (child === null) return [];
      const remark = child.up === false ? 'down' : null;
      const cable: Cable = { device: child.id, label: child.type, remark };
      return [
        child.namespace === HOST_ID
          ? {
              ...UNKNOWN,
              kind: 'host',
              owner: child.id,
              name: 'host',
              device: child.id,
              interface: child.name,
              address: bareAddress(child),
              cable,
            }
          : residentPlug(child, cable, index),
      ];
    }),
    out: ways.has(parent.id)
      ? { kind: 'way', device: parent.id }
      : { kind: 'none', why: parent.type === 'dummy' ? 'no wire: a dummy device' : `only what hangs on ${parent.name}` },
  };
};

/** Kinds of the host's devices that lead out of it by themselves. */
const OUTWARD: ReadonlySet<string> = new Set(['physical', 'bond', 'tunnel']);

const waysOf = (index: GraphIndex): WayOut[] =>
  index.devices
    .filter((device) => device.namespace === HOST_ID && leadsOut(device, index))
    .sort((x, y) => Number(y.isUplink) - Number(x.isUplink))
    .map((device): WayOut => {
      const on = index.parentOf(device.id);
      const far = index.otherEnd(device.id);
      const home = far === null ? null : index.namespace(far.namespace);
      const members = index.membersOf(device.id);
      const words = [
        ...(on === null ? [] : [`${on.how} on ${index.device(on.to)?.name ?? '?'}`]),
        ...(members.length === 0 ? [] : [members.join(' + ')]),
        ...(device.type === 'bridge' ? ['the bridge'] : []),
        ...(device.up === false ? ['down'] : []),
      ];
      return {
        device: device.id,
        name: device.name,
        address: bareAddress(device),
        note: words.length === 0 ? null : words.join(', '),
        beyond: home === null || home.id === HOST_ID ? (device.isUplink ? 'outside' : peersBeside(device, index)) : home.label,
      };
    });

/** Other ends of tunnels that are on the device's own wire. */
const peersBeside = (device: DeviceNode, index: GraphIndex): string | null => {
  const prefixes = device.addresses.flatMap((address) => parsePrefix(address) ?? []);
  const beside = index.allPeers.filter((address) => {
    const ip = parseIp(address);
    return ip !== null && prefixes.some((prefix) => inPrefix(ip, prefix));
  });
  return beside.length === 0 ? null : beside.length === 1 ? `host ${beside[0]}` : `${beside.length} other hosts`;
};

const leadsOut = (device: DeviceNode, index: GraphIndex): boolean => {
  if (device.isUplink) return true;
  // A port's or a member's traffic is its master's.
  if (index.masterOf(device.id) !== null) return false;
  if (OUTWARD.has(device.type)) return true;
  if (device.type === 'vlan') return device.addresses.length > 0 || index.childrenOf(device.id).length > 0;
  // A cable whose other end is in no namespace that is known leads to another machine as far as this host can say.
  return device.type === 'veth' && index.otherEnd(device.id) === null && device.addresses.length > 0;
};

/** What reaches the host's stack without a bridge: residents of its namespace, routed cables, and devices of its own that are nowhere else. */
const directSection = (index: GraphIndex, sections: readonly Section[], ways: ReadonlySet<string>): Section | null => {
  const drawn = new Set([
    ...ways,
    ...sections.map((section) => section.id),
    ...sections.flatMap((section) => section.plugs.flatMap((plug) => [plug.device, plug.cable?.device ?? null])),
  ]);
  const plugs: Plug[] = index.host.residents.map(
    ({ id, name }): Plug => ({ ...UNKNOWN, owner: `resident:${id}`, kind: 'container', name, notes: [] }),
  );
  for (const device of index.devices) {
    if (device.namespace !== HOST_ID || drawn.has(device.id) || index.isMember(device.id)) continue;
    const far = index.otherEnd(device.id);
    drawn.add(device.id);
    if (far !== null) {
      drawn.add(far.id);
      const cable: Cable = { device: device.id, label: device.name, remark: device.up === false ? 'down' : null };
      plugs.push(farPlug(far, cable, index));
    } else {
      plugs.push({
        ...UNKNOWN,
        kind: 'host',
        owner: device.id,
        name: device.name,
        device: device.id,
        address: bareAddress(device),
        notes: [[device.type === 'other' ? 'a device' : device.type, ...device.notes].join(', ')],
      });
    }
  }
  return plugs.length === 0 ? null : { id: DIRECT_ID, box: null, plugs, out: { kind: 'host', tunnel: false } };
};

const loneOf = (index: GraphIndex, sections: readonly Section[], ways: readonly WayOut[]): Lone[] => {
  const seen = new Set(sections.flatMap((section) => [section.id, ...section.plugs.map((plug) => plug.owner)]));
  const homesOfBridges = new Set(sections.map((section) => index.device(section.id)?.namespace));
  const beyond = new Set(ways.map((way) => index.otherEnd(way.device)?.namespace));
  return index.namespaces
    .filter((node) => node.id !== HOST_ID && !seen.has(node.id) && !homesOfBridges.has(node.id) && !beyond.has(node.id))
    .map((node): Lone => {
      const unresolved = index.devices.find((device) => device.namespace === node.id && device.unresolved !== null)?.unresolved ?? null;
      const own = index.devices.filter((device) => device.namespace === node.id).map((device) => device.name);
      const state = node.id.startsWith('container:') ? node.residents[0]?.state : undefined;
      const idle =
        state !== undefined && state !== 'running'
          ? state
          : own.length === 0
            ? 'no interface but its loopback'
            : `${own.join(', ')}: no cable to this host`;
      return { owner: node.id, name: node.label, why: node.remark ?? unresolved ?? idle, notes: notesOf(node) };
    });
};
