/**
 * `explain SRC DST PROTO[:PORT]`: from names to an exact packet. SRC and DST are a container, container:network, an address, `host` or
 * `outside`: an address beyond the default route, its gateway where it has one, else 198.51.100.1 (TEST-NET-2, RFC 5737).
 */
import { failure, usageError } from '../base/errors.ts';
import { formatIp, formatMac, type IpAddress, inPrefix, parseIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { DockerContainer } from '../host/facts.ts';
import { nearestNames } from '../topology/nearest-names.ts';
import { findContainer } from '../topology/target.ts';
import type { ContainerNode, Topology } from '../topology/topology.ts';
import { entryOf } from './entry.ts';
import { isLocalAddress, selectAddress } from './env.ts';
import { exitOf } from './exit.ts';
import { type JudgeOptions, judgeBoth } from './judge.ts';
import type { HostModel } from './model.ts';
import { protocolOf } from './packet-spec.ts';
import type { Place } from './places.ts';
import type { DecidedBy, PacketSpec, Verdict, VerdictOutcome } from './verdict.ts';

export interface Question {
  readonly spec: PacketSpec;
  /** `web1 172.18.0.2 → web2 198.18.20.2 icmp echo request`, with what had to be chosen. */
  readonly words: string;
  /** The answer where it is settled before the host's path begins (no route in the container), or where the path does not see it. */
  readonly settled: Verdict | null;
}

export interface Answer extends Question {
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
}

export const answerBetween = (
  model: HostModel,
  topology: Topology,
  src: string,
  dst: string,
  proto: string,
  options: JudgeOptions = {},
): Answer => {
  const question = questionBetween(model, topology, src, dst, proto);
  const { verdict, reply } =
    question.settled === null ? judgeBoth(model, question.spec, options) : { verdict: question.settled, reply: null };
  return { ...question, verdict, reply };
};

/** A client's port, as the kernel would pick one (net.ipv4.ip_local_port_range begins at 32768). */
const CLIENT_PORT = 40000;
const TEST_NET_2: IpAddress = { version: 4, a: 0xc633_6401, b: 0, c: 0, d: 0 };

/** Who is meant, before addresses are chosen. */
type End =
  | { readonly kind: 'host'; readonly label: string; readonly remark?: string }
  | { readonly kind: 'outside'; readonly label: string }
  | { readonly kind: 'address'; readonly label: string; readonly ip: IpAddress }
  | {
      readonly kind: 'container';
      readonly label: string;
      readonly container: DockerContainer;
      readonly places: readonly Place[];
      readonly chosen: Place | null;
    }
  /** A container without any network of its own. */
  | { readonly kind: 'alone'; readonly label: string; readonly container: DockerContainer };

/** @throws a usage error for a name or protocol that is not known, a failure for a container that cannot be asked about */
export const questionBetween = (model: HostModel, topology: Topology, src: string, dst: string, proto: string): Question => {
  const from = endOf(model, topology, src, 'SRC');
  const to = endOf(model, topology, dst, 'DST');
  const wanted = protoOf(proto);
  const version = versionOf(from, to, wanted.number);
  const number = wanted.number === 1 && version === 6 ? 58 : wanted.number;
  const remarks: string[] = [];
  const transport: Partial<PacketSpec> = {
    ...(wanted.ports ? { sport: CLIENT_PORT } : {}),
    ...(wanted.port === null ? {} : { dport: wanted.port }),
  };
  const target = targetAddress(model, from, to, version, remarks);
  const label = number === 58 && wanted.number === 1 ? 'icmpv6' : proto;
  const say = (source: string, settled: Verdict | null, spec: PacketSpec): Question => ({
    spec,
    settled,
    words: printable(
      `${source} → ${nameWith(to.label, target)} ${label}${number === 1 || number === 58 ? ' echo request' : ''}${remarks.map((remark) => `; ${remark}`).join('')}`,
    ),
  });
  const unplaced = (source: IpAddress | null): PacketSpec => ({
    in: null,
    src: source === null ? zero(version) : formatIp(source),
    dst: target === null ? zero(version) : formatIp(target),
    proto: number,
    ...transport,
  });
  if (to.kind === 'alone' || target === null) {
    const text = to.kind === 'alone' ? `${to.container.name} has no network` : `${to.label} has no IPv${version} address`;
    return say(from.label, settle('drop', { kind: 'route', text }), unplaced(null));
  }
  if (from.kind === 'alone')
    return say(
      from.label,
      settle('drop', { kind: 'route', text: `no route in ${from.container.name}: it has no network` }),
      unplaced(null),
    );
  if (from.kind === 'container') return fromContainer(model, from, to, target, version, { number, transport, remarks, say, unplaced });
  const source = from.kind === 'address' ? from.ip : from.kind === 'host' ? hostSource(model, target) : outsideAddress(model, version);
  if (source === null) throw failure(`the host has no address to send from to ${formatIp(target)}`);
  const entry = from.kind === 'host' ? ({ kind: 'host' } as const) : entryOf(model, source);
  if (entry.kind === 'unknown')
    throw failure(`by which interface packets from ${formatIp(source)} come in cannot be told`, { detail: entry.reason });
  const spec: PacketSpec = {
    in: entry.kind === 'host' ? null : entry.kind === 'bridge' ? entry.bridge : entry.dev,
    src: formatIp(source),
    dst: formatIp(target),
    proto: number,
    ...transport,
    ...(entry.kind === 'bridge' ? atPlace(entry.place) : {}),
  };
  if (from.kind === 'host' && from.remark !== undefined) remarks.push(from.remark);
  return say(nameWith(from.label, source), hiddenTarget(model, from, to, target), spec);
};

interface Parts {
  readonly number: number;
  readonly transport: Partial<PacketSpec>;
  readonly remarks: string[];
  readonly say: (source: string, settled: Verdict | null, spec: PacketSpec) => Question;
  readonly unplaced: (source: IpAddress | null) => PacketSpec;
}

const fromContainer = (
  model: HostModel,
  from: Extract<End, { kind: 'container' }>,
  to: End,
  target: IpAddress,
  version: 4 | 6,
  parts: Parts,
): Question => {
  const { container } = from;
  const { say, unplaced, remarks } = parts;
  const exit = exitOf(model, container, target, from.chosen === null ? null : addressOf(from.chosen, version));
  if (exit.kind === 'no-route')
    return say(
      nameWith(from.label, firstAddress(from, version)),
      settle('drop', { kind: 'route', text: `no route in ${container.name} to ${formatIp(target)}` }),
      unplaced(firstAddress(from, version)),
    );
  if (exit.kind === 'itself') {
    return say(
      nameWith(from.label, target),
      settle('accept', { kind: 'route', text: `the packet never leaves ${container.name}` }),
      unplaced(target),
    );
  }
  const place = exit.kind === 'place' ? exit.place : (from.chosen ?? guessPlace(from, to, version));
  if (exit.kind === 'unknown') remarks.push(exit.reason, ...(place === null ? [] : [`taken to leave by ${place.endpoint.network}`]));
  else if (from.chosen !== null && from.chosen !== place)
    remarks.push(`its routes send it by ${place?.endpoint.network ?? 'another network'}, not by ${from.chosen.endpoint.network}`);
  const source = place === null ? null : addressOf(place, version);
  if (place === null || source === null) {
    return say(
      from.label,
      settle('drop', { kind: 'route', text: `${container.name} has no IPv${version} address to send from` }),
      unplaced(null),
    );
  }
  const named = nameWith(from.label, source);
  const inSubnet = place.network?.subnets.some((subnet) => inPrefix(target, subnet)) === true;
  if (exit.kind === 'unknown' && place.network?.internal === true && !inSubnet) {
    return say(
      named,
      settle('drop', {
        kind: 'route',
        text: `no route in ${container.name} to ${formatIp(target)}: internal networks have no default route`,
      }),
      unplaced(source),
    );
  }
  const hidden = hiddenSource(model, place, target);
  if (hidden !== null) return say(named, hidden, unplaced(source));
  const spec: PacketSpec = {
    in: place.bridge,
    src: formatIp(source),
    dst: formatIp(target),
    proto: parts.number,
    ...parts.transport,
    ...atPlace(place),
  };
  return say(named, hiddenTarget(model, from, to, target), spec);
};

const atPlace = (place: Place): Partial<PacketSpec> => ({
  ...(place.port === null ? {} : { port: place.port }),
  ...(place.mac === null ? {} : { srcMac: formatMac(place.mac) }),
});

const zero = (version: 4 | 6): string => (version === 4 ? '0.0.0.0' : '::');

const nameWith = (label: string, ip: IpAddress | null): string =>
  ip === null || label === formatIp(ip) ? label : `${label} ${formatIp(ip)}`;

const settle = (outcome: VerdictOutcome, decidedBy: DecidedBy, unknowns: readonly string[] = []): Verdict => ({
  outcome,
  decidedBy,
  nat: [],
  out: null,
  steps: [
    {
      hook: 'routing',
      table: null,
      chain: null,
      rule: null,
      text: decidedBy.text,
      action: outcome === 'undetermined' ? 'continue' : outcome,
    },
  ],
  unknowns,
  evidence: 'predicted',
});

/** Networks whose traffic the host's own rules do not see. */
const hiddenSource = (model: HostModel, place: Place, target: IpAddress): Verdict | null => {
  const driver = place.network?.driver ?? '';
  const name = place.container.name;
  if (driver === 'macvlan' || driver === 'ipvlan') {
    if (isLocalAddress(model, target) === true) {
      return settle('drop', {
        kind: 'bridge',
        text: `${driver}: ${name} and the host cannot talk over their common parent ${place.parent ?? ''}`.trim(),
      });
    }
    return settle('undetermined', { kind: 'bridge', text: `${driver} on ${place.parent ?? 'its parent'}` }, [
      `${name} is on a ${driver} network: its frames leave by ${place.parent ?? 'the parent'} below the host's rules, which do not see them`,
    ]);
  }
  if (place.bridge === null) {
    return settle('undetermined', { kind: 'bridge', text: `${driver === '' ? 'unknown' : driver} network ${place.endpoint.network}` }, [
      `the ${driver === '' ? 'unknown' : driver} network ${place.endpoint.network} has no bridge in the host's namespace: the host's rules do not see what ${name} sends there`,
    ]);
  }
  return null;
};

/** A container that no packet of this host's rules reaches by the network that was asked about. */
const hiddenTarget = (_model: HostModel, _from: End, to: End, target: IpAddress): Verdict | null => {
  if (to.kind !== 'container') return null;
  const place = to.places.find((entry) =>
    [entry.endpoint.ipv4, entry.endpoint.ipv6].some((ip) => ip !== null && formatIp(ip) === formatIp(target)),
  );
  const driver = place?.network?.driver;
  if (place === undefined || driver !== 'overlay') return null;
  return settle('undetermined', { kind: 'bridge', text: `overlay network ${place.endpoint.network}` }, [
    `${to.container.name} is on an overlay network: packets reach it inside VXLAN, in a namespace that the host's rules do not see`,
  ]);
};

const endOf = (model: HostModel, topology: Topology, text: string, which: 'SRC' | 'DST'): End => {
  const name = text.trim();
  if (name === 'host') return { kind: 'host', label: 'host' };
  if (name === 'outside') return { kind: 'outside', label: 'outside' };
  const ip = parseIp(name);
  if (ip !== null) return { kind: 'address', label: formatIp(ip), ip };
  const whole = findContainer(topology, name);
  if (whole !== null) return containerEnd(model, topology, whole, null);
  const colon = name.lastIndexOf(':');
  const owner = colon > 0 ? findContainer(topology, name.slice(0, colon)) : null;
  if (owner !== null) return containerEnd(model, topology, owner, name.slice(colon + 1));
  const near = nearestNames(name, [...topology.containers.map((node) => node.name), 'host', 'outside']);
  throw usageError(`${which} "${printable(name)}" is no container, no address, neither host nor outside`, {
    hint: near.length > 0 ? `did you mean ${near.map(printable).join(', ')}?` : 'vethscope list shows the containers',
  });
};

const containerEnd = (model: HostModel, topology: Topology, node: ContainerNode, network: string | null): End => {
  const holder = node.sharesWith === null ? node : (findContainer(topology, node.sharesWith) ?? node);
  const container = model.facts.containers.find((entry) => entry.id === holder.id);
  const label = holder === node ? node.name : `${node.name} (in ${holder.name})`;
  if (container === undefined) throw failure(`${printable(node.name)} is not in the facts`);
  if (holder.modeKind === 'host')
    return { kind: 'host', label: node.name, remark: `${node.name} shares the host's network: its packets are the host's own` };
  if (container.state !== 'running' && container.state !== 'paused') {
    throw failure(`${printable(holder.name)} is not running (${printable(container.state)}): it has no network namespace`, {
      hint: `docker start ${printable(holder.name)}`,
    });
  }
  const places = model.places.all.filter((place) => place.container.id === container.id);
  if (network === null)
    return places.length === 0 ? { kind: 'alone', label, container } : { kind: 'container', label, container, places, chosen: null };
  const chosen = places.find((place) => place.endpoint.network === network);
  if (chosen === undefined) {
    const joined = places.map((place) => place.endpoint.network);
    throw usageError(`${printable(holder.name)} is not on the network "${printable(network)}"`, {
      hint: joined.length === 0 ? 'it is on none' : `it is on ${joined.map(printable).join(', ')}`,
    });
  }
  return { kind: 'container', label: `${label} (${network})`, container, places, chosen };
};

const protoOf = (text: string): { readonly number: number; readonly port: number | null; readonly ports: boolean } => {
  const match = /^([a-z0-9-]+)(?:[:/](\d+))?$/i.exec(text.trim());
  const number = match === null ? null : protocolOf(match[1] as string);
  const port = match?.[2] === undefined ? null : Number(match[2]);
  const ports = number === 6 || number === 17 || number === 132;
  if (number === null || (port !== null && (port > 65535 || !ports))) {
    throw usageError(`"${printable(text)}" is no protocol`, { hint: 'icmp, tcp:80, udp:53 or a number' });
  }
  return { number, port, ports };
};

/** IPv4 unless somebody can only be reached by IPv6. */
const versionOf = (from: End, to: End, protocol: number): 4 | 6 => {
  const given = [from, to].flatMap((end) => (end.kind === 'address' ? [end.ip.version] : []));
  if (given.includes(4) && given.includes(6)) throw usageError('SRC and DST are addresses of different families');
  if (given[0] !== undefined) return given[0];
  return protocol === 58 ? 6 : 4;
};

const addressOf = (place: Place, version: 4 | 6): IpAddress | null => (version === 4 ? place.endpoint.ipv4 : place.endpoint.ipv6);

const firstAddress = (end: Extract<End, { kind: 'container' }>, version: 4 | 6): IpAddress | null =>
  end.places.map((place) => addressOf(place, version)).find((ip) => ip !== null) ?? null;

const targetAddress = (model: HostModel, from: End, to: End, version: 4 | 6, remarks: string[]): IpAddress | null => {
  switch (to.kind) {
    case 'address':
      return to.ip;
    case 'outside':
      return outsideAddress(model, version);
    case 'alone':
      return null;
    case 'host':
      return hostAddressFor(model, from, version);
    case 'container': {
      if (to.chosen !== null) return addressOf(to.chosen, version);
      const shared =
        from.kind === 'container'
          ? to.places.find(
              (place) =>
                from.places.some(
                  (own) => own.endpoint.networkId === place.endpoint.networkId && own.endpoint.network === place.endpoint.network,
                ) && addressOf(place, version) !== null,
            )
          : undefined;
      const place = shared ?? to.places.find((entry) => addressOf(entry, version) !== null);
      if (place !== undefined && to.places.length > 1)
        remarks.push(`${to.container.name} is on ${to.places.length} networks: its address on ${place.endpoint.network} is meant`);
      return place === undefined ? null : addressOf(place, version);
    }
  }
};

/** For a container the host is its gateway; for outside the address of the way in; for the host itself loopback. */
const hostAddressFor = (model: HostModel, from: End, version: 4 | 6): IpAddress | null => {
  if (from.kind === 'host') return parseIp(version === 4 ? '127.0.0.1' : '::1');
  if (from.kind === 'container') {
    for (const place of from.chosen === null ? from.places : [from.chosen]) {
      const own =
        place.bridge === null
          ? undefined
          : model.addressesOf(place.bridge).find((entry) => entry.ip.version === version && entry.scope === 'global');
      if (own !== undefined) return own.ip;
    }
  }
  const dev = from.kind === 'address' ? deviceTo(model, from.ip) : null;
  const own = dev === null ? undefined : model.addressesOf(dev).find((entry) => entry.ip.version === version && entry.scope === 'global');
  return own?.ip ?? uplinkAddress(model, version);
};

const deviceTo = (model: HostModel, ip: IpAddress): string | null => {
  const entry = entryOf(model, ip);
  return entry.kind === 'device' ? entry.dev : entry.kind === 'bridge' ? entry.bridge : null;
};

const defaultRoute = (model: HostModel, version: 4 | 6) =>
  (model.self.routes ?? [])
    .filter((route) => route.family === version && route.prefix.length === 0 && route.type === 'unicast' && route.table === 'main')
    .sort((x, y) => x.metric - y.metric)[0] ?? null;

const outsideAddress = (model: HostModel, version: 4 | 6): IpAddress => {
  const route = defaultRoute(model, version);
  if (route === null) {
    throw failure(
      `"outside" is beyond the default route, and this host has none for IPv${version}${model.fib.known(version) ? '' : ' that was read'}`,
      { hint: 'give an address' },
    );
  }
  const gateway = route.gateway ?? route.nexthops[0]?.gateway ?? null;
  if (gateway !== null && gateway.version === version) return gateway;
  // RFC 3849 has the addresses for examples in IPv6.
  return version === 4 ? TEST_NET_2 : { version: 6, a: 0x2001_0db8, b: 0, c: 0, d: 1 };
};

const uplinkAddress = (model: HostModel, version: 4 | 6): IpAddress | null => {
  const route = defaultRoute(model, version);
  const dev = route?.dev ?? route?.nexthops[0]?.dev ?? null;
  const own = (model.self.addresses ?? []).filter((entry) => entry.ip.version === version && entry.scope === 'global');
  return (own.find((entry) => entry.interface === dev) ?? own[0])?.ip ?? null;
};

/** The address that the kernel gives a packet of the host: the route's `src`, else one of the device (RFC 1122 section 3.3.4.3). */
const hostSource = (model: HostModel, target: IpAddress): IpAddress | null => {
  if (isLocalAddress(model, target) === true) return target;
  const result = model.fib.lookup({ dst: target, src: null, iif: 'lo', oif: null, mark: 0, tos: null })[0]?.result;
  if (result?.kind !== 'route') return uplinkAddress(model, target.version);
  return result.route.source ?? (result.hop.dev === null ? null : selectAddress(model, result.hop.dev, result.hop.gateway ?? target));
};

/** Without the container's own routes: a network shared with the other end, else the first that has a gateway. */
const guessPlace = (from: Extract<End, { kind: 'container' }>, to: End, version: 4 | 6): Place | null => {
  const usable = from.places.filter((place) => addressOf(place, version) !== null);
  const shared =
    to.kind === 'container'
      ? usable.find((place) => to.places.some((other) => other.endpoint.network === place.endpoint.network))
      : undefined;
  return shared ?? usable.find((place) => place.endpoint.gateway !== null) ?? usable[0] ?? null;
};
