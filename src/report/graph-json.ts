/** Nodes and edges of `topology --json`: what is there, and what leads where. Field names: docs/formats.md. */
import { assertNever } from '../base/assert-never.ts';
import type { GraphEdge, GraphNode, TopologyGraph } from '../topology/graph/graph.ts';

export const graphJson = (graph: TopologyGraph): { readonly nodes: readonly unknown[]; readonly edges: readonly unknown[] } => ({
  nodes: graph.nodes.map(nodeJson),
  edges: graph.edges.map(edgeJson),
});

const nodeJson = (node: GraphNode): Record<string, unknown> => {
  switch (node.kind) {
    case 'namespace':
      return {
        id: node.id,
        kind: node.kind,
        role: node.role,
        label: node.label,
        netns: node.netns,
        containers: node.residents.map(({ id, name, state }) => ({ id, name, state })),
        network: node.network,
        remark: node.remark,
      };
    case 'device':
      return {
        id: node.id,
        kind: node.kind,
        type: node.type,
        name: node.name,
        namespace: node.namespace,
        ifindex: node.ifindex,
        addresses: node.addresses,
        mac: node.mac,
        mtu: node.mtu,
        up: node.up,
        network: node.network,
        driver: node.driver,
        uplink: node.isUplink,
        point: node.point,
        notes: node.notes,
        ...(node.unresolved === null ? {} : { unresolved: node.unresolved }),
      };
    case 'peer':
      return { id: node.id, kind: node.kind, address: node.address };
    case 'outside':
      return { id: node.id, kind: node.kind };
    default:
      return assertNever(node);
  }
};

const edgeJson = (edge: GraphEdge): Record<string, unknown> => ({ ...edge });
