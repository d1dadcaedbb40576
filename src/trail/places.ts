/**
 * The devices that a packet passes from its sender to its receiver, in order, and how far the prediction lets it come. The verdict's own
 * way says it best; what lies behind the place where that ends, and all of it where there is none, follows from who is plugged in where.
 */
import { formatIp, type IpAddress, inPrefix, parseIp, sameIp } from '../base/ip-address.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Verdict, VerdictStep } from '../path/verdict.ts';
import { addressesOn, defaultRouteDevice, linkNamed } from '../topology/links.ts';
import { holderOf } from '../topology/points.ts';
import type { CapturePoint, ContainerNode, Endpoint, Topology } from '../topology/topology.ts';

export interface Place {
  /** As capture points are called: the device, with its namespace before it where that is not the host's. */
  readonly id: string;
  readonly netns: string | null;
  readonly device: string;
  /** For people: `br-4a09 (bridge of test_net1)`, `eth0 in web2`. */
  readonly words: string;
  /** Whether the prediction lets the packet come here; null where it does not say. */
  readonly isExpected: boolean | null;
  /** What lies between the place before and this one: `FORWARD`; '' for a mere cable. */
  readonly between: string;
}

export interface PlacesQuestion {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  /** Null where nothing is predicted. */
  readonly verdict: Verdict | null;
}

/** Where the packet leaves its sender, and where it comes to its receiver. */
interface Ends {
  readonly source: readonly string[];
  readonly target: readonly string[];
}

export const placesOf = (question: PlacesQuestion, topology: Topology, facts: HostFacts): readonly Place[] => {
  const { verdict } = question;
  const ends = endsOf(question, topology, facts);
  const way = wayIds(verdict);
  const ids = merge(ends, way);
  return ids.map((id, index) => {
    const before = ids[index - 1];
    return {
      id,
      netns: netnsOf(id),
      device: deviceOf(id),
      words: placeWords(id, topology, facts),
      isExpected: isExpected(id, index, ids, ends, way, verdict),
      between: before === undefined ? '' : isSwitchedBy(before, ends) ? 'FORWARD of the bridge' : betweenWords(before, id, facts),
    };
  });
};

/** The points of the topology at these places, in order. */
export const pointsAt = (places: readonly Place[], topology: Topology): readonly CapturePoint[] =>
  places.flatMap((place) => topology.points.find((point) => point.id === place.id) ?? []);

/** How near to the sender a point lies: 0 to 2 at the sender, 4 to 6 at the receiver, 3 between. */
export const nearness = (topology: Topology, point: CapturePoint, src: IpAddress, dst: IpAddress): number => {
  const from = chainOf(topology, src).indexOf(point.id);
  if (from >= 0) return Math.min(from, 2);
  const to = chainOf(topology, dst).indexOf(point.id);
  return to < 0 ? 3 : 6 - Math.min(to, 2);
};

const netnsOf = (id: string): string | null => (id.includes('/') ? id.slice(0, id.indexOf('/')) : null);

const deviceOf = (id: string): string => id.slice(id.indexOf('/') + 1);

const endsOf = ({ src, dst, verdict }: PlacesQuestion, topology: Topology, facts: HostFacts): Ends => {
  const final = translated(dst, verdict);
  const source = chainOf(topology, src);
  const target = [...chainOf(topology, final)].reverse();
  return {
    source: source.length > 0 ? source : isOwn(facts, src) ? [] : listed(deviceToward(facts, src)),
    target: target.length > 0 ? target : isOwn(facts, final) ? [] : listed(routedBy(verdict) ?? deviceToward(facts, final)),
  };
};

const listed = (device: string | null): readonly string[] => (device === null ? [] : [device]);

/** Where a translation sends it in the end. */
const translated = (dst: IpAddress, verdict: Verdict | null): IpAddress => {
  const nat = verdict?.nat.findLast(({ kind }) => kind === 'dnat' || kind === 'redirect');
  if (nat === undefined) return dst;
  const bracketed = /^\[(.*)\]:\d+$/.exec(nat.to)?.[1];
  return parseIp(bracketed ?? nat.to) ?? parseIp(nat.to.slice(0, nat.to.lastIndexOf(':'))) ?? dst;
};

/** From a container's own device outwards; empty for addresses that are no container's. */
const chainOf = (topology: Topology, ip: IpAddress): readonly string[] => {
  for (const container of topology.containers) {
    if (container.state !== 'running' && container.state !== 'paused') continue;
    const holder = holderOf(topology, container);
    const endpoint = holder.endpoints.find((candidate) => has(candidate, ip));
    if (endpoint !== undefined) return chainOfEndpoint(topology, holder, endpoint);
  }
  return [];
};

const has = (endpoint: Endpoint, ip: IpAddress): boolean =>
  (endpoint.ipv4 !== null && sameIp(endpoint.ipv4, ip)) || (endpoint.ipv6 !== null && sameIp(endpoint.ipv6, ip));

const chainOfEndpoint = (topology: Topology, holder: ContainerNode, { interface: inside, host, network }: Endpoint): readonly string[] => {
  const chain: string[] = [];
  if (holder.netns !== null && inside !== null) chain.push(`${holder.netns}/${inside}`);
  switch (host?.kind) {
    case 'veth':
      chain.push(...listed(host.interface), ...listed(host.bridge));
      break;
    case 'macvlan':
    case 'ipvlan':
      chain.push(...listed(host.parent));
      break;
    case 'overlay': {
      const hidden = topology.points.filter((point) => point.netns !== null && point.network === network && point.kind !== 'container');
      const port = hidden.find((point) => point.interface === host.interface);
      const bridge = hidden.find((point) => point.kind === 'bridge');
      chain.push(...listed(port?.id ?? null), ...listed(bridge?.id ?? null));
      break;
    }
    default:
      break;
  }
  return chain;
};

const isOwn = (facts: HostFacts, ip: IpAddress): boolean => (facts.self.addresses ?? []).some((address) => sameIp(address.ip, ip));

/** By an address of the host on the same link, else by the default route. */
const deviceToward = (facts: HostFacts, ip: IpAddress): string | null => {
  const onLink = (facts.self.addresses ?? []).find((address) => inPrefix(ip, address.prefix));
  return onLink?.interface ?? defaultRouteDevice(facts.self, ip.version);
};

const routedBy = (verdict: Verdict | null): string | null =>
  verdict?.steps.findLast((step) => step.hook === 'routing' && step.device !== undefined && step.namespace === undefined)?.device ?? null;

const wayIds = (verdict: Verdict | null): readonly string[] | null => {
  const way = verdict?.way;
  if (way === undefined || way.length === 0) return null;
  return way.map(({ netns, device }) => (netns === null ? device : `${netns}/${device}`)).filter((id, index, all) => id !== all[index - 1]);
};

const merge = ({ source, target }: Ends, way: readonly string[] | null): readonly string[] => {
  const all = [...source, ...target];
  const plain = all.filter((id, index) => all.indexOf(id) === index);
  if (way === null) return plain;
  const known = way.filter((id, index) => way.indexOf(id) === index);
  // A way that knows no other devices than these: their order is that of the cables.
  if (known.every((id) => plain.includes(id))) return plain;
  const before = source.filter((id) => !known.includes(id));
  const behind = target.filter((id) => !known.includes(id) && !before.includes(id));
  return [...before, ...known, ...behind];
};

const isExpected = (
  id: string,
  index: number,
  ids: readonly string[],
  ends: Ends,
  way: readonly string[] | null,
  verdict: Verdict | null,
): boolean | null => {
  if (verdict === null) return null;
  const { outcome } = verdict;
  if (way !== null) {
    const last = way.reduce((furthest, each) => Math.max(furthest, ids.indexOf(each)), -1);
    if (way.includes(id)) return outcome === 'undetermined' && index === last && index > 0 ? null : true;
    // A bridge shows what it only switches because it is being listened to.
    if (isSwitchedBy(id, ends)) return null;
    if (index < last || outcome === 'accept') return true;
    return outcome === 'undetermined' ? null : false;
  }
  if (outcome === 'accept') return isSwitchedBy(id, ends) ? null : true;
  if (outcome === 'undetermined') return index === 0 ? true : null;
  return comesTo(id, ends, verdict);
};

/** Both ends are plugged into this bridge. */
const isSwitchedBy = (id: string, { source, target }: Ends): boolean => source.length > 1 && source.includes(id) && target.includes(id);

/** How far a packet comes that is dropped at the verdict's last hook: a device is listened to before PREROUTING and behind POSTROUTING. */
const comesTo = (id: string, ends: Ends, verdict: Verdict): boolean | null => {
  const { source, target } = ends;
  const hook = verdict.steps.at(-1)?.hook ?? null;
  const isInside = netnsOf(id) !== null;
  const inSource = source.includes(id);
  if (!inSource) return target.includes(id) && verdict.decidedBy.namespace !== undefined && !hasOwnSource(verdict, hook);
  if (isSwitchedBy(id, ends)) return null;
  if (verdict.decidedBy.reason === 'container-no-route' || verdict.decidedBy.reason === 'container-no-network') return false;
  if (hasOwnSource(verdict, hook)) return false;
  // With br_netfilter the bridge's port has its PREROUTING before the bridge itself is listened to.
  if (hook === 'prerouting' && !isInside && source.indexOf(id) === 2) return null;
  return hook !== 'output';
};

/** Decided in the sender's own namespace, before it left. */
const hasOwnSource = ({ decidedBy }: Verdict, hook: VerdictStep['hook'] | null): boolean =>
  decidedBy.namespace !== undefined && (hook === 'output' || hook === 'postrouting');

/** Docker's name for the network of docker0. */
const DEFAULT_NETWORK = 'bridge';

/** `br-4a09 (bridge of test_net1)`, `veth9e3c2b6 (cable of web1)`, `eth0 in web2`, `eth0 (uplink)`. */
export const placeWords = (id: string, topology: Topology, facts: HostFacts): string => {
  const point = topology.points.find((candidate) => candidate.id === id);
  const device = deviceOf(id);
  switch (point?.kind) {
    case 'veth':
      return point.container === null ? device : `${device} (cable of ${point.container})`;
    case 'bridge':
      if (point.network === null) return `${device} (bridge)`;
      return point.network === DEFAULT_NETWORK ? `${device} (default bridge)` : `${device} (bridge of ${point.network})`;
    case 'container':
    case 'loopback':
      return point.container === null ? device : `${device} in ${point.container}`;
    case 'uplink':
      return `${device} (uplink)`;
    case 'parent':
      return `${device} (parent)`;
    case 'vxlan':
      return `${device} (tunnel${point.network === null ? '' : ` of ${point.network}`})`;
    default: {
      if (netnsOf(id) !== null) return id;
      const own = addressesOn(facts.self, device)[0];
      return own === undefined ? device : `${device} (${formatIp(own.ip)})`;
    }
  }
};

const betweenWords = (before: string, after: string, facts: HostFacts): string => {
  const netns = netnsOf(before);
  if (netns !== netnsOf(after)) return '';
  const inside = netns === null ? facts.self : (facts.namespaces.find(({ id }) => id === netns)?.facts ?? null);
  const masterOf = (id: string): string | null => (inside === null ? null : (linkNamed(inside, deviceOf(id))?.master ?? null));
  if (masterOf(after) === deviceOf(before)) return '';
  if (masterOf(before) === deviceOf(after)) return 'PREROUTING';
  if (masterOf(before) !== null && masterOf(before) === masterOf(after)) return 'FORWARD of the bridge';
  return 'routing and FORWARD';
};
