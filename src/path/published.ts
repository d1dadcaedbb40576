/**
 * Ports that Docker publishes: whose a port of the host is, and which address its docker-proxy dials. The bridge driver's port mapper maps
 * the ports of the endpoint that has the container's default route (libnetwork, drivers/bridge/port_mapping_linux.go): IPv6 addresses of
 * the host to the container's IPv6 address where it has one, else to its IPv4 address.
 */
import { type IpAddress, isUnspecified, parseIp, sameIp } from '../base/ip-address.ts';
import type { DockerContainer, HostFacts, NamespaceFacts, PublishedPort } from '../host/facts.ts';
import { namespaceOf } from './places.ts';

export interface Publication {
  readonly container: DockerContainer;
  readonly port: PublishedPort;
}

/** Who publishes this port of this address of the host: the most exact binding, as the kernel picks listeners. */
export const publicationAt = (facts: HostFacts, protocol: string, ip: IpAddress, hostPort: number): Publication | null => {
  let best: Publication | null = null;
  let bestRank = UNBOUND;
  for (const container of facts.containers) {
    if (container.state !== 'running' && container.state !== 'paused') continue;
    for (const port of container.published) {
      if (port.protocol !== protocol || port.hostPort !== hostPort) continue;
      const rank = rankOf(port, ip);
      if (rank >= bestRank) continue;
      best = { container, port };
      bestRank = rank;
    }
  }
  return best;
};

const EXACT = 0;
const ANY_OF_ITS_FAMILY = 1;
/** An IPv6 socket that takes IPv4 too. */
const ANY_OF_THE_OTHER = 2;
const UNBOUND = 3;

const rankOf = ({ hostIp }: PublishedPort, ip: IpAddress): number => {
  const bound = parseIp(hostIp);
  if (bound === null) return hostIp === '' ? ANY_OF_ITS_FAMILY : UNBOUND;
  if (!isUnspecified(bound)) return sameIp(bound, ip) ? EXACT : UNBOUND;
  return bound.version === ip.version ? ANY_OF_ITS_FAMILY : ANY_OF_THE_OTHER;
};

export interface Dialled {
  readonly ip: IpAddress;
  /** Why it may be another one; null where it is known. */
  readonly doubt: string | null;
}

/** What docker-proxy dials for connections to an address of this family; null where the container has no address that it could be. */
export const dialledAddress = (facts: HostFacts, container: DockerContainer, version: 4 | 6): Dialled | null => {
  const inside = namespaceOf(facts, container)?.facts;
  const own = version === 6 ? addressOf(container, inside, 6) : null;
  return own ?? addressOf(container, inside, 4);
};

const addressOf = (container: DockerContainer, inside: NamespaceFacts | undefined, version: 4 | 6): Dialled | null => {
  const known = container.endpoints.flatMap((endpoint) => {
    const ip = version === 4 ? endpoint.ipv4 : endpoint.ipv6;
    return ip === null ? [] : [ip];
  });
  // docker_gwbridge, by which tasks of a swarm have their default route, is no network that a container tells of.
  const routed = inside === undefined ? null : byDefaultRoute(inside, version);
  if (routed !== null) return { ip: known.find((ip) => sameIp(ip, routed)) ?? routed, doubt: null };
  const [first] = known;
  if (first === undefined) return null;
  const doubt = `${container.name} is on several networks, and by which one it has its default route was not read`;
  return { ip: first, doubt: known.length > 1 ? doubt : null };
};

const byDefaultRoute = ({ routes, addresses }: NamespaceFacts, version: 4 | 6): IpAddress | null => {
  const route = routes
    ?.filter(({ family, type, prefix, table }) => family === version && type === 'unicast' && prefix.length === 0 && table === 'main')
    .reduce<{ dev: string | null; metric: number } | null>(
      (best, each) => (best === null || each.metric < best.metric ? each : best),
      null,
    );
  if (route == null || route.dev === null) return null;
  return addresses?.find((entry) => entry.interface === route.dev && entry.ip.version === version && entry.scope === 'global')?.ip ?? null;
};
