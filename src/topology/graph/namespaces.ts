/** The namespaces of the host, and which containers live in which: those that share one are one node with several residents. */
import type { HostFacts, OtherNamespace } from '../../host/facts.ts';
import { isLive } from '../host-index.ts';
import { holderOf } from '../points.ts';
import type { ContainerNode, Topology } from '../topology.ts';
import { HOST_ID, homelessId, type NamespaceNode, type NamespaceRole, namespaceId, type Resident } from './graph.ts';

export interface Namespaces {
  readonly nodes: readonly NamespaceNode[];
  /** Id of the namespace node of each container, by its id. */
  readonly homeOf: ReadonlyMap<string, string>;
}

export const namespacesOf = (facts: HostFacts, topology: Topology): Namespaces => {
  const homeOf = new Map(topology.containers.map((container) => [container.id, homeId(topology, container)]));
  const residents = new Map<string, ContainerNode[]>();
  for (const container of topology.containers) {
    const home = homeOf.get(container.id) ?? HOST_ID;
    const others = residents.get(home) ?? [];
    // The one whose namespace it is comes first.
    residents.set(home, holderOf(topology, container) === container ? [container, ...others] : [...others, container]);
  }
  const host: NamespaceNode = {
    kind: 'namespace',
    id: HOST_ID,
    role: 'host',
    label: facts.hostName,
    netns: facts.netns,
    residents: (residents.get(HOST_ID) ?? []).map(residentOf),
    network: null,
    remark: null,
  };
  const homes = [...residents].filter(([id]) => id !== HOST_ID).map(([id, containers]) => homeNode(id, containers));
  const known = new Set(homes.map((node) => node.id));
  const others = facts.namespaces
    .filter((namespace) => !known.has(namespaceId(namespace.id)))
    .map((namespace) => otherNode(namespace, facts));
  return { nodes: [host, ...homes, ...others], homeOf };
};

const homeId = (topology: Topology, container: ContainerNode): string => {
  const holder = holderOf(topology, container);
  // One that was started with an earlier run of its holder kept that run's namespace.
  if (container.netns !== null && holder.netns !== null && container.netns !== holder.netns) return namespaceId(container.netns);
  if (holder.modeKind === 'host' && isLive(container)) return HOST_ID;
  if (!isLive(container)) return homelessId(container.id);
  if (holder.netns !== null) return namespaceId(holder.netns);
  return homelessId(holder.id);
};

const residentOf = ({ id, name, state }: ContainerNode): Resident => ({ id, name, state });

const homeNode = (id: string, containers: readonly ContainerNode[]): NamespaceNode => {
  const [holder] = containers;
  return {
    kind: 'namespace',
    id,
    role: 'container',
    label: holder?.name ?? id,
    netns: id.startsWith('ns:') ? id.slice('ns:'.length) : null,
    residents: containers.map(residentOf),
    network: null,
    remark:
      holder === undefined ? null : (holder.remark ?? holder.endpoints.find(({ unresolved }) => unresolved !== null)?.unresolved ?? null),
  };
};

/** Where ip-netns(8) keeps names; dockerd has a folder of its own. */
const NAMED_BY_PEOPLE = /^(\/var)?\/run\/netns\//;

/** The overlay network whose hidden namespace this is: libnetwork names it `1-` and the start of the network's id. */
const networkIn = (name: string, facts: HostFacts): string | null =>
  (name.startsWith('1-')
    ? facts.networks.find((network) => network.id.startsWith(name.slice(2)) && network.driver === 'overlay')
    : undefined
  )?.name ?? null;

const otherNode = (namespace: OtherNamespace, facts: HostFacts): NamespaceNode => {
  const path = namespace.path ?? '';
  const name = path.slice(path.lastIndexOf('/') + 1);
  const kinds = new Set((namespace.facts.links ?? []).map((link) => link.kind));
  const role: NamespaceRole = kinds.has('vxlan') && kinds.has('bridge') ? 'overlay' : NAMED_BY_PEOPLE.test(path) ? 'named' : 'sandbox';
  const why = namespace.facts.links === null ? [...namespace.facts.missing.values()][0] : undefined;
  return {
    kind: 'namespace',
    id: namespaceId(namespace.id),
    role,
    label: name === '' ? `namespace ${namespace.id}` : name,
    netns: namespace.id,
    residents: namespace.owners.map((id) => ({ id, name: id.slice(0, 12), state: 'unknown' })),
    network: role === 'overlay' ? networkIn(name, facts) : null,
    remark: namespace.facts.links === null ? `its interfaces could not be read: ${why ?? 'not in the snapshot'}` : null,
  };
};
