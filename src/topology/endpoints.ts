/**
 * A container's endpoints: what Docker says it is joined to, and the devices that are really in its namespace. The two are
 * matched by address and MAC, never by name: the order of ethN is that of connecting, and an option can rename them.
 */
import { sameIp } from '../base/ip-address.ts';
import type { DockerContainer, DockerEndpoint, DockerNetwork, InterfaceAddress, Link, OtherNamespace } from '../host/facts.ts';
import { type HostIndex, isLive, networkOf } from './host-index.ts';
import { type Resolution, resolveHostSide } from './host-side.ts';
import { addressesOn, isFallbackTunnel, isLoopback } from './links.ts';
import type { Endpoint } from './topology.ts';

/** Docker's drivers of networks that put no device into the container. */
const DEVICELESS_DRIVERS = new Set(['host', 'null', 'none']);

/** Kinds that lead out of the namespace. Bridges, dummies and the like that a container made inside of it do not. */
const LEADING_OUT = new Set(['veth', 'macvlan', 'macvtap', 'ipvlan', 'ipvtap', 'tun', 'wireguard', 'netkit']);

/** The network that gives swarm tasks their way out; Docker does not list it among a container's networks (libnetwork). */
const GWBRIDGE = 'docker_gwbridge';

interface Claim {
  readonly endpoint: DockerEndpoint;
  readonly network: DockerNetwork | null;
}

export const endpointsOf = (container: DockerContainer, index: HostIndex): Endpoint[] => {
  const claims = container.endpoints
    .map((endpoint): Claim => ({ endpoint, network: networkOf(index, endpoint.networkId, endpoint.network) }))
    .filter(({ endpoint, network }) => !DEVICELESS_DRIVERS.has(network?.driver ?? endpoint.network));
  if (!isLive(container)) {
    return claims.map((claim) =>
      withoutDevice(claim, `not running: it has no interface until it is started (docker start ${container.name})`),
    );
  }
  const namespace = container.netns === null ? undefined : index.namespacesById.get(container.netns);
  const unreadable = whyUnreadable(container, namespace);
  if (namespace === undefined || unreadable !== null) return claims.map((claim) => withoutDevice(claim, unreadable));

  const devices = (namespace.facts.links ?? []).filter(leadsOut).sort((x, y) => x.ifindex - y.ifindex);
  const claimOf = matchClaims(claims, devices, namespace);
  const overlay = claims.some(({ network }) => network?.driver === 'overlay');
  const unmatched = claims.filter((claim) => ![...claimOf.values()].includes(claim));
  return [
    ...devices.map((device) => withDevice(device, claimOf.get(device) ?? null, namespace, overlay, index)),
    ...unmatched.map((claim) => withoutDevice(claim, `no interface in the container has its address or its MAC`)),
  ];
};

/** Why the devices of a running container are not known; null where they are. */
const whyUnreadable = (container: DockerContainer, namespace: OtherNamespace | undefined): string | null => {
  if (container.pid === null && container.netns === null)
    return 'its process is not visible from here: another machine, or a namespace of processes';
  if (namespace === undefined) return 'its network namespace could not be read: that needs root (sudo vethscope)';
  if (namespace.facts.links !== null) return null;
  const reasons = [...namespace.facts.missing.values()];
  return `its interfaces could not be read: ${reasons[0] ?? 'not in the snapshot'}`;
};

const leadsOut = (link: Link): boolean => {
  if (isLoopback(link) || isFallbackTunnel(link)) return false;
  if (link.kind === null) return true;
  // A pair with both ends in here leads nowhere.
  if (link.kind === 'veth' && link.linkNetnsid === null && link.linkName !== null) return false;
  return LEADING_OUT.has(link.kind);
};

/** Address and MAC together before either alone; a claim and a device belong to one match only. */
const matchClaims = (claims: readonly Claim[], devices: readonly Link[], namespace: OtherNamespace): ReadonlyMap<Link, Claim> => {
  const matched = new Map<Link, Claim>();
  for (const wanted of [2, 1]) {
    for (const device of devices) {
      if (matched.has(device)) continue;
      const fitting = claims.filter(
        (claim) => ![...matched.values()].includes(claim) && agreement(claim.endpoint, device, namespace) === wanted,
      );
      const [claim] = fitting;
      if (claim !== undefined && fitting.length === 1) matched.set(device, claim);
    }
  }
  return matched;
};

const agreement = (endpoint: DockerEndpoint, device: Link, namespace: OtherNamespace): number => {
  const addresses = addressesOn(namespace.facts, device.name);
  const byAddress = addresses.some(
    ({ ip }) => (endpoint.ipv4 !== null && sameIp(ip, endpoint.ipv4)) || (endpoint.ipv6 !== null && sameIp(ip, endpoint.ipv6)),
  );
  return (byAddress ? 1 : 0) + (endpoint.mac !== null && endpoint.mac === device.mac ? 1 : 0);
};

const withoutDevice = ({ endpoint, network }: Claim, why: string | null): Endpoint => ({
  network: endpoint.network,
  driver: network?.driver ?? null,
  ipv4: endpoint.ipv4,
  ipv6: endpoint.ipv6,
  mac: endpoint.mac,
  interface: null,
  host: null,
  unresolved: why,
  warnings: [],
});

const withDevice = (device: Link, claim: Claim | null, namespace: OtherNamespace, overlay: boolean, index: HostIndex): Endpoint => {
  const addresses = addressesOn(namespace.facts, device.name);
  const resolution = resolveHostSide({ link: device, namespace, network: claim?.network ?? null }, index);
  const network = claim?.network ?? (overlay ? gwbridgeOf(resolution, index) : null);
  const own4 = firstOf(addresses, 4);
  const ipv4 = claim?.endpoint.ipv4 ?? null;
  const moved = ipv4 !== null && namespace.facts.addresses !== null && !addresses.some(({ ip }) => sameIp(ip, ipv4));
  return {
    network: claim?.endpoint.network ?? network?.name ?? null,
    driver: network?.driver ?? null,
    ipv4: moved ? own4 : (ipv4 ?? own4),
    ipv6: claim?.endpoint.ipv6 ?? firstOf(addresses, 6),
    mac: device.mac,
    interface: device.name,
    host: resolution.host,
    unresolved: resolution.unresolved,
    warnings: moved ? [...resolution.warnings, `${device.name} does not have the address that Docker gave it`] : resolution.warnings,
  };
};

const gwbridgeOf = (resolution: Resolution, index: HostIndex): DockerNetwork | null => {
  const network = index.networksByName.get(GWBRIDGE);
  return network !== undefined && network.claimedBridge !== null && resolution.host?.bridge === network.claimedBridge ? network : null;
};

const firstOf = (addresses: readonly InterfaceAddress[], version: 4 | 6): InterfaceAddress['ip'] | null =>
  addresses.find(({ ip, secondary, scope }) => ip.version === version && !secondary && scope !== 'link')?.ip ?? null;
