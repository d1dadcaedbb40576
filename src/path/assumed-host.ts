/**
 * A host of which nothing is known but its rules, for captures that bring no facts. Where a packet came from, by which devices, and
 * whether it was for the host itself is told by the person or stays open: then each way is judged, and only what all of them come to
 * is said. That the host forwards, and checks no way back, is assumed and told.
 */
import { formatIp, formatPrefix, type IpAddress, type IpPrefix, inPrefix, parseIp, prefixOf } from '../base/ip-address.ts';
import type { HostFacts, Link, NamespaceFacts, Route } from '../host/facts.ts';
import { UNKNOWN_IN, UNKNOWN_OUT } from '../netfilter/skb.ts';
import { defaultRules } from './fib.ts';
import { chainsOf, compileHost, type HostModel, type World, type Worlds } from './model.ts';
import type { PacketSpec } from './verdict.ts';

/** What the person knows of the host. */
export interface AssumedPlace {
  /** By which device packets come in, and leave; null where it is not known. */
  readonly in: string | null;
  readonly out: string | null;
  /** The host's own addresses; null where they are not known. */
  readonly local: readonly IpPrefix[] | null;
}

export const NO_PLACE: AssumedPlace = { in: null, out: null, local: null };

/** `facts` hold rules, sets and nothing else. */
export const assumedHost = (facts: HostFacts, place: AssumedPlace): HostModel => {
  const chains = chainsOf(facts.self);
  const known = { 4: hasRules(facts.self, 'ip'), 6: hasRules(facts.self, 'ip6') };
  const host = (link: LinkEnds): HostModel => compileHost({ ...facts, self: standIn(facts.self, link) }, { chains });
  const devices = { in: place.in ?? UNKNOWN_IN, out: place.out ?? UNKNOWN_OUT };
  const forwarded = (spec: PacketSpec, src: IpAddress, dst: IpAddress): World => ({
    words: 'forwarded',
    model: host({ ...devices, local: null, near: src, far: dst }),
    spec: { ...spec, in: devices.in },
  });
  const received = (spec: PacketSpec, src: IpAddress, dst: IpAddress): World => ({
    words: 'for the host itself',
    model: host({ ...devices, local: { ip: dst, dev: devices.in }, near: src, far: null }),
    spec: { ...spec, in: devices.in },
  });
  const sent = ({ srcMac: _srcMac, dstMac: _dstMac, ...spec }: PacketSpec, src: IpAddress, dst: IpAddress): World => ({
    words: 'sent by the host',
    model: host({ ...devices, local: { ip: src, dev: devices.out }, near: null, far: dst }),
    spec: { ...spec, in: null },
  });
  const isLocal = (ip: IpAddress): boolean | null =>
    place.local?.some((prefix) => prefix.address.version === ip.version && inPrefix(ip, prefix)) ?? null;
  const worlds = (spec: PacketSpec): Worlds => {
    const src = parseIp(spec.src);
    const dst = parseIp(spec.dst);
    if (src === null || dst === null) return { ways: [], unknown: 'the packet has no addresses' };
    if (!known[dst.version]) return { ways: [], unknown: noRules(dst.version) };
    const own = { src: isLocal(src), dst: isLocal(dst) };
    const ways = [
      ...(own.src === true || own.dst === true ? [] : [forwarded]),
      ...(own.dst === false || own.src === true ? [] : [received]),
      ...(own.src === false ? [] : [sent]),
    ].map((way) => way(spec, src, dst));
    return { ways, unknown: `whether ${formatIp(src)} or ${formatIp(dst)} is the host's own address is not known (--local)` };
  };
  // Never judged by itself; yet what tells packets apart is to be found in it.
  const base = standIn(facts.self, { ...devices, local: null, near: null, far: null });
  const own = (place.local ?? []).map((prefix) => routeBy(prefix, devices.in, 'local', 'local'));
  const model = compileHost({ ...facts, self: { ...base, routes: [...own, ...(base.routes ?? [])] } }, { chains });
  return Object.assign(model, { worlds });
};

const noRules = (version: 4 | 6): string =>
  version === 4 ? 'no rules of IPv4 were given (--iptables FILE)' : 'no rules of IPv6 were given (--ip6tables FILE)';

const hasRules = ({ rulesets, nftables }: NamespaceFacts, family: 'ip' | 'ip6'): boolean =>
  rulesets.some((ruleset) => ruleset.family === family && ruleset.tables.length > 0) ||
  (nftables ?? []).some((table) => table.family === family || table.family === 'inet');

interface LinkEnds {
  readonly in: string;
  readonly out: string;
  /** The host's own end of the packet, and the device that has the address. */
  readonly local: { readonly ip: IpAddress; readonly dev: string } | null;
  /** Who is behind the device that the packet comes in by, and who behind the other. */
  readonly near: IpAddress | null;
  readonly far: IpAddress | null;
}

/** Whoever a translation sends a packet to is taken to be where packets leave. */
const standIn = (self: NamespaceFacts, ends: LinkEnds): NamespaceFacts => {
  const { local, near, far } = ends;
  const routes = [
    ...(local === null ? [] : [routeTo(local.ip, local.dev, 'local')]),
    ...(near === null ? [] : [routeTo(near, ends.in, 'unicast')]),
    ...(far === null ? [] : [routeTo(far, ends.out, 'unicast')]),
    defaultRoute(4, ends.out),
    defaultRoute(6, ends.out),
  ];
  const devices = [...new Set([ends.in, ends.out])];
  return {
    ...self,
    links: [
      link('lo', 1, ['LOOPBACK', 'UP', 'LOWER_UP']),
      ...devices.map((name, at) => link(name, at + 2, ['BROADCAST', 'UP', 'LOWER_UP'])),
    ],
    addresses:
      local === null
        ? []
        : [
            {
              interface: local.dev,
              ip: local.ip,
              prefix: hostPrefix(local.ip),
              broadcast: null,
              peer: null,
              scope: 'global',
              secondary: false,
            },
          ],
    routes,
    policyRules: [...defaultRules(4), ...defaultRules(6)],
    neighbours: null,
    fdb: [],
    bridgePorts: [],
    sysctls: SYSCTLS,
    conntrack: null,
    listeners: null,
  };
};

const SYSCTLS: ReadonlyMap<string, string> = new Map([
  ['net.ipv4.ip_forward', '1'],
  ['net.ipv4.conf.all.forwarding', '1'],
  ['net.ipv6.conf.all.forwarding', '1'],
  ['net.ipv4.conf.all.rp_filter', '0'],
  ['net.ipv4.conf.default.rp_filter', '0'],
  ['net.ipv4.conf.all.route_localnet', '0'],
  ['net.ipv4.conf.all.accept_local', '1'],
]);

const hostPrefix = (ip: IpAddress): IpPrefix => prefixOf(ip, ip.version === 4 ? 32 : 128);

const routeTo = (ip: IpAddress, dev: string, type: 'local' | 'unicast'): Route =>
  routeBy(hostPrefix(ip), dev, type, type === 'local' ? 'local' : 'main');

const defaultRoute = (family: 4 | 6, dev: string): Route => {
  const any = parseIp(family === 4 ? '0.0.0.0' : '::') as IpAddress;
  return routeBy(prefixOf(any, 0), dev, 'unicast', 'main');
};

const routeBy = (prefix: IpPrefix, dev: string, type: 'local' | 'unicast', table: string): Route => ({
  family: prefix.address.version,
  type,
  table,
  prefix,
  gateway: null,
  dev,
  source: null,
  metric: 0,
  scope: 'link',
  tos: null,
  mtu: null,
  flags: [],
  nexthops: [],
  text: `${formatPrefix(prefix)} (assumed)`,
});

/** Larger than any packet: what the devices take is not known, and left out of account. */
const ANY_MTU = 65_536;

const link = (name: string, ifindex: number, flags: readonly string[]): Link => ({
  ifindex,
  name,
  linkIndex: null,
  linkName: null,
  linkNetnsid: null,
  master: null,
  kind: null,
  flags,
  operstate: 'UP',
  mtu: ANY_MTU,
  mac: null,
  data: {},
  portData: {},
});
