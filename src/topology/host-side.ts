/**
 * From a device inside a container to its other side on the host. Interface numbers are unique only within a namespace, so a
 * number that agrees proves nothing: both numbers and the namespace id must (rtnetlink(7): IFLA_LINK, IFLA_LINK_NETNSID).
 * Where the facts cannot prove it, the answer says so.
 */
import type { DockerNetwork, Link, OtherNamespace } from '../host/facts.ts';
import type { HostIndex } from './host-index.ts';
import { isUp, linkNamed } from './links.ts';
import type { HostSide } from './topology.ts';

/** A device in a container's namespace; `network` is what Docker says it belongs to, null where Docker does not know it. */
export interface ContainerDevice {
  readonly link: Link;
  readonly namespace: OtherNamespace;
  readonly network: DockerNetwork | null;
}

export interface Resolution {
  readonly host: HostSide | null;
  readonly unresolved: string | null;
  readonly warnings: readonly string[];
}

export const resolveHostSide = (device: ContainerDevice, index: HostIndex): Resolution => {
  switch (device.link.kind) {
    case 'veth':
      return resolveVeth(device, index);
    case 'macvlan':
    case 'macvtap':
      return resolveParent(device, index, 'macvlan');
    case 'ipvlan':
    case 'ipvtap':
      return resolveParent(device, index, 'ipvlan');
    default:
      return found({ kind: 'device', interface: null, bridge: null, parent: null, namespace: null });
  }
};

/**
 * The host's end of a veth: it points at the device by number, the device at it, and its namespace id is the container's. Where
 * the id is not known (no lsns), Docker's word that the endpoint is on one of this host's bridges says which side the peer is on,
 * unless the id belongs to somebody else.
 */
export const hostEndOf = (link: Link, namespace: OtherNamespace, index: HostIndex, network: DockerNetwork | null = null): Link | null => {
  if (link.linkIndex === null || link.linkNetnsid === null) return null;
  const end = index.hostLinksByIndex.get(link.linkIndex);
  if (end === undefined || end.linkIndex !== link.ifindex || end.linkNetnsid === null || end.linkNetnsid < 0) return null;
  if (namespace.nsid !== null) return end.linkNetnsid === namespace.nsid ? end : null;
  if (network === null || network.claimedBridge === null) return null;
  return index.facts.namespaces.some((other) => other.nsid === end.linkNetnsid) ? null : end;
};

const found = (host: HostSide, warnings: readonly string[] = []): Resolution => ({ host, unresolved: null, warnings });

const unresolved = (why: string): Resolution => ({ host: null, unresolved: why, warnings: [] });

const resolveVeth = (device: ContainerDevice, index: HostIndex): Resolution => {
  const { link, namespace, network } = device;
  if (index.facts.self.links === null) return unresolved(`the host's interfaces could not be read: ${missingLinks(index)}`);
  const end = hostEndOf(link, namespace, index, network);
  if (end !== null) {
    return found(
      { kind: 'veth', interface: end.name, bridge: end.master, parent: null, namespace: null },
      pluggedWarnings(end, network, index),
    );
  }
  if (network?.driver === 'overlay') return resolveOverlay(device, network, index);
  if (link.linkIndex === null) return unresolved(`${link.name} does not say what its other end is`);
  if (namespace.nsid === null) {
    return unresolved(
      `the other end of ${link.name} is interface number ${link.linkIndex}, but of which namespace is not known: the snapshot has no namespace ids (lsns of util-linux 2.32 or later, as root)`,
    );
  }
  const elsewhere = index.facts.namespaces.flatMap((other) =>
    (other.facts.links ?? [])
      .filter((candidate) => other.id !== namespace.id && candidate.ifindex === link.linkIndex && candidate.linkIndex === link.ifindex)
      .map((candidate) => `${candidate.name} of ${nameOfNamespace(other, index)}`),
  );
  return unresolved(
    elsewhere.length === 0
      ? `the other end of ${link.name} (interface number ${link.linkIndex}) is in another namespace than the host's`
      : `the other end of ${link.name} is not on the host; by its numbers it may be ${elsewhere.join(' or ')}`,
  );
};

const missingLinks = (index: HostIndex): string => index.facts.self.missing.get('ip -j -d link') ?? 'not in the snapshot';

const nameOfNamespace = (namespace: OtherNamespace, index: HostIndex): string => {
  const owner = namespace.owners.map((id) => index.containersById.get(id)?.name).find((name) => name !== undefined);
  return owner ?? baseName(namespace.path ?? '') ?? `namespace ${namespace.id}`;
};

const baseName = (path: string): string | null => {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name === '' ? null : name;
};

/** Overlay networks keep their bridge and VXLAN device in a namespace named `1-` and ten characters of the network's id (libnetwork). */
const resolveOverlay = (device: ContainerDevice, network: DockerNetwork, index: HostIndex): Resolution => {
  const { link } = device;
  const name = `1-${network.id.slice(0, 10)}`;
  const hidden = index.facts.namespaces.find((other) => baseName(other.path ?? '') === name);
  if (hidden === undefined) {
    return {
      host: { kind: 'overlay', interface: null, bridge: null, parent: null, namespace: name },
      unresolved: `the namespace ${name} of overlay network ${network.name} could not be read (it needs root, and dockerd on this machine)`,
      warnings: [],
    };
  }
  const end = hidden.facts.links?.find((candidate) => candidate.ifindex === link.linkIndex && candidate.linkIndex === link.ifindex);
  return end === undefined
    ? {
        host: { kind: 'overlay', interface: null, bridge: null, parent: null, namespace: name },
        unresolved: `no device in ${name} is the other end of ${link.name}`,
        warnings: [],
      }
    : found({ kind: 'overlay', interface: end.name, bridge: end.master, parent: null, namespace: name });
};

const pluggedWarnings = (end: Link, network: DockerNetwork | null, index: HostIndex): string[] => {
  const warnings: string[] = [];
  const claimed = network?.claimedBridge ?? null;
  if (claimed !== null && end.master === null) warnings.push(`${end.name} is plugged into no bridge; Docker says ${claimed}`);
  if (claimed !== null && end.master !== null && end.master !== claimed) {
    warnings.push(`${end.name} is plugged into ${end.master}; Docker says ${claimed}`);
  }
  if (!isUp(end)) warnings.push(`${end.name} is down`);
  const bridge = end.master === null ? null : linkNamed(index.facts.self, end.master);
  if (bridge !== null && !isUp(bridge)) warnings.push(`bridge ${bridge.name} is down`);
  return warnings;
};

/**
 * The host's device that a macvlan or ipvlan child hangs on. The child points at it by number; that this is the host's device of that
 * number is proved by one of: another cable of the namespace that leads to the host has the same namespace id; the parent filters for the
 * child's MAC (dev_uc_add in drivers/net/macvlan.c shows in the fdb); ipvlan and passthru children have their parent's MAC; Docker names
 * the same parent.
 */
export const provenParent = (link: Link, namespace: OtherNamespace, index: HostIndex, network: DockerNetwork | null): Link | null => {
  if (link.linkIndex === null || link.linkNetnsid === null) return null;
  const parent = index.hostLinksByIndex.get(link.linkIndex);
  if (parent === undefined) return null;
  const sameSide = (): boolean =>
    (namespace.facts.links ?? []).some(
      (other) => other.linkNetnsid === link.linkNetnsid && other.kind === 'veth' && hostEndOf(other, namespace, index) !== null,
    );
  const filtered = (): boolean => (index.facts.self.fdb ?? []).some((entry) => entry.dev === parent.name && entry.mac === link.mac);
  const proved = (network !== null && claimedParent(network) === parent.name) || (link.mac !== null && link.mac === parent.mac);
  return proved || (link.mac !== null && filtered()) || sameSide() ? parent : null;
};

const resolveParent = (device: ContainerDevice, index: HostIndex, kind: 'macvlan' | 'ipvlan'): Resolution => {
  const { link, namespace, network } = device;
  if (index.facts.self.links === null) return unresolved(`the host's interfaces could not be read: ${missingLinks(index)}`);
  if (link.linkIndex === null) return unresolved(`${link.name} does not say what its parent is`);
  if (link.linkNetnsid === null) return unresolved(`the parent of ${link.name} is in the container itself`);
  const numbered = index.hostLinksByIndex.get(link.linkIndex);
  if (numbered === undefined)
    return unresolved(`the parent of ${link.name} (interface number ${link.linkIndex}) is not among the host's interfaces`);
  const parent = provenParent(link, namespace, index, network);
  if (parent === null) {
    return unresolved(
      `the parent of ${link.name} is interface number ${link.linkIndex} of a namespace that the facts do not name; on the host that number is ${numbered.name}`,
    );
  }
  const claimed = network === null ? null : claimedParent(network);
  const warnings = [
    ...(claimed !== null && claimed !== parent.name ? [`the parent of ${link.name} is ${parent.name}; Docker says ${claimed}`] : []),
    ...(isUp(parent) ? [] : [`parent ${parent.name} is down`]),
  ];
  return found({ kind, interface: null, bridge: null, parent: parent.name, namespace: null }, warnings);
};

/** Without the option Docker makes a dummy device named after the network (`dm-`, `di-` and twelve characters of its id). */
const claimedParent = (network: DockerNetwork): string =>
  network.options['parent'] ?? `${network.driver === 'ipvlan' ? 'di' : 'dm'}-${network.id.slice(0, 12)}`;
