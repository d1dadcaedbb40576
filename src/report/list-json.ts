/** `list --json`: containers with their networks, addresses and host interfaces. Field names are a contract (docs/formats.md). */
import { formatIp } from '../base/ip-address.ts';
import type { ContainerNode, Endpoint, Topology } from '../topology/topology.ts';

export const listJson = (topology: Topology): readonly Record<string, unknown>[] => topology.containers.map(containerJson);

export const containerJson = (container: ContainerNode): Record<string, unknown> => ({
  id: container.id,
  name: container.name,
  image: container.image,
  state: container.state,
  mode: container.mode,
  sharesWith: container.sharesWith,
  endpoints: container.endpoints.map(endpointJson),
  sharedBy: container.sharedBy,
  ...(container.defaultRoutes === undefined ? {} : { defaultRoutes: container.defaultRoutes }),
  published: container.published.map((port) => ({
    protocol: port.protocol,
    containerPort: port.containerPort,
    hostIp: port.hostIp,
    hostPort: port.hostPort,
  })),
  composeProject: container.composeProject,
  netns: container.netns,
  remark: container.remark,
});

const endpointJson = (endpoint: Endpoint): Record<string, unknown> => ({
  network: endpoint.network,
  driver: endpoint.driver,
  ipv4: endpoint.ipv4 === null ? null : formatIp(endpoint.ipv4),
  ipv6: endpoint.ipv6 === null ? null : formatIp(endpoint.ipv6),
  mac: endpoint.mac,
  interface: endpoint.interface,
  host:
    endpoint.host === null
      ? null
      : {
          kind: endpoint.host.kind,
          interface: endpoint.host.interface,
          bridge: endpoint.host.bridge,
          parent: endpoint.host.parent,
          namespace: endpoint.host.namespace,
        },
  ...(endpoint.unresolved === null ? {} : { unresolved: endpoint.unresolved }),
  ...(endpoint.warnings.length === 0 ? {} : { warnings: endpoint.warnings }),
});
