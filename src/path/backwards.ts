/**
 * From a packet as its receiver sees it back to what was sent: translations undone by trying what the rules could have done.
 * A candidate counts only where judging it forward gives exactly the packet that was seen.
 */
import { formatIp, formatMac, type IpAddress, inPrefix, parseIp, parsePrefix, sameIp } from '../base/ip-address.ts';
import { replyView } from '../netfilter/conntrack.ts';
import { hasPorts } from '../netfilter/protocols.ts';
import type { Rule, RuleOption } from '../netfilter/ruleset.ts';
import type { CtView } from '../netfilter/skb.ts';
import type { Tuple } from '../netfilter/tuple.ts';
import { IPPROTO_TCP } from '../packet/packet.ts';
import { looksLikeReply } from './classify.ts';
import { type Entry, entryOf } from './entry.ts';
import type { HostModel } from './model.ts';
import { natOriginOf } from './reply.ts';
import { startWalk } from './start.ts';
import { travel } from './travel.ts';
import type { PacketSpec } from './verdict.ts';
import { note, type Walk } from './walk.ts';

/** A request that would arrive as it was seen. */
export interface Request {
  readonly spec: PacketSpec;
  readonly walk: Walk;
  readonly kind: 'plain' | 'dnat' | 'snat';
}

export interface Arrived {
  readonly protocol: number;
  /** As the receiver sees it. */
  readonly tuple: Tuple;
  readonly icmpType?: number;
  /** The bridge where it was seen, where several networks use the same addresses. */
  readonly near: string | null;
  /** True where the tuple is the request as its sender made it: it only has to get through, whatever it becomes. */
  readonly sent?: boolean;
}

/** Requests in the order of their likelihood: translated ones first, because their rules name just this address. */
export const requestsFor = (model: HostModel, arrived: Arrived): readonly Request[] => {
  const { tuple } = arrived;
  const entry = entryOf(model, tuple.src, arrived.near);
  const found: Request[] = [];
  const attempt = (kind: Request['kind'], from: Entry, sent: Tuple): void => {
    const spec = specFrom(arrived, from, sent);
    const walk = spec === null ? null : arrives(model, spec, arrived.sent === true ? null : tuple);
    if (
      spec !== null &&
      walk !== null &&
      !found.some(
        (known) =>
          known.spec.in === spec.in && known.spec.src === spec.src && known.spec.dst === spec.dst && known.spec.dport === spec.dport,
      )
    ) {
      found.push({ spec, walk, kind });
    }
  };
  if (arrived.sent === true) {
    attempt('plain', entry, tuple);
    return found;
  }
  for (const target of publishedTargets(model, tuple, entry)) {
    // Other addresses of the host would lead through the same rule.
    if (found.length > 0) break;
    attempt('dnat', entry, { ...tuple, dst: target.ip, dstPort: target.port });
  }
  attempt('plain', entry, tuple);
  // A source that is the host's may stand for any container that is masqueraded behind it.
  if (entry.kind === 'host') {
    for (const place of model.places.all) {
      const ip = tuple.src.version === 4 ? place.endpoint.ipv4 : place.endpoint.ipv6;
      if (ip === null || place.bridge === null) continue;
      attempt('snat', { kind: 'bridge', bridge: place.bridge, place }, { ...tuple, src: ip });
    }
  }
  return found;
};

const specFrom = (arrived: Arrived, from: Entry, sent: Tuple): PacketSpec | null => {
  if (from.kind === 'unknown') return null;
  const base: PacketSpec = {
    in: from.kind === 'host' ? null : from.kind === 'bridge' ? from.bridge : from.dev,
    src: formatIp(sent.src),
    dst: formatIp(sent.dst),
    proto: arrived.protocol,
    ...(sent.srcPort === null ? {} : { sport: sent.srcPort }),
    ...(sent.dstPort === null ? {} : { dport: sent.dstPort }),
    ...(arrived.icmpType === undefined ? {} : { icmpType: arrived.icmpType }),
    state: 'NEW',
  };
  if (from.kind !== 'bridge') return base;
  const { port, mac } = from.place;
  return { ...base, ...(port === null ? {} : { port }), ...(mac === null ? {} : { srcMac: formatMac(mac) }) };
};

/** The walk of the request where it gets through on every way and ends as the tuple says. */
const arrives = (model: HostModel, spec: PacketSpec, tuple: Tuple | null): Walk | null => {
  const walks = travel({ model, explain: false }, spec, startWalk(model, spec));
  const first = walks[0];
  if (first === undefined || !walks.every((walk) => walk.end?.outcome === 'accept')) return null;
  if (tuple === null) return first;
  const { skb } = first;
  const same =
    sameIp(skb.src, tuple.src) &&
    sameIp(skb.dst, tuple.dst) &&
    portFits(skb.srcPort, tuple.srcPort) &&
    portFits(skb.dstPort, tuple.dstPort);
  return same ? first : null;
};

const portFits = (x: number | null, y: number | null): boolean => x === null || y === null || x === y;

/** Addresses and ports that some DNAT rule turns into the tuple's destination. */
const publishedTargets = (
  model: HostModel,
  tuple: Tuple,
  entry: Entry,
): readonly { readonly ip: IpAddress; readonly port: number | null }[] => {
  const family = tuple.dst.version === 4 ? 'ip' : 'ip6';
  const targets: { ip: IpAddress; port: number | null }[] = [];
  for (const ruleset of model.self.rulesets) {
    if (ruleset.family !== family) continue;
    for (const table of ruleset.tables) {
      if (table.name !== 'nat') continue;
      for (const chain of table.chains) {
        for (const rule of chain.rules) {
          if (!translatesTo(rule, tuple)) continue;
          const options = rule.matches.flatMap((match) => match.options).filter((option) => !option.negated);
          const ports = portsOf(options, tuple.dstPort);
          const ips = addressesOf(model, options, entry, tuple.dst.version);
          for (const ip of ips) for (const port of ports) targets.push({ ip, port });
        }
      }
    }
  }
  return targets;
};

const translatesTo = (rule: Rule, tuple: Tuple): boolean => {
  if (rule.target?.name !== 'DNAT') return false;
  const text = rule.target.options.find((option) => option.name === '--to-destination')?.values[0] ?? '';
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+|[^[\]]*::[^[\]]*))?(?::(\d+))?$/.exec(text);
  const ip = parseIp(match?.[1] ?? match?.[2] ?? '');
  const port = match?.[3] === undefined ? null : Number(match[3]);
  return ip !== null && sameIp(ip, tuple.dst) && (port === null || tuple.dstPort === null || port === tuple.dstPort);
};

const portsOf = (options: readonly RuleOption[], kept: number | null): readonly (number | null)[] => {
  const dports = options
    .filter((option) => option.name === '--dport' || option.name === '--dports')
    .flatMap((option) => option.values.flatMap((value) => value.split(',')));
  const single = dports.filter((value) => /^\d+$/.test(value)).map(Number);
  // A rule without a port, or with a range, keeps the packet's.
  return single.length > 0 && single.length === dports.length ? single : [kept];
};

const addressesOf = (model: HostModel, options: readonly RuleOption[], entry: Entry, version: 4 | 6): readonly IpAddress[] => {
  const destination = options.find((option) => option.name === '-d')?.values[0];
  const prefix = destination === undefined ? null : parsePrefix(destination);
  if (prefix !== null && prefix.length === (version === 4 ? 32 : 128)) return [prefix.address];
  const own = (model.self.addresses ?? []).filter(
    (address) => address.ip.version === version && address.scope === 'global' && (prefix === null || inPrefix(address.ip, prefix)),
  );
  // The address of the device that it came in by is the one most often asked.
  const dev = entry.kind === 'device' ? entry.dev : entry.kind === 'bridge' ? entry.bridge : null;
  return [...own.filter((address) => address.interface === dev), ...own.filter((address) => address.interface !== dev)].map(
    (address) => address.ip,
  );
};

/**
 * For a packet that is said to be ESTABLISHED while no connection is known: the translation that the present rules would have
 * given its connection, if they would have let it begin.
 */
export const withStoredConnection = (model: HostModel, spec: PacketSpec, start: Walk): Walk => {
  const { plan, skb } = start;
  if (plan.kind === 'connection' && (plan.ct.dnat || plan.ct.snat) && start.natOrigin.dst === null && start.natOrigin.src === null) {
    return attributed(model, start, plan.ct);
  }
  if (plan.kind !== 'connection' || plan.source !== 'given' || plan.ct.state !== 'ESTABLISHED') return start;
  const answer: Arrived = {
    protocol: skb.protocol,
    tuple: { src: skb.dst, dst: skb.src, srcPort: skb.dstPort, dstPort: skb.srcPort },
    near: spec.in,
  };
  const requests = requestsFor(model, answer);
  const request = looksLikeReply(skb) ? requests[0] : requests.find((entry) => entry.kind === 'dnat');
  if (request !== undefined) {
    const others = requests.length > 1 && request.kind === 'snat';
    const told =
      request.walk.nat.length === 0
        ? start
        : note(start, `no connection is known: taken as the answer to ${request.spec.src} -> ${addressText(request.spec)}`);
    const sure = others ? note(told, 'other containers could have asked as well') : told;
    return {
      ...sure,
      plan: { kind: 'connection', ct: replyView(request.walk.skb.ct), source: 'request' },
      natOrigin: natOriginOf(request.walk.nat),
    };
  }
  if (looksLikeReply(skb)) return start;
  const { flags: _flags, ...rest } = spec;
  const first: PacketSpec = { ...rest, state: 'NEW', ...(skb.protocol === IPPROTO_TCP ? { flags: 'SYN' } : {}) };
  const walks = travel({ model, explain: false }, first, startWalk(model, first));
  const begun = walks.find((walk) => walk.end?.outcome === 'accept') ?? null;
  if (begun === null || !begun.tracked)
    return note(start, 'no connection is known, and the present rules would not let it begin: taken as one without translation');
  const told =
    begun.nat.length === 0 ? start : note(start, 'no connection is known: its translation is taken as the present rules give it');
  const ct = { ...begun.skb.ct, state: 'ESTABLISHED' as const, direction: 'original' as const, seenReply: true, confirmed: true };
  return { ...told, plan: { kind: 'connection', ct, source: 'request' }, natOrigin: natOriginOf(begun.nat) };
};

/** The rules that give such a connection its translation today, where they give just this one. */
const attributed = (model: HostModel, start: Walk, ct: CtView): Walk => {
  const tuple = hasPorts(ct.protocol) ? ct.original : { ...ct.original, srcPort: null, dstPort: null };
  const spec = specFrom({ protocol: ct.protocol, tuple, near: null }, entryOf(model, tuple.src), tuple);
  if (spec === null) return start;
  const walk = travel({ model, explain: false }, spec, startWalk(model, spec))[0];
  if (walk === undefined || !sameIp(walk.skb.ct.reply.src, ct.reply.src) || !sameIp(walk.skb.ct.reply.dst, ct.reply.dst)) return start;
  return { ...start, natOrigin: natOriginOf(walk.nat) };
};

const addressText = (spec: PacketSpec): string => (spec.dport === undefined ? spec.dst : `${spec.dst} port ${spec.dport}`);
