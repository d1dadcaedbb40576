/**
 * Devices that hang on a parent: macvlan and ipvlan children in whatever namespace they are, the host's own included. ip-link(8);
 * drivers/net/macvlan.c, drivers/net/ipvlan. Joins are by number and by what the parent's namespace shows, never by name.
 */
import type { IpAddress } from '../base/ip-address.ts';
import type { HostFacts, Link, NamespaceFacts, OtherNamespace } from '../host/facts.ts';
import { type HostIndex, indexHost } from './host-index.ts';
import { provenParent } from './host-side.ts';
import { addressesOn, isUp } from './links.ts';

/** How a child treats its siblings. macvlan: a mode of its own each; ipvlan: modes of the port, with a flag beside. */
export type ChildMode = 'bridge' | 'private' | 'vepa' | 'passthru' | 'source' | 'l2' | 'l3' | 'l3s' | 'unknown';

export interface Child {
  readonly kind: 'macvlan' | 'ipvlan';
  readonly mode: ChildMode;
  /** IPVLAN_F_PRIVATE and IPVLAN_F_VEPA; `bridge` for macvlan, whose mode says it. */
  readonly among: 'bridge' | 'private' | 'vepa';
  /** The device of the host's namespace that it hangs on. */
  readonly parent: string;
  /** Inode of the namespace that it is in; null for the host's own. */
  readonly netns: string | null;
  /** The container that it belongs to; null for the host's own and for namespaces without a container. */
  readonly container: string | null;
  /** For people: the container, the namespace's name, or `the host`. */
  readonly owner: string;
  readonly device: string;
  readonly mac: string | null;
  readonly addresses: readonly IpAddress[];
  readonly up: boolean;
  /** Mode source: frames from these senders only are handed to it. */
  readonly sources: readonly string[];
}

export const childrenOf = (facts: HostFacts): readonly Child[] => {
  const index = indexHost(facts);
  const own = (facts.self.links ?? []).flatMap((link) =>
    isChild(link) && link.linkName !== null ? [child(link, facts.self, link.linkName, null, null, 'the host')] : [],
  );
  const others = facts.namespaces.flatMap((namespace) => (namespace.facts.links ?? []).flatMap((link) => childIn(link, namespace, index)));
  return [...own, ...others];
};

const MACVLAN = new Set(['macvlan', 'macvtap']);
const IPVLAN = new Set(['ipvlan', 'ipvtap']);

const isChild = ({ kind }: Link): boolean => kind !== null && (MACVLAN.has(kind) || IPVLAN.has(kind));

const childIn = (link: Link, namespace: OtherNamespace, index: HostIndex): readonly Child[] => {
  if (!isChild(link)) return [];
  const owners = index.facts.containers.filter(({ id, netns }) => netns === namespace.id || namespace.owners.includes(id));
  const owner = owners.find(({ mode }) => !mode.startsWith('container:')) ?? owners[0] ?? null;
  const parents = [null, ...networksOf(owner?.endpoints ?? [], index)].map((network) => provenParent(link, namespace, index, network));
  const parent = parents.find((found) => found !== null);
  if (parent == null) return [];
  return [child(link, namespace.facts, parent.name, namespace.id, owner?.name ?? null, owner?.name ?? namespaceName(namespace))];
};

const networksOf = (endpoints: HostFacts['containers'][number]['endpoints'], index: HostIndex) =>
  endpoints.flatMap(({ networkId, network }) => {
    const found = index.networksById.get(networkId) ?? index.networksByName.get(network);
    return found !== undefined && (found.driver === 'macvlan' || found.driver === 'ipvlan') ? [found] : [];
  });

/** `ip netns`'s name, or that of the place where dockerd keeps it. */
export const namespaceName = (namespace: OtherNamespace): string => {
  const path = namespace.path ?? '';
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name === '' ? `namespace ${namespace.id}` : name;
};

const child = (link: Link, facts: NamespaceFacts, parent: string, netns: string | null, container: string | null, owner: string): Child => {
  const kind = link.kind !== null && IPVLAN.has(link.kind) ? 'ipvlan' : 'macvlan';
  return {
    kind,
    mode: modeOf(kind, link.data['mode']),
    among: link.data['private'] === true ? 'private' : link.data['vepa'] === true ? 'vepa' : 'bridge',
    parent,
    netns,
    container,
    owner,
    device: link.name,
    mac: link.mac,
    addresses: addressesOn(facts, link.name).map(({ ip }) => ip),
    up: isUp(link),
    sources: macsOf(link.data['macaddr_data']),
  };
};

const MODES: Readonly<Record<Child['kind'], ReadonlySet<string>>> = {
  macvlan: new Set(['bridge', 'private', 'vepa', 'passthru', 'source']),
  ipvlan: new Set(['l2', 'l3', 'l3s']),
};

const modeOf = (kind: Child['kind'], mode: unknown): ChildMode =>
  typeof mode === 'string' && MODES[kind].has(mode) ? (mode as ChildMode) : 'unknown';

const macsOf = (list: unknown): readonly string[] =>
  Array.isArray(list) ? list.filter((mac): mac is string => typeof mac === 'string').map((mac) => mac.toLowerCase()) : [];
