/** The graph of a host from its facts and the joins that the topology has made. Every edge joins two nodes that are there. */
import { formatIp } from '../../base/ip-address.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { Topology } from '../topology.ts';
import { cablesOf } from './cables.ts';
import { devicesOf } from './devices.ts';
import { type GraphEdge, type GraphNode, OUTSIDE_ID, type TopologyGraph } from './graph.ts';
import { namespacesOf } from './namespaces.ts';
import { mastersOf, parentsIn, peerId, routesOf, tunnelsOf } from './relations.ts';

export const buildGraph = (facts: HostFacts, topology: Topology): TopologyGraph => {
  const namespaces = namespacesOf(facts, topology);
  const devices = devicesOf(facts, topology, namespaces);
  const byId = new Map(devices.map((device) => [device.id, device]));
  const tunnels = tunnelsOf(facts);
  const nodes: GraphNode[] = [
    ...namespaces.nodes,
    ...devices,
    ...tunnels.peers.map((ip): GraphNode => ({ kind: 'peer', id: peerId(formatIp(ip)), address: formatIp(ip) })),
    { kind: 'outside', id: OUTSIDE_ID },
  ];
  const edges: GraphEdge[] = [
    ...cablesOf(facts, topology, namespaces),
    ...mastersOf(facts, topology, byId),
    ...parentsIn(facts, topology, namespaces),
    ...tunnels.edges,
    ...routesOf(facts, byId),
  ];
  const known = new Set(nodes.map((node) => node.id));
  return { nodes, edges: edges.filter((edge) => known.has(edge.from) && known.has(edge.to)) };
};
