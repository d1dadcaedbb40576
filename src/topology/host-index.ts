/** The facts that every join looks up, indexed once. */
import type { DockerContainer, DockerNetwork, HostFacts, Link, OtherNamespace } from '../host/facts.ts';

export interface HostIndex {
  readonly facts: HostFacts;
  readonly containersById: ReadonlyMap<string, DockerContainer>;
  readonly namespacesById: ReadonlyMap<string, OtherNamespace>;
  readonly networksById: ReadonlyMap<string, DockerNetwork>;
  readonly networksByName: ReadonlyMap<string, DockerNetwork>;
  readonly hostLinksByIndex: ReadonlyMap<number, Link>;
}

export const indexHost = (facts: HostFacts): HostIndex => ({
  facts,
  containersById: new Map(facts.containers.map((container) => [container.id, container])),
  namespacesById: new Map(facts.namespaces.map((namespace) => [namespace.id, namespace])),
  networksById: new Map(facts.networks.map((network) => [network.id, network])),
  networksByName: new Map(facts.networks.map((network) => [network.name, network])),
  hostLinksByIndex: new Map((facts.self.links ?? []).map((link) => [link.ifindex, link])),
});

/** Network ids are unique, names are not; an old snapshot may lack the id. */
export const networkOf = (index: HostIndex, id: string, name: string): DockerNetwork | null =>
  index.networksById.get(id) ?? index.networksByName.get(name) ?? null;

/** Whether a container has processes, and so a namespace with devices. */
export const isLive = (container: { readonly state: string }): boolean => container.state === 'running' || container.state === 'paused';
