/**
 * From a packet seen at a capture point to the question about it: what did or will the host do with it. A packet that enters there
 * is the question itself; one that leaves is taken back to where it came in, its translations undone. Every assumption is told.
 */
import { copyBytes } from '../base/bytes.ts';
import { formatIp, formatMac, type IpAddress, sameIp } from '../base/ip-address.ts';
import type { ConntrackEntry } from '../host/facts.ts';
import { vxlansOf } from '../host/vxlan.ts';
import { invertTuple, isNeverTracked, newConnection, replyView } from '../netfilter/conntrack.ts';
import { UNKNOWN_IN } from '../netfilter/skb.ts';
import type { Tuple } from '../netfilter/tuple.ts';
import { dstIp, srcIp } from '../packet/addresses.ts';
import {
  INNER_QUOTED,
  INNER_VXLAN,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  L3_ARP,
  type Packet,
  TH_ACK,
  TH_CWR,
  TH_ECE,
  TH_FIN,
  TH_PUSH,
  TH_RST,
  TH_SYN,
  TH_URG,
} from '../packet/packet.ts';
import type { CapturePoint } from '../topology/topology.ts';
import { isOfLink } from './address-kinds.ts';
import { type Request, requestsFor } from './backwards.ts';
import { connectionOf } from './classify.ts';
import { ConntrackIndex } from './conntrack-index.ts';
import { directionAt, type Where } from './direction.ts';
import { entryOf } from './entry.ts';
import { isLocalAddress } from './env.ts';
import { judge } from './judge.ts';
import { listenerFor } from './local-in.ts';
import type { HostModel } from './model.ts';
import { natOriginOf, replyTo } from './reply.ts';
import type { PacketSpec, QuotedPacket } from './verdict.ts';

export type Origin = { readonly spec: PacketSpec; readonly assumptions: readonly string[] } | { readonly unknown: string };

export const specOfPacket = (model: HostModel, packet: Packet, point: CapturePoint, conntrack?: readonly ConntrackEntry[]): Origin => {
  const src = srcIp(packet);
  const dst = dstIp(packet);
  if (src === null || dst === null || packet.l3 === L3_ARP || packet.protocol < 0)
    return { unknown: 'no IP packet: the IP rules have no say in it' };
  const index = conntrack === undefined ? model.conntrack : new ConntrackIndex(conntrack);
  const seen: Seen = {
    packet,
    src,
    dst,
    tuple: tupleOf(packet, src, dst),
    looks: looksOf(packet),
    index,
    bytes: bytesOf(packet),
  };
  // Without a host there is no direction either: the packet is asked about as it was seen.
  if (model.worlds !== undefined) return asSeen(model, seen, { in: UNKNOWN_IN }, []);
  const where = directionAt(model, packet, point, src, dst);
  switch (where.kind) {
    case 'unknown':
      return { unknown: where.reason };
    case 'local':
      return asSeen(model, seen, { in: null }, []);
    case 'sent':
      return seen.looks === 'first' ? asSeen(model, seen, { in: null, sender: where.container }, []) : answerSent(seen, where.container);
    case 'entering':
      return asSeen(model, seen, enteringAt(model, where.dev, where.port, packet), where.assumptions);
    case 'leaving':
      if (isOwnTunnel(model, seen)) return asSeen(model, seen, { in: null }, where.assumptions);
      return isOfLink(dst) ? onLink(model, seen, where) : leaving(model, seen, where.dev, where.toward, where.assumptions);
  }
};

/** Its question came by the tunnel: what of it was seen there is not at hand here. */
const answerSent = (seen: Seen, sender: string): Origin => ({
  spec: { in: null, sender, src: formatIp(seen.src), dst: formatIp(seen.dst), ...transportOf(seen), state: 'ESTABLISHED' },
  assumptions: ['taken as part of a conversation that its sender knows'],
});

/** What a VXLAN device of this host sends comes from the kernel itself: no other sender of such packets is looked for. */
const isOwnTunnel = (model: HostModel, { packet, src }: Seen): boolean =>
  packet.innerKind === INNER_VXLAN &&
  isLocalAddress(model, src) === true &&
  vxlansOf(model.facts).some(({ device }) => device.port === packet.dstPort && (device.vni === null || device.vni === packet.vni));

interface Seen {
  readonly packet: Packet;
  readonly src: IpAddress;
  readonly dst: IpAddress;
  readonly tuple: Tuple;
  readonly looks: 'first' | 'reply' | 'later' | 'error';
  readonly index: ConntrackIndex | null;
  /** The packet as it was captured; null where it is not at hand. */
  readonly bytes: Uint8Array | null;
}

/** From the network header to the packet's own end: Ethernet may have padded the frame. */
const bytesOf = ({ bytes, l3Offset, ipLength, end }: Packet): Uint8Array | null =>
  l3Offset < 0 || ipLength < 0 ? null : copyBytes(bytes, l3Offset, Math.min(end, l3Offset + ipLength));

const enteringAt = (
  model: HostModel,
  dev: string,
  port: string | null,
  packet: Packet,
): Pick<PacketSpec, 'in' | 'port' | 'srcMac' | 'dstMac'> => ({
  in: dev,
  ...(port === null || !model.isBridge(dev) ? {} : { port }),
  ...(packet.srcMac < 0 ? {} : { srcMac: formatMac(packet.srcMac) }),
  ...(packet.dstMac < 0 ? {} : { dstMac: formatMac(packet.dstMac) }),
});

/** The packet's own fields, as they hold at any place of its way. */
const transportOf = (
  seen: Seen,
): Pick<PacketSpec, 'proto' | 'sport' | 'dport' | 'flags' | 'icmpType' | 'icmpCode' | 'icmpId' | 'tos' | 'fragment' | 'dontFragment'> => {
  const { packet } = seen;
  return {
    proto: packet.protocol,
    ...(packet.srcPort < 0 ? {} : { sport: packet.srcPort }),
    ...(packet.dstPort < 0 ? {} : { dport: packet.dstPort }),
    ...(packet.tcpFlags < 0 ? {} : { flags: flagNames(packet.tcpFlags) }),
    ...(packet.icmpType < 0 ? {} : { icmpType: packet.icmpType }),
    ...(packet.icmpCode < 0 ? {} : { icmpCode: packet.icmpCode }),
    ...(packet.icmpId < 0 ? {} : { icmpId: packet.icmpId }),
    ...(packet.tos < 0 ? {} : { tos: packet.tos }),
    ...(packet.fragmentOffset > 0 ? { fragment: true } : {}),
    ...(packet.dontFragment ? { dontFragment: true } : {}),
  };
};

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [TH_SYN, 'SYN'],
  [TH_ACK, 'ACK'],
  [TH_FIN, 'FIN'],
  [TH_RST, 'RST'],
  [TH_PUSH, 'PSH'],
  [TH_URG, 'URG'],
  [TH_ECE, 'ECE'],
  [TH_CWR, 'CWR'],
];

const flagNames = (flags: number): string => {
  const names = FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  return names.length === 0 ? 'NONE' : names.join(',');
};

const tupleOf = (packet: Packet, src: IpAddress, dst: IpAddress): Tuple => ({
  src,
  dst,
  srcPort: packet.srcPort < 0 ? null : packet.srcPort,
  dstPort: packet.dstPort < 0 ? null : packet.dstPort,
});

const looksOf = (packet: Packet): Seen['looks'] => {
  if (packet.protocol === IPPROTO_TCP) {
    if (packet.tcpFlags < 0) return 'later';
    const syn = (packet.tcpFlags & TH_SYN) !== 0;
    return syn ? ((packet.tcpFlags & TH_ACK) !== 0 ? 'reply' : 'first') : 'later';
  }
  if (packet.protocol === IPPROTO_ICMP) {
    if ([3, 4, 5, 11, 12].includes(packet.icmpType)) return 'error';
    return [0, 14, 16, 18].includes(packet.icmpType) ? 'reply' : 'first';
  }
  if (packet.protocol === IPPROTO_ICMPV6) {
    if (packet.icmpType >= 0 && packet.icmpType < 128) return 'error';
    return packet.icmpType === 129 ? 'reply' : 'first';
  }
  return 'first';
};

/** Conntrack keeps the id of echo messages where others keep ports. */
const lookupTuple = (seen: Seen): Tuple =>
  seen.packet.icmpId < 0 ? seen.tuple : { ...seen.tuple, srcPort: seen.packet.icmpId, dstPort: seen.packet.icmpId };

/** The packet stands where it entered (or where the host made it): the question is the packet. */
const asSeen = (
  model: HostModel,
  seen: Seen,
  at: Pick<PacketSpec, 'in' | 'link' | 'port' | 'srcMac' | 'dstMac' | 'sender'>,
  assumptions: readonly string[],
): Origin => {
  const { packet } = seen;
  const mtu = at.in === null ? undefined : model.links?.get(at.in)?.mtu;
  // TCP segments above the MTU are offloaded ones (GSO), which the kernel splits later.
  const offloaded = packet.protocol === IPPROTO_TCP && mtu !== undefined && packet.ipLength > mtu;
  const spec: PacketSpec = {
    ...at,
    src: formatIp(seen.src),
    dst: formatIp(seen.dst),
    ...transportOf(seen),
    ...(packet.ipLength < 0 || offloaded ? {} : { length: packet.ipLength }),
    ...(packet.ttl < 0 ? {} : { ttl: packet.ttl }),
    ...(seen.bytes === null ? {} : { bytes: seen.bytes }),
  };
  return withState(model, seen, spec, assumptions);
};

const withState = (model: HostModel, seen: Seen, spec: PacketSpec, assumptions: readonly string[]): Origin => {
  const { protocol } = seen.packet;
  const about = seen.looks === 'error' ? quoteOf(seen) : null;
  if (about !== null) return { spec: { ...spec, about }, assumptions };
  if (seen.looks === 'first') return { spec: { ...spec, ...beginning(seen, seen.tuple) }, assumptions };
  if (model.worlds !== undefined)
    return {
      spec: { ...spec, state: seen.looks === 'error' ? 'RELATED' : 'ESTABLISHED' },
      assumptions: [...assumptions, 'taken as part of a connection that the host knows: its beginning was not seen'],
    };
  const hit = seen.index?.find(protocol, lookupTuple(seen)) ?? null;
  if (hit !== null) {
    const connection = { ct: connectionOf(hit, seen.looks === 'error' ? 'RELATED' : 'ESTABLISHED'), nat: { dst: null, src: null } };
    return { spec: { ...spec, connection, state: connection.ct.state }, assumptions };
  }
  if (seen.looks === 'error')
    return {
      spec: { ...spec, state: 'RELATED' },
      assumptions: [...assumptions, 'taken as an error about a connection that the host knows'],
    };
  if (seen.looks === 'later' && !mayAnswerHost(model, seen))
    return {
      spec: { ...spec, state: 'ESTABLISHED' },
      assumptions: [...assumptions, 'taken as a packet of a connection that the host knows'],
    };
  const requests = requestsFor(model, { protocol, tuple: invertTuple(seen.tuple), ...requestType(seen.packet), near: null });
  if (requests.length > 1 && requests.some((request) => request.kind === 'snat')) {
    return { unknown: `it may answer ${namesOf(model, requests)}, behind one address: conntrack would tell` };
  }
  const request = requests[0];
  if (request === undefined)
    return { spec: { ...spec, state: 'ESTABLISHED' }, assumptions: [...assumptions, 'taken as an answer to a question that was not seen'] };
  const { dst, dport } = request.spec;
  const asked = `${request.spec.src} → ${dst}${dport === undefined ? '' : ` port ${dport}`}`;
  return {
    spec: { ...spec, state: 'ESTABLISHED', connection: { ct: replyView(request.walk.skb.ct), nat: natOriginOf(request.walk.nat) } },
    assumptions: request.walk.nat.length === 0 ? assumptions : [...assumptions, `taken as the answer to ${asked}`],
  };
};

/** The packet that an ICMP error quotes, where its connection, which is the error's, is known. */
const quoteOf = ({ packet: { innerKind, inner }, index }: Seen): QuotedPacket | null => {
  const src = innerKind === INNER_QUOTED && inner !== null ? srcIp(inner) : null;
  const dst = inner === null ? null : dstIp(inner);
  if (src === null || dst === null || inner === null || inner.protocol < 0) return null;
  const id = inner.icmpId < 0 ? null : inner.icmpId;
  const tuple = tupleOf(inner, src, dst);
  if (!index?.find(inner.protocol, invertTuple(id === null ? tuple : { ...tuple, srcPort: id, dstPort: id }))) return null;
  return {
    src: formatIp(src),
    dst: formatIp(dst),
    proto: inner.protocol,
    ...(inner.srcPort < 0 ? {} : { sport: inner.srcPort }),
    ...(inner.dstPort < 0 ? {} : { dport: inner.dstPort }),
    ...(inner.icmpId < 0 ? {} : { icmpId: inner.icmpId }),
  };
};

/** A packet to the host itself that no socket and no DNAT rule awaits: the answer to something sent from this address. */
const mayAnswerHost = (model: HostModel, seen: Seen): boolean => {
  const { dst, dstPort } = seen.tuple;
  if (isLocalAddress(model, dst) !== true || dstPort === null) return false;
  const awaited = model.self.listeners === null || listenerFor(model.self.listeners, 'tcp', dst, dstPort, null) !== null;
  if (awaited) return false;
  const entry = entryOf(model, seen.src);
  if (entry.kind !== 'device') return false;
  const begun = judge(model, {
    in: entry.dev,
    src: formatIp(seen.src),
    dst: formatIp(dst),
    ...transportOf(seen),
    flags: 'SYN',
    state: 'NEW',
  });
  return begun.nat.length === 0;
};

/**
 * A SYN or an echo request began its connection, even where a snapshot that was taken later knows that connection already. Other
 * first packets may as well continue one.
 */
const beginning = (seen: Seen, tuple: Tuple): Pick<PacketSpec, 'connection'> => {
  const { protocol, icmpType } = seen.packet;
  const begins =
    protocol === IPPROTO_TCP || (protocol === IPPROTO_ICMP && icmpType === 8) || (protocol === IPPROTO_ICMPV6 && icmpType === 128);
  return begins ? { connection: { ct: newConnection(tuple, protocol), nat: { dst: null, src: null } } } : {};
};

const requestType = (packet: Packet): { icmpType?: number } => {
  if (packet.protocol === IPPROTO_ICMP) return { icmpType: packet.icmpType === 14 ? 13 : packet.icmpType === 0 ? 8 : packet.icmpType };
  if (packet.protocol === IPPROTO_ICMPV6) return { icmpType: packet.icmpType === 129 ? 128 : packet.icmpType };
  return {};
};

/** The packet has been through the host: back to where it came in, as it was then. */
const leaving = (model: HostModel, seen: Seen, dev: string, toward: 'container' | 'wire', assumptions: readonly string[]): Origin => {
  const hit = seen.index?.find(seen.packet.protocol, invertTuple(lookupTuple(seen))) ?? null;
  if (hit !== null) {
    // What left is the inverse of the other direction's tuple; that direction's own tuple is what came in.
    const came = hit.direction === 'reply' ? hit.entry.original : hit.entry.reply;
    if (seen.looks === 'first' && hit.direction === 'reply')
      return fromEntry(model, seen, came, dev, beginning(seen, withoutId(seen, came)), assumptions);
    const ct = connectionOf({ entry: hit.entry, direction: hit.direction === 'reply' ? 'original' : 'reply' }, 'ESTABLISHED');
    return fromEntry(model, seen, came, dev, { state: 'ESTABLISHED', connection: { ct, nat: { dst: null, src: null } } }, assumptions);
  }
  if (seen.looks === 'reply') return leavingAnswer(model, seen, dev, assumptions);
  const requests = requestsFor(model, {
    protocol: seen.packet.protocol,
    tuple: seen.tuple,
    ...(seen.packet.icmpType < 0 ? {} : { icmpType: seen.packet.icmpType }),
    near: dev,
  }).filter((request) => request.walk.end?.out === dev);
  if (requests.length === 0) {
    // No rule lets it begin like this, yet it left: it belongs to a connection that is not known.
    const { protocol, icmpType } = seen.packet;
    if (isNeverTracked(protocol, icmpType)) return fromEntry(model, seen, seen.tuple, dev, {}, assumptions);
    const state = seen.looks === 'error' ? ('RELATED' as const) : ('ESTABLISHED' as const);
    return fromEntry(model, seen, seen.tuple, dev, { state }, [
      ...assumptions,
      'no packet that the rules let begin would leave like this: taken as one of a connection that is not known, untranslated',
    ]);
  }
  if (toward === 'wire' && requests.length > 1 && requests.some((request) => request.kind === 'snat')) {
    return { unknown: `after translation the packet may come from ${namesOf(model, requests)}: conntrack would tell` };
  }
  // What the host sends of itself to an address behind `dev` carries the address of `dev`; a translated packet keeps the one it was begun with.
  const own = model.addressesOf(dev).some((address) => sameIp(address.ip, seen.src));
  const plain = own ? requests.find((request) => request.kind === 'plain' && request.spec.in === null) : undefined;
  const chosen = plain ?? (requests[0] as Request);
  const told = chosen.walk.nat.map((nat) => `its translation ${nat.from} → ${nat.to} is taken from the present rules`);
  const direct = chosen.kind === 'dnat' && requests.some((request) => request.kind === 'plain');
  const others = direct ? [`it could as well have been sent to ${formatIp(seen.dst)} itself`] : [];
  const established = seen.looks === 'later' ? { state: 'ESTABLISHED' as const } : {};
  const { state: _state, ...asked } = chosen.spec;
  return { spec: { ...asked, ...fieldsOf(seen), ...established }, assumptions: [...assumptions, ...told, ...others] };
};

/** An address of the link is not routed: the packet came from another port of the same bridge, or the host sent it by this very device. */
const onLink = (model: HostModel, seen: Seen, { dev, port, assumptions }: Extract<Where, { readonly kind: 'leaving' }>): Origin => {
  const { packet, src } = seen;
  const from = packet.srcMac < 0 ? null : model.places.portOf(dev, packet.srcMac);
  if (from !== null && from !== port && model.isBridge(dev)) return asSeen(model, seen, enteringAt(model, dev, from, packet), assumptions);
  const has = (device: string): boolean => model.addressesOf(device).some(({ ip }) => sameIp(ip, src));
  const sentBy = (device: string): boolean => packet.srcMac >= 0 && model.links?.get(device)?.mac === formatMac(packet.srcMac);
  // The host's end of a cable has a link-local address of its own, by which it sends past the bridge.
  const link = port !== null && !has(dev) && (has(port) || (sentBy(port) && !sentBy(dev))) ? port : dev;
  return asSeen(model, seen, { in: null, link }, assumptions);
};

const withoutId = (seen: Seen, tuple: Tuple): Tuple => (seen.packet.srcPort < 0 ? { ...tuple, srcPort: null, dstPort: null } : tuple);

/** Who may have sent the requests: `the host, web1 or 3 others`. */
const namesOf = (model: HostModel, requests: readonly Request[]): string => {
  const senders = requests.map(({ spec, walk }) =>
    spec.in === null
      ? 'the host'
      : (model.places.byAddress(walk.skb.ct.original.src).find((place) => place.bridge === spec.in)?.container.name ?? spec.src),
  );
  const names = [...new Set(senders)];
  return names.length <= 4 ? names.join(' or ') : `${names.slice(0, 3).join(', ')} or ${names.length - 3} others`;
};

/** Fields of the packet that no translation changes; its hop limit and MAC addresses were others where it came in. */
const fieldsOf = (seen: Seen): Partial<PacketSpec> => {
  const { sport: _sport, dport: _dport, ...rest } = transportOf(seen);
  return rest;
};

const leavingAnswer = (model: HostModel, seen: Seen, dev: string, assumptions: readonly string[]): Origin => {
  // The asker is where the answer goes: its request is the inverse of what it sees, before any translation.
  const asked = invertTuple(seen.tuple);
  const entry = entryOf(model, asked.src, dev);
  if (entry.kind === 'unknown') return { unknown: entry.reason };
  const requests = requestsSent(model, seen, asked, dev);
  const request = requests[0];
  const answer = request === undefined ? null : replyTo(model, request.walk);
  if (request === undefined || answer === null || answer.kind !== 'question') {
    return fromEntry(model, seen, seen.tuple, dev, { state: 'ESTABLISHED' }, [
      ...assumptions,
      'taken as an answer to a question that was not seen',
    ]);
  }
  const told = request.walk.nat.map((nat) => `answers a request whose translation ${nat.from} → ${nat.to} is taken from the present rules`);
  return { spec: { ...answer.spec, ...fieldsOf(seen) }, assumptions: [...assumptions, ...told] };
};

const requestsSent = (model: HostModel, seen: Seen, asked: Tuple, dev: string): readonly Request[] =>
  requestsFor(model, { protocol: seen.packet.protocol, tuple: asked, ...requestType(seen.packet), near: dev, sent: true });

const fromEntry = (
  model: HostModel,
  seen: Seen,
  came: Tuple,
  dev: string,
  rest: Partial<PacketSpec>,
  assumptions: readonly string[],
): Origin => {
  const entry = entryOf(model, came.src, dev);
  if (entry.kind === 'unknown') return { unknown: `where the packet came in is not known: ${entry.reason}` };
  const ports = seen.packet.srcPort < 0;
  const place = entry.kind === 'bridge' ? entry.place : null;
  return {
    spec: {
      in: entry.kind === 'host' ? null : entry.kind === 'bridge' ? entry.bridge : entry.dev,
      src: formatIp(came.src),
      dst: formatIp(came.dst),
      proto: seen.packet.protocol,
      ...fieldsOf(seen),
      ...(ports || came.srcPort === null ? {} : { sport: came.srcPort }),
      ...(ports || came.dstPort === null ? {} : { dport: came.dstPort }),
      ...(place?.port === null || place?.port === undefined ? {} : { port: place.port }),
      ...(place?.mac === null || place?.mac === undefined ? {} : { srcMac: formatMac(place.mac) }),
      ...rest,
    },
    assumptions,
  };
};
