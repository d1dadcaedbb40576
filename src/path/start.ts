/** From the question to the packet at the start of its way: addresses, defaults, what conntrack will know of it. */
import { failure } from '../base/errors.ts';
import { type IpAddress, parseIp, parseMac, sameIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import { tupleOf } from '../netfilter/conntrack.ts';
import type { CtView, Skb } from '../netfilter/skb.ts';
import type { Tuple } from '../netfilter/tuple.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, TH_ACK, TH_SYN } from '../packet/packet.ts';
import { isLimitedBroadcast, isMulticast } from './address-kinds.ts';
import { isGroupMac } from './bridge.ts';
import {
  beginningConnection,
  connectionFor,
  connectionOf,
  establishedConnection,
  isIcmpError,
  looksLikeReply,
  noConnection,
} from './classify.ts';
import type { ConntrackHit } from './conntrack-index.ts';
import type { HostModel } from './model.ts';
import { protocolOf, tcpFlagsOf } from './packet-spec.ts';
import type { PacketSpec, QuotedPacket } from './verdict.ts';
import type { CtPlan, InZone, Walk } from './walk.ts';

/** IPPROTO_UDPLITE and IPPROTO_DCCP have ports too; this program does not name them elsewhere. */
const WITH_PORTS: ReadonlySet<number> = new Set([IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, 33, 136]);

/** `explain`: the phases of its way are noted too. */
export const startWalk = (model: HostModel, spec: PacketSpec, explain = false): Walk => {
  const bare = skbOf(model, spec);
  const { plan, notes } = planOf(model, spec, bare);
  return {
    skb: bare,
    plan,
    natOrigin: spec.connection?.nat ?? { dst: null, src: null },
    steps: [],
    nearMisses: [],
    nat: [],
    assumptions: [],
    notes:
      model.fib.assumedRules(bare.family) && model.fib.known(bare.family)
        ? [...notes, 'ip rule was not read: the default routing rules are assumed']
        : notes,
    doubts: [],
    passes: [],
    out: null,
    nextHop: null,
    mtu: null,
    dstNatDone: false,
    srcNatDone: false,
    tracked: false,
    end: null,
    phases: explain ? [] : null,
    way: [],
    legs: null,
  };
};

const addressOf = (text: string, which: string): IpAddress => {
  const ip = parseIp(text);
  if (ip === null) throw failure(`"${which}" of a packet is no IP address: "${printable(text)}"`);
  return ip;
};

const skbOf = (model: HostModel, spec: PacketSpec): Skb => {
  const src = addressOf(spec.src, 'src');
  const dst = addressOf(spec.dst, 'dst');
  const protocol = protocolOf(spec.proto);
  if (protocol === null) throw failure(`"proto" of a packet is no protocol: "${printable(String(spec.proto))}"`);
  const ports = WITH_PORTS.has(protocol);
  const icmp = protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
  const srcMac = spec.srcMac === undefined ? null : parseMac(spec.srcMac);
  const dstMac = spec.dstMac === undefined ? null : parseMac(spec.dstMac);
  const skb: Skb = {
    family: dst.version,
    inDev: null,
    outDev: null,
    physIn: null,
    physOut: null,
    bridged: false,
    src,
    dst,
    protocol,
    srcPort: ports ? (spec.sport ?? null) : null,
    dstPort: ports ? (spec.dport ?? null) : null,
    tcpFlags: protocol === IPPROTO_TCP ? tcpFlags(spec) : null,
    icmpType: icmp ? (spec.icmpType ?? icmpRequest(spec, protocol)) : null,
    icmpCode: icmp ? (spec.icmpCode ?? 0) : null,
    fragmentOffset: spec.fragment === true ? LATER_FRAGMENT_OFFSET : 0,
    length: spec.length ?? null,
    ttl: spec.ttl ?? null,
    tos: spec.tos ?? null,
    srcMac: srcMac ?? (spec.in === null ? null : (model.places.byAddress(src)[0]?.mac ?? null)),
    hasMac: spec.in !== null,
    packetType: packetType(dst, dstMac),
    mark: spec.mark ?? 0,
    local: spec.in === null,
    ct: PLACEHOLDER,
    bytes: spec.bytes ?? null,
  };
  // Before conntrack has seen a packet it has no connection: xt_conntrack calls that INVALID.
  return Object.assign(skb, { ct: noConnection(skb, 'INVALID') });
};

/** Where a second fragment begins on a link of 1500 bytes: 20 of them are the header. Any value above zero is a later fragment. */
const LATER_FRAGMENT_OFFSET = 1480;

const ZERO: IpAddress = { version: 4, a: 0, b: 0, c: 0, d: 0 };
const NO_TUPLE: Tuple = { src: ZERO, dst: ZERO, srcPort: null, dstPort: null };
const PLACEHOLDER: Skb['ct'] = {
  state: 'INVALID',
  direction: 'original',
  original: NO_TUPLE,
  reply: NO_TUPLE,
  protocol: 0,
  snat: false,
  dnat: false,
  seenReply: false,
  assured: false,
  confirmed: false,
  expected: false,
  mark: null,
  zone: 0,
};

const tcpFlags = (spec: PacketSpec): number | null => {
  if (spec.flags !== undefined) return tcpFlagsOf(spec.flags);
  if (spec.state === undefined || spec.state === 'NEW' || spec.state === 'RELATED') return TH_SYN;
  return spec.state === 'ESTABLISHED' ? TH_ACK : null;
};

/** Without a type, ping is meant. */
const icmpRequest = (spec: PacketSpec, protocol: number): number | null => {
  if (spec.state !== undefined && spec.state !== 'NEW') return null;
  return protocol === IPPROTO_ICMP ? 8 : 128;
};

export const packetType = (dst: IpAddress, dstMac: number | null): Skb['packetType'] => {
  if (dstMac !== null) return !isGroupMac(dstMac) ? 'unicast' : dstMac === 0xffff_ffff_ffff ? 'broadcast' : 'multicast';
  if (isMulticast(dst)) return 'multicast';
  return isLimitedBroadcast(dst) ? 'broadcast' : 'unicast';
};

export const planOf = (model: HostModel, spec: PacketSpec, skb: Skb): { readonly plan: CtPlan; readonly notes: readonly string[] } => {
  // A state that is given beside another connection's asks about a later packet of it.
  if (spec.connection !== undefined && (spec.state ?? spec.connection.ct.state) === spec.connection.ct.state)
    return { plan: { kind: 'connection', ct: spec.connection.ct, source: 'request' }, notes: [] };
  if (spec.state === undefined || (spec.state === 'RELATED' && spec.about !== undefined && model.conntrack !== null)) {
    const inZone: InZone = (zone, zoneOf) => foundPlan(model, spec, skb, zone, zoneOf);
    return { plan: Object.assign(inZone(0), { inZone }), notes: [] };
  }
  const hit = model.conntrack?.find(skb.protocol, lookUpTuple(spec, skb)) ?? null;
  switch (spec.state) {
    case 'NEW':
      return { plan: { kind: 'connection', ct: beginningConnection(skb), source: 'given' }, notes: [] };
    case 'INVALID':
    case 'UNTRACKED':
      return { plan: { kind: 'connection', ct: noConnection(skb, spec.state), source: 'given' }, notes: [] };
    case 'ESTABLISHED':
    case 'RELATED':
      if (hit !== null) return { plan: { kind: 'connection', ct: connectionOf(hit, spec.state), source: 'snapshot' }, notes: [] };
      // A related connection (FTP data) is new to nat; an established one follows a translation that nobody told.
      return {
        plan: {
          kind: 'connection',
          ct:
            spec.state === 'RELATED'
              ? { ...beginningConnection(skb), state: 'RELATED', expected: true }
              : establishedConnection(skb, 'ESTABLISHED', looksLikeReply(skb) ? 'reply' : 'original'),
          source: 'given',
        },
        notes: [],
      };
  }
};

/** ICMP is told apart by the identifier of its echo messages, which the packet has in no port. */
const lookUpTuple = (spec: PacketSpec, skb: Skb): Tuple =>
  spec.icmpId === undefined ? tupleOf(skb) : { ...tupleOf(skb), srcPort: spec.icmpId, dstPort: spec.icmpId };

/** What the snapshot's connections say of the packet. */
const foundPlan = (model: HostModel, spec: PacketSpec, skb: Skb, zone: number, zoneOf: CtView['zoneOf']): CtPlan => {
  const quoted = spec.about === undefined || !isIcmpError(skb) ? null : errorPlan(model, spec.about, skb, zone, zoneOf);
  if (quoted !== null) return quoted;
  const hit = model.conntrack?.find(skb.protocol, lookUpTuple(spec, skb), zone, zoneOf) ?? null;
  if (hit === null || beginsAnew(skb, hit)) return { kind: 'first-sight' };
  return { kind: 'connection', ct: connectionFor(skb, hit), source: 'snapshot' };
};

/**
 * nf_conntrack_inet_error: the connection is that of the quoted packet's answer, and the error must go to whom that answer goes.
 * Null where conntrack was not read.
 */
const errorPlan = (model: HostModel, about: QuotedPacket, skb: Skb, zone: number, zoneOf: CtView['zoneOf']): CtPlan | null => {
  const protocol = protocolOf(about.proto);
  if (model.conntrack === null || protocol === null) return null;
  const sport = about.icmpId ?? about.sport ?? null;
  const dport = about.icmpId ?? about.dport ?? null;
  const answer: Tuple = { src: addressOf(about.dst, 'about.dst'), dst: addressOf(about.src, 'about.src'), srcPort: dport, dstPort: sport };
  const hit = model.conntrack.find(protocol, answer, zone, zoneOf);
  if (hit === null || !sameIp(skb.dst, answer.dst)) return { kind: 'connection', ct: noConnection(skb, 'INVALID'), source: 'snapshot' };
  return { kind: 'connection', ct: connectionOf(hit, 'RELATED'), source: 'snapshot' };
};

/** A SYN takes over a connection that is closing (the sSS rows of tcp_conntracks for sTW and sCL). */
const beginsAnew = (skb: Skb, hit: ConntrackHit): boolean =>
  skb.protocol === IPPROTO_TCP &&
  skb.tcpFlags !== null &&
  (skb.tcpFlags & (TH_SYN | TH_ACK)) === TH_SYN &&
  (hit.entry.state === 'TIME_WAIT' || hit.entry.state === 'CLOSE');
