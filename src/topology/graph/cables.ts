/**
 * Which two devices are the ends of one veth pair. Interface numbers are unique only within a namespace, so a pair is proved by the
 * namespace id beside them (rtnetlink(7): IFLA_LINK_NETNSID), or by being the only one with its two numbers; never by a name.
 */
import type { HostFacts, Link, OtherNamespace } from '../../host/facts.ts';
import { type HostIndex, indexHost } from '../host-index.ts';
import { hostEndOf } from '../host-side.ts';
import type { Topology } from '../topology.ts';
import { deviceId, type GraphEdge, HOST_ID, namespaceId } from './graph.ts';
import type { Namespaces } from './namespaces.ts';

type Cable = Extract<GraphEdge, { readonly kind: 'veth' }>;

interface End {
  readonly id: string;
  readonly namespace: string;
  readonly link: Link;
}

export const cablesOf = (facts: HostFacts, topology: Topology, namespaces: Namespaces): Cable[] => {
  const cables: Cable[] = [];
  const taken = new Set<string>();
  const add = (from: string, to: string, proof: Cable['proof']): void => {
    if (taken.has(from) || taken.has(to)) return;
    taken.add(from);
    taken.add(to);
    cables.push({ kind: 'veth', from, to, proof });
  };
  for (const [from, to] of endpointCables(facts, topology, namespaces)) add(from, to, 'ids');

  const index = indexHost(facts);
  const ends = allEnds(facts);
  for (const end of ends) {
    if (end.link.linkName !== null) add(end.id, deviceId(end.namespace, end.link.linkName), 'ids');
  }
  for (const namespace of facts.namespaces) {
    for (const link of vethsOf(namespace)) {
      const host = hostEndOf(link, namespace, index);
      if (host !== null) add(deviceId(namespaceId(namespace.id), link.name), deviceId(HOST_ID, host.name), 'ids');
    }
  }
  pairByNumbers(
    ends.filter((end) => !taken.has(end.id)),
    index,
    add,
  );
  return cables;
};

/** What the endpoints' own joins have found. */
const endpointCables = (facts: HostFacts, topology: Topology, namespaces: Namespaces): [string, string][] =>
  topology.containers.flatMap((container) => {
    const home = namespaces.homeOf.get(container.id);
    if (home === undefined || home === HOST_ID) return [];
    return container.endpoints.flatMap(({ interface: inside, host }): [string, string][] => {
      if (inside === null || host === null || host.interface === null) return [];
      if (host.kind === 'veth') return [[deviceId(home, inside), deviceId(HOST_ID, host.interface)]];
      const hidden = host.kind === 'overlay' ? hiddenNamed(facts, host.namespace) : null;
      return hidden === null ? [] : [[deviceId(home, inside), deviceId(namespaceId(hidden.id), host.interface)]];
    });
  });

const hiddenNamed = (facts: HostFacts, name: string | null): OtherNamespace | null =>
  facts.namespaces.find(({ path }) => name !== null && path != null && path.slice(path.lastIndexOf('/') + 1) === name) ?? null;

const vethsOf = (namespace: OtherNamespace): readonly Link[] => (namespace.facts.links ?? []).filter((link) => link.kind === 'veth');

const allEnds = (facts: HostFacts): End[] => [
  ...(facts.self.links ?? [])
    .filter((link) => link.kind === 'veth')
    .map((link) => ({ id: deviceId(HOST_ID, link.name), namespace: HOST_ID, link })),
  ...facts.namespaces.flatMap((namespace) => {
    const home = namespaceId(namespace.id);
    return vethsOf(namespace).map((link) => ({ id: deviceId(home, link.name), namespace: home, link }));
  }),
];

/** Ends whose namespace ids say nothing from here: they are a pair where no other two ends have these numbers. */
const pairByNumbers = (ends: readonly End[], index: HostIndex, add: (from: string, to: string, proof: 'numbers') => void): void => {
  const byNumbers = new Map<string, End[]>();
  for (const end of ends) {
    if (end.link.linkIndex === null) continue;
    const key = `${end.link.ifindex}-${end.link.linkIndex}`;
    byNumbers.set(key, [...(byNumbers.get(key) ?? []), end]);
  }
  for (const end of ends) {
    const mine = byNumbers.get(`${end.link.ifindex}-${end.link.linkIndex}`) ?? [];
    const theirs = byNumbers.get(`${end.link.linkIndex}-${end.link.ifindex}`) ?? [];
    const [other] = theirs;
    if (mine.length !== 1 || theirs.length !== 1 || other === undefined || other.namespace === end.namespace) continue;
    if (!contradicts(end, other, index) && !contradicts(other, end, index)) add(end.id, other.id, 'numbers');
  }
};

/** The host's own list of namespace ids says whether its end can mean the other's namespace. */
const contradicts = (end: End, other: End, index: HostIndex): boolean => {
  if (end.namespace !== HOST_ID) return false;
  const known = index.facts.namespaces.find((namespace) => namespaceId(namespace.id) === other.namespace)?.nsid ?? null;
  return known !== null && end.link.linkNetnsid !== known;
};
