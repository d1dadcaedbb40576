/** A packet as it was seen at a capture point: what of it holds at any place of its way, and what it looks like to connection tracking. */
import { copyBytes } from '../../base/bytes.ts';
import { formatMac, type IpAddress } from '../../base/ip-address.ts';
import { newConnection } from '../../netfilter/conntrack.ts';
import type { Tuple } from '../../netfilter/tuple.ts';
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  type Packet,
  TH_ACK,
  TH_CWR,
  TH_ECE,
  TH_FIN,
  TH_PUSH,
  TH_RST,
  TH_SYN,
  TH_URG,
} from '../../packet/packet.ts';
import type { Request } from '../backwards.ts';
import type { ConntrackIndex } from '../conntrack-index.ts';
import type { HostModel } from '../model.ts';
import type { PacketSpec } from '../verdict.ts';

export type Origin = { readonly spec: PacketSpec; readonly assumptions: readonly string[] } | { readonly unknown: string };

export interface Seen {
  readonly packet: Packet;
  readonly src: IpAddress;
  readonly dst: IpAddress;
  readonly tuple: Tuple;
  readonly looks: 'first' | 'reply' | 'later' | 'error';
  readonly index: ConntrackIndex | null;
  /** The packet as it was captured; null where it is not at hand. */
  readonly bytes: Uint8Array | null;
}

export const seenAs = (packet: Packet, src: IpAddress, dst: IpAddress, index: ConntrackIndex | null): Seen => ({
  packet,
  src,
  dst,
  tuple: tupleOf(packet, src, dst),
  looks: looksOf(packet),
  index,
  bytes: bytesOf(packet),
});

/** From the network header to the packet's own end: Ethernet may have padded the frame. */
const bytesOf = ({ bytes, l3Offset, ipLength, end }: Packet): Uint8Array | null =>
  l3Offset < 0 || ipLength < 0 ? null : copyBytes(bytes, l3Offset, Math.min(end, l3Offset + ipLength));

/** The packet's own fields, as they hold at any place of its way. */
export const transportOf = (
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

export const tupleOf = (packet: Packet, src: IpAddress, dst: IpAddress): Tuple => ({
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
export const lookupTuple = (seen: Seen): Tuple =>
  seen.packet.icmpId < 0 ? seen.tuple : { ...seen.tuple, srcPort: seen.packet.icmpId, dstPort: seen.packet.icmpId };

/**
 * A SYN or an echo request began its connection, even where a snapshot that was taken later knows that connection already. Other
 * first packets may as well continue one.
 */
export const beginning = (seen: Seen, tuple: Tuple): Pick<PacketSpec, 'connection'> => {
  const { protocol, icmpType } = seen.packet;
  const begins =
    protocol === IPPROTO_TCP || (protocol === IPPROTO_ICMP && icmpType === 8) || (protocol === IPPROTO_ICMPV6 && icmpType === 128);
  return begins ? { connection: { ct: newConnection(tuple, protocol), nat: { dst: null, src: null } } } : {};
};

export const requestType = (packet: Packet): { icmpType?: number } => {
  if (packet.protocol === IPPROTO_ICMP) return { icmpType: packet.icmpType === 14 ? 13 : packet.icmpType === 0 ? 8 : packet.icmpType };
  if (packet.protocol === IPPROTO_ICMPV6) return { icmpType: packet.icmpType === 129 ? 128 : packet.icmpType };
  return {};
};

export const enteringAt = (
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

/** Who may have sent the requests: `the host, web1 or 3 others`. */
export const namesOf = (model: HostModel, requests: readonly Request[]): string => {
  const senders = requests.map(({ spec, walk }) =>
    spec.in === null
      ? 'the host'
      : (model.places.byAddress(walk.skb.ct.original.src).find((place) => place.bridge === spec.in)?.container.name ?? spec.src),
  );
  const names = [...new Set(senders)];
  return names.length <= 4 ? names.join(' or ') : `${names.slice(0, 3).join(', ')} or ${names.length - 3} others`;
};
