/** `topology` for people: the host's namespace as a tree of bridges, ports, parents and the containers behind them. */
import { formatIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { HostFacts } from '../host/facts.ts';
import type { BridgeNode, ContainerNode, Topology } from '../topology/topology.ts';
import { type Glyphs, glyphsOf, type Style, tint } from './style.ts';
import { addressesOf, parentsOf } from './topology-json.ts';

interface TreeNode {
  readonly label: string;
  readonly children: readonly TreeNode[];
}

export const topologyTree = (facts: HostFacts, topology: Topology, style: Style): string[] => {
  const glyphs = glyphsOf(style);
  const root: TreeNode = {
    label: `${facts.hostName}${facts.dockerVersion === null ? '' : `  docker ${facts.dockerVersion}`}`,
    children: [
      ...topology.bridges.map((bridge) => bridgeNode(bridge, topology, glyphs)),
      ...deviceNodes(facts, topology, glyphs),
      ...sharedHostNodes(topology),
      ...stranded(topology),
    ],
  };
  const lines = [tint(style, 'strong', printable(root.label)), ...drawChildren(root, '', glyphs)];
  return [...lines, ...topology.warnings.map((warning) => tint(style, 'warn', `note: ${printable(warning)}`))];
};

const drawChildren = (node: TreeNode, stem: string, glyphs: Glyphs): string[] =>
  node.children.flatMap((child, index) => {
    const last = index === node.children.length - 1;
    return [
      `${stem}${last ? glyphs.corner : glyphs.fork}${printable(child.label)}`,
      ...drawChildren(child, stem + (last ? glyphs.blank : glyphs.stem), glyphs),
    ];
  });

const joined = (...parts: (string | null | false)[]): string =>
  parts.filter((part) => part !== null && part !== false && part !== '').join('  ');

const bridgeNode = (bridge: BridgeNode, topology: Topology, glyphs: Glyphs): TreeNode => ({
  label: joined(
    `bridge ${bridge.name}`,
    bridge.addresses.join(' '),
    bridge.network === null ? 'of no Docker network' : `network ${bridge.network}`,
    bridge.internal && 'internal',
    !bridge.up && 'down',
  ),
  children: bridge.ports.map((port) => ({
    label:
      port.container === null
        ? port.interface
        : `${port.interface} ${glyphs.line} ${joined(`${port.container} ${port.containerInterface ?? '?'}`, portAddress(topology, port))}`,
    children: sharers(topology, port.container),
  })),
});

const portAddress = (topology: Topology, port: BridgeNode['ports'][number]): string | null => {
  const container = topology.containers.find((candidate) => candidate.name === port.container);
  const endpoint = container?.endpoints.find((candidate) => candidate.host?.interface === port.interface);
  if (endpoint === undefined) return null;
  return [endpoint.ipv4, endpoint.ipv6].flatMap((ip) => (ip === null ? [] : [formatIp(ip)])).join(' ');
};

const sharers = (topology: Topology, name: string | null): TreeNode[] =>
  (topology.containers.find((container) => container.name === name)?.sharedBy ?? []).map((other) => ({
    label: `shared by ${other}`,
    children: [],
  }));

/** The host's ways out and the parents of macvlan, ipvlan and overlay endpoints. */
const deviceNodes = (facts: HostFacts, topology: Topology, glyphs: Glyphs): TreeNode[] => {
  const parents = parentsOf(topology);
  const alone = topology.uplinks.filter((name) => !parents.some((parent) => parent.name === name && parent.namespace === null));
  return [
    ...alone.map((name) => ({ label: joined(name, addressesOf(facts, name).join(' '), 'way out'), children: [] })),
    ...parents.map((parent) => ({
      label: joined(
        parent.namespace === null ? parent.name : `namespace ${parent.namespace}: ${parent.name}`,
        parent.namespace === null && addressesOf(facts, parent.name).join(' '),
        topology.uplinks.includes(parent.name) && parent.namespace === null && 'way out',
      ),
      children: parent.children.map((child) => ({
        label: joined(
          `${parent.kind} ${glyphs.line} ${child.container} ${child.interface ?? '?'}`,
          child.address,
          child.network !== null && `network ${child.network}`,
        ),
        children: sharers(topology, child.container),
      })),
    })),
  ];
};

const sharedHostNodes = (topology: Topology): TreeNode[] =>
  topology.containers
    .filter((container) => container.modeKind === 'host')
    .map((container) => ({ label: `${container.name}  in the host's own namespace`, children: [] }));

/** Containers that hang nowhere above: no network, stopped, or an endpoint that could not be resolved. */
const stranded = (topology: Topology): TreeNode[] =>
  topology.containers
    .filter((container) => container.modeKind !== 'host' && container.sharesWith === null && !hangsSomewhere(container, topology))
    .map((container) => ({
      label: joined(
        container.name,
        container.state,
        container.remark ?? unresolvedOf(container) ?? (container.modeKind === 'none' ? 'no network' : null),
      ),
      children: sharers(topology, container.name),
    }));

const hangsSomewhere = (container: ContainerNode, topology: Topology): boolean =>
  container.endpoints.some((endpoint) => endpoint.host !== null && endpoint.host.kind !== 'veth') ||
  topology.bridges.some((bridge) => bridge.ports.some((port) => port.container === container.name));

const unresolvedOf = (container: ContainerNode): string | null =>
  container.endpoints.find((endpoint) => endpoint.unresolved !== null)?.unresolved ??
  container.endpoints.flatMap((endpoint) => endpoint.warnings)[0] ??
  null;
