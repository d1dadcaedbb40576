/**
 * `explain SRC DST PROTO[:PORT]`: from names to an exact packet, and its answer. Who is meant is in question-ends.ts, which addresses
 * that gives in question-addresses.ts.
 */
import { failure, usageError } from '../base/errors.ts';
import { formatIp, formatMac, type IpAddress, inPrefix, parseIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { Topology } from '../topology/topology.ts';
import { isLoopback, isZero } from './address-kinds.ts';
import { type Entry, entryOf } from './entry.ts';
import { bookOf } from './env.ts';
import { type Exit, exitOf } from './exit.ts';
import { type JudgeOptions, judgeBoth } from './judge.ts';
import type { HostModel } from './model.ts';
import { protocolOf } from './packet-spec.ts';
import { namespaceOf, type Place } from './places.ts';
import { addressOf, firstAddress, guessPlace, hostSource, outsideAddress, targetAddress, uplinkOf } from './question-addresses.ts';
import { type ContainerEnd, type End, endOf, peerEnd } from './question-ends.ts';
import { hiddenSource, hiddenTarget, settle } from './question-settled.ts';
import { selectAddress } from './source-address.ts';
import type { PacketSpec, Verdict, VerdictPhase } from './verdict.ts';

export interface Question {
  readonly spec: PacketSpec;
  /** `web1 172.18.0.2 → web2 198.18.20.2 icmp echo request`, with what had to be chosen. */
  readonly words: string;
  /** The answer where it is settled before the host's path begins (no route in the container), or where the path does not see it. */
  readonly settled: Verdict | null;
  /** What has a say before the packet reaches the host: the container's own route. */
  readonly before: readonly VerdictPhase[];
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
  return { ...question, verdict: options.explain === true ? withPhases(verdict, question.before) : verdict, reply };
};

const withPhases = (verdict: Verdict, before: readonly VerdictPhase[]): Verdict => ({
  ...verdict,
  nearMisses: verdict.nearMisses ?? [],
  phases: [...before, ...(verdict.phases ?? [])],
});

/** A client's port, as the kernel would pick one (net.ipv4.ip_local_port_range begins at 32768). */
const CLIENT_PORT = 40000;

/** @throws a usage error for a name or protocol that is not known, a failure for a container that cannot be asked about */
export const questionBetween = (model: HostModel, topology: Topology, src: string, dst: string, proto: string): Question => {
  const from = endOf(model, topology, src, 'SRC');
  const to = peerEnd(model, from, dst) ?? endOf(model, topology, dst, 'DST');
  const wanted = protoOf(proto);
  const version = versionOf(from, to, wanted.number);
  const number = wanted.number === 1 && version === 6 ? 58 : wanted.number;
  const remarks: string[] = [];
  const before: VerdictPhase[] = [];
  const transport: Partial<PacketSpec> = {
    ...(wanted.ports ? { sport: CLIENT_PORT } : {}),
    ...(wanted.port === null ? {} : { dport: wanted.port }),
  };
  const target = targetAddress(model, from, to, version, remarks);
  const label = number === 58 && wanted.number === 1 ? 'icmpv6' : proto;
  const say = (source: string, settled: Verdict | null, spec: PacketSpec): Question => ({
    spec,
    settled,
    before: settled === null ? before : [...before, lastPhase(settled, spec)],
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
    const reason = to.kind === 'alone' ? 'container-no-network' : 'container-no-address';
    const about = to.kind === 'alone' || to.kind === 'container' ? { container: to.container.name } : {};
    return say(from.label, settle('drop', { kind: 'route', text, reason, about }), unplaced(null));
  }
  const isToItself = to.kind === 'address' && (isLoopback(to.ip) || isZero(to.ip));
  if (from.kind === 'alone' && isToItself)
    return fromContainer(model, { ...from, kind: 'container', places: [], chosen: null }, to, target, version, {
      number,
      transport,
      remarks,
      before,
      say,
      unplaced,
    });
  if (from.kind === 'alone')
    return say(
      from.label,
      settle('drop', {
        kind: 'route',
        text: `no route in ${from.container.name}: it has no network`,
        reason: 'container-no-network',
        about: { container: from.container.name },
      }),
      unplaced(null),
    );
  if (from.kind === 'container')
    return fromContainer(model, from, to, target, version, { number, transport, remarks, before, say, unplaced });
  const source = from.kind === 'address' ? from.ip : from.kind === 'host' ? hostSource(model, target) : outsideAddress(model, version);
  if (source === null) throw failure(`the host has no address to send from to ${formatIp(target)}`);
  const uplink = from.kind === 'outside' ? uplinkOf(model, version) : null;
  const entry: Entry = from.kind === 'host' ? { kind: 'host' } : uplink !== null ? { kind: 'device', dev: uplink } : entryOf(model, source);
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
  return say(nameWith(from.label, source), hiddenTarget(to, target), spec);
};

interface Parts {
  readonly number: number;
  readonly transport: Partial<PacketSpec>;
  readonly remarks: string[];
  readonly before: VerdictPhase[];
  readonly say: (source: string, settled: Verdict | null, spec: PacketSpec) => Question;
  readonly unplaced: (source: IpAddress | null) => PacketSpec;
}

const fromContainer = (model: HostModel, from: ContainerEnd, to: End, target: IpAddress, version: 4 | 6, parts: Parts): Question => {
  const { container } = from;
  const { say, unplaced, remarks } = parts;
  const about = { container: container.name };
  const exit = isZero(target)
    ? ({ kind: 'itself', source: null } as const)
    : exitOf(model, container, target, from.chosen === null ? null : addressOf(from.chosen, version));
  if (exit.kind === 'no-route')
    return say(
      nameWith(from.label, firstAddress(from, version)),
      settle('drop', {
        kind: 'route',
        text:
          exit.refusing === undefined ? `no route in ${container.name} to ${formatIp(target)}` : `${exit.refusing} (in ${container.name})`,
        reason: 'container-no-route',
        about,
      }),
      unplaced(firstAddress(from, version)),
    );
  const namespace = namespaceOf(model.facts, container);
  const inside = namespace === null ? null : model.inside(namespace.id);
  if (inside !== null && (exit.kind === 'itself' || exit.kind === 'device')) return fromDevice(model, inside, from, target, exit, parts);
  if (exit.kind === 'itself') {
    return say(
      nameWith(from.label, target),
      settle('accept', {
        kind: 'route',
        text: `${isZero(target) ? `${formatIp(target)} means ${container.name} itself: ` : ''}the packet never leaves ${container.name}`,
        reason: 'container-itself',
        about,
      }),
      unplaced(target),
    );
  }
  const isUnclear = exit.kind === 'unknown' || exit.kind === 'device';
  const reason =
    exit.kind === 'unknown' ? exit.reason : exit.kind === 'device' ? `${exit.dev} of ${container.name} belongs to no known network` : '';
  const place = exit.kind === 'place' ? exit.place : (from.chosen ?? guessPlace(from, to, version));
  if (isUnclear) remarks.push(reason, ...(place === null ? [] : [`taken to leave by ${place.endpoint.network}`]));
  else if (from.chosen !== null && from.chosen !== place)
    remarks.push(`its routes send it by ${place?.endpoint.network ?? 'another network'}, not by ${from.chosen.endpoint.network}`);
  const source = place === null ? null : addressOf(place, version);
  if (place === null || source === null) {
    return say(
      from.label,
      settle('drop', {
        kind: 'route',
        text: `${container.name} has no IPv${version} address to send from`,
        reason: 'container-no-address',
        about,
      }),
      unplaced(null),
    );
  }
  const named = nameWith(from.label, source);
  const inSubnet = place.network?.subnets.some((subnet) => inPrefix(target, subnet)) === true;
  if (isUnclear && place.network?.internal === true && !inSubnet) {
    return say(
      named,
      settle('drop', {
        kind: 'route',
        text: `no route in ${container.name} to ${formatIp(target)}: internal networks have no default route`,
        reason: 'container-no-route',
        about,
      }),
      unplaced(source),
    );
  }
  const hidden = hiddenSource(model, place);
  if (hidden !== null) return say(named, hidden, unplaced(source));
  const spec: PacketSpec = {
    in: place.bridge ?? place.parent,
    sender: container.name,
    src: formatIp(source),
    dst: formatIp(target),
    proto: parts.number,
    ...parts.transport,
    ...atPlace(place),
  };
  // Where its own namespace is walked through, its route is a step of the way.
  if (exit.kind === 'place' && inside === null)
    parts.before.push({ ...outsideHost(spec), kind: 'container', result: 'route', text: exit.route, note: `in ${container.name}` });
  return say(named, isShared(to, place, target) ? null : hiddenTarget(to, target), spec);
};

/** By a device that Docker knows nothing of (a tunnel, a cable made by hand), or to the container itself. */
const fromDevice = (
  model: HostModel,
  inside: HostModel,
  { label, container, chosen }: ContainerEnd,
  target: IpAddress,
  exit: Extract<Exit, { readonly kind: 'itself' | 'device' }>,
  { say, number, transport, unplaced }: Parts,
): Question => {
  const { version } = target;
  const dst = isZero(target) ? (parseIp(version === 4 ? '127.0.0.1' : '::1') ?? target) : target;
  const own = chosen === null ? null : addressOf(chosen, version);
  const source = own ?? exit.source ?? (exit.kind === 'itself' ? dst : selectAddress(bookOf(inside), exit.dev, exit.gateway ?? dst));
  if (source === null) {
    const text = `${container.name} has no IPv${version} address to send from`;
    return say(
      label,
      settle('drop', { kind: 'route', text, reason: 'container-no-address', about: { container: container.name } }),
      unplaced(null),
    );
  }
  const link = exit.kind === 'itself' ? undefined : inside.links?.get(exit.dev);
  const far = link === undefined ? null : model.wires.peerOf(inside.netns, link);
  const device = far === null || far.netns !== null ? null : (far.link.master ?? far.link.name);
  return say(nameWith(label, source), null, {
    in: device,
    sender: container.name,
    src: formatIp(source),
    dst: formatIp(dst),
    proto: number,
    ...transport,
  });
};

/** Sender and receiver are on the same network, whatever that is made of. */
const isShared = (to: End, place: Place, target: IpAddress): boolean =>
  to.kind === 'container' &&
  to.places.some(
    ({ endpoint, network }) =>
      network === place.network && [endpoint.ipv4, endpoint.ipv6].some((ip) => ip !== null && formatIp(ip) === formatIp(target)),
  );

/** A phase that no table of the host has a part in. */
const outsideHost = (spec: PacketSpec): Omit<VerdictPhase, 'kind' | 'result' | 'text'> => ({
  hook: 'routing',
  table: null,
  chain: null,
  steps: [0, 0],
  nearMisses: [0, 0],
  packet: { src: endpoint(spec.src, spec.sport), dst: endpoint(spec.dst, spec.dport) },
});

const endpoint = (ip: string, port: number | undefined): string =>
  port === undefined ? ip : ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;

const lastPhase = (settled: Verdict, spec: PacketSpec): VerdictPhase => ({
  ...outsideHost(spec),
  kind: settled.decidedBy.kind === 'bridge' ? 'bridge' : 'container',
  result: settled.outcome === 'accept' ? 'local' : settled.outcome === 'undetermined' ? 'unknown' : settled.outcome,
  text: settled.decidedBy.text,
  steps: [0, settled.steps.length],
});

const atPlace = (place: Place): Partial<PacketSpec> => ({
  ...(place.port === null ? {} : { port: place.port }),
  ...(place.mac === null ? {} : { srcMac: formatMac(place.mac) }),
});

const zero = (version: 4 | 6): string => (version === 4 ? '0.0.0.0' : '::');

const nameWith = (label: string, ip: IpAddress | null): string =>
  ip === null || label === formatIp(ip) ? label : `${label} ${formatIp(ip)}`;

const protoOf = (text: string): { readonly number: number; readonly port: number | null; readonly ports: boolean } => {
  const match = /^([a-z0-9-]+)(?:[:/](\d+))?$/i.exec(text.trim());
  const number = match === null ? null : protocolOf(match[1] as string);
  const port = match?.[2] === undefined ? null : Number(match[2]);
  const ports = number === 6 || number === 17 || number === 132;
  if (number === null || (port !== null && (port > 65535 || !ports))) {
    throw usageError(`"${printable(text)}" is no protocol`, { hint: 'icmp, tcp:80, udp:53 or a number' });
  }
  const name = match?.[1] as string;
  if (port === 0) throw usageError(`"${printable(text)}": no packet is for port 0`, { hint: `${name}:80, a port from 1 to 65535` });
  return { number, port, ports };
};

/** IPv4 unless somebody can only be reached by IPv6. */
const versionOf = (from: End, to: End, protocol: number): 4 | 6 => {
  const given = [from, to].flatMap((end) => (end.kind === 'address' ? [end.ip.version] : []));
  if (given.includes(4) && given.includes(6)) throw usageError('SRC and DST are addresses of different families');
  if (given[0] !== undefined) return given[0];
  return protocol === 58 ? 6 : 4;
};
