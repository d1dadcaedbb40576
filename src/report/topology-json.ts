/** `topology --json`: bridges with their ports, parents, overlays, namespaces and containers, and all of it as nodes and edges. */
import { formatIp } from '../base/ip-address.ts';
import type { HostFacts } from '../host/facts.ts';
import { buildGraph } from '../topology/graph/build-graph.ts';
import type { CapturePoint, Topology } from '../topology/topology.ts';
import { graphJson } from './graph-json.ts';
import { containerJson } from './list-json.ts';

export const topologyJson = (facts: HostFacts, topology: Topology): Record<string, unknown> => ({
  host: facts.hostName,
  takenAt: facts.takenAt,
  docker: { version: facts.dockerVersion, error: facts.dockerError },
  bridges: topology.bridges.map((bridge) => ({
    name: bridge.name,
    network: bridge.network,
    driver: bridge.networkDriver,
    internal: bridge.internal,
    up: bridge.up,
    addresses: bridge.addresses,
    ports: bridge.ports.map((port) => ({
      interface: port.interface,
      container: port.container,
      containerInterface: port.containerInterface,
    })),
  })),
  uplinks: topology.uplinks.map((name) => ({ name, addresses: addressesOf(facts, name) })),
  parents: parentsOf(topology),
  namespaces: facts.namespaces.map((namespace) => ({
    id: namespace.id,
    nsid: namespace.nsid,
    pid: namespace.pid,
    containers: namespace.owners.map((id) => topology.containers.find((container) => container.id === id)?.name ?? id),
  })),
  containers: topology.containers.map(containerJson),
  points: topology.points.map(pointJson),
  warnings: topology.warnings,
  ...graphJson(buildGraph(facts, topology)),
});

/** Addresses of a host's interface with their prefix lengths. */
export const addressesOf = (facts: HostFacts, device: string): readonly string[] =>
  (facts.self.addresses ?? [])
    .filter((address) => address.interface === device)
    .map((address) => `${formatIp(address.ip)}/${address.prefix.length ?? formatIp(address.prefix.mask)}`);

export interface ParentDevice {
  readonly name: string;
  readonly kind: 'macvlan' | 'ipvlan' | 'overlay' | 'device';
  readonly namespace: string | null;
  readonly children: readonly {
    readonly container: string;
    readonly interface: string | null;
    readonly network: string | null;
    readonly address: string | null;
  }[];
}

/** Endpoints that hang on a device and not on a bridge, by that device: macvlan and ipvlan parents, devices moved into a container. */
export const parentsOf = (topology: Topology): readonly ParentDevice[] => {
  const byKey = new Map<string, ParentDevice & { readonly children: ParentDevice['children'][number][] }>();
  for (const container of topology.containers) {
    for (const endpoint of container.endpoints) {
      const { host } = endpoint;
      if (host === null || host.kind === 'veth') continue;
      const name = host.parent ?? host.interface ?? host.bridge ?? host.kind;
      const key = `${host.namespace ?? ''}/${host.kind}/${name}`;
      const parent = byKey.get(key) ?? { name, kind: host.kind, namespace: host.namespace, children: [] };
      byKey.set(key, parent);
      const ip = endpoint.ipv4 ?? endpoint.ipv6;
      parent.children.push({
        container: container.name,
        interface: endpoint.interface,
        network: endpoint.network,
        address: ip === null ? null : formatIp(ip),
      });
    }
  }
  return [...byKey.values()];
};

const pointJson = (point: CapturePoint): Record<string, unknown> => ({
  id: point.id,
  interface: point.interface,
  kind: point.kind,
  sees: point.sees,
  container: point.container,
  network: point.network,
  netns: point.netns,
  filter: point.filter,
});
