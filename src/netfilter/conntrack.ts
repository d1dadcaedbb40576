/**
 * Connections as connection tracking keeps them: made for a first packet, given a translation, seen from the other side.
 * nf_conntrack_core.c, nf_nat_core.c (get_unique_tuple, nf_nat_manip_pkt), nf_conntrack_proto_tcp.c, nf_conntrack_proto_icmp{,v6}.c.
 */
import { formatIp, sameIp } from '../base/ip-address.ts';
import type { NatAction } from './evaluation.ts';
import { hasPorts, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP } from './protocols.ts';
import { type CtState, type CtView, ctWith, type Skb, skbWith } from './skb.ts';
import type { Tuple } from './tuple.ts';

export const invertTuple = ({ src, dst, srcPort, dstPort }: Tuple): Tuple => ({ src: dst, dst: src, srcPort: dstPort, dstPort: srcPort });

/** The packet's addresses and ports as one direction of a connection. */
export const tupleOf = ({ src, dst, srcPort, dstPort }: Pick<Skb, 'src' | 'dst' | 'srcPort' | 'dstPort'>): Tuple => ({
  src,
  dst,
  srcPort,
  dstPort,
});

/** What connection tracking makes of the first packet of `tuple`. INVALID and UNTRACKED packets carry the same view without a connection. */
export const newConnection = (tuple: Tuple, protocol: number, state: CtState = 'NEW'): CtView => ({
  state,
  direction: 'original',
  original: tuple,
  reply: invertTuple(tuple),
  protocol,
  snat: false,
  dnat: false,
  seenReply: false,
  assured: false,
  confirmed: false,
  expected: false,
  mark: 0,
  zone: 0,
});

/** Whether there is a connection at all behind the view. */
export const hasConnection = (ct: CtView): boolean => ct.state !== 'INVALID' && ct.state !== 'UNTRACKED';

/** IPS_TEMPLATE: what a CT rule put on a packet that connection tracking has still to see; no protocol has the number 0 there. */
export const isTemplate = (ct: CtView): boolean => ct.confirmed && ct.protocol === 0;

/**
 * The connection after a NAT rule: the reply direction is what the other end will answer to. IPS_SRC_NAT and IPS_DST_NAT are set only
 * where something changed. Null where the rule leaves an address to chance: what follows cannot be known then.
 */
export const applyNat = (ct: CtView, nat: NatAction): CtView | null => {
  const { address, port } = nat;
  if (address === null) return null;
  switch (nat.kind) {
    case 'dnat':
    case 'redirect': {
      const reply = { ...ct.reply, src: address, srcPort: hasPorts(ct.protocol) ? port : ct.reply.srcPort };
      return sameTuple(reply, ct.reply) ? ct : { ...ct, reply, dnat: true };
    }
    case 'snat':
    case 'masquerade': {
      const reply = { ...ct.reply, dst: address, dstPort: hasPorts(ct.protocol) ? port : ct.reply.dstPort };
      return sameTuple(reply, ct.reply) ? ct : { ...ct, reply, snat: true };
    }
  }
};

export const sameTuple = (x: Tuple, y: Tuple): boolean =>
  sameIp(x.src, y.src) && sameIp(x.dst, y.dst) && x.srcPort === y.srcPort && x.dstPort === y.dstPort;

/** What the packet of this direction looks like when all translation is done: the other direction, turned round. */
const translatedTuple = (ct: CtView): Tuple => invertTuple(ct.direction === 'original' ? ct.reply : ct.original);

/** Translates the destination (the bytes are then no longer the packet's), as prerouting and output do: to the DNAT target, or for replies back to who asked before SNAT. */
export const translateDestination = (skb: Skb): Skb => {
  if (!hasConnection(skb.ct)) return skb;
  const { dst, dstPort } = translatedTuple(skb.ct);
  if (sameIp(dst, skb.dst) && dstPort === skb.dstPort) return skb;
  return hasPorts(skb.protocol) ? skbWith(skb, { dst, dstPort, bytes: null }) : skbWith(skb, { dst, bytes: null });
};

/** Translates the source, as postrouting and input do: to the SNAT address, or for replies back to the address that was asked. */
export const translateSource = (skb: Skb): Skb => {
  if (!hasConnection(skb.ct)) return skb;
  const { src, srcPort } = translatedTuple(skb.ct);
  if (sameIp(src, skb.src) && srcPort === skb.srcPort) return skb;
  return hasPorts(skb.protocol) ? skbWith(skb, { src, srcPort, bytes: null }) : skbWith(skb, { src, bytes: null });
};

/** The connection as the answer to this packet will find it. */
export const replyView = (ct: CtView): CtView =>
  ctWith(ct, {
    state: 'ESTABLISHED',
    direction: ct.direction === 'original' ? 'reply' : 'original',
    seenReply: true,
    confirmed: true,
  });

/** The connection as a later packet of the same direction finds it; answered or not yet. */
export const laterView = (ct: CtView, answered: boolean): CtView =>
  ctWith(ct, {
    state: answered || ct.direction === 'reply' ? 'ESTABLISHED' : 'NEW',
    seenReply: ct.seenReply || answered,
    confirmed: true,
  });

const TH_FIN = 1;
const TH_SYN = 2;
const TH_RST = 4;
const TH_ACK = 16;
const TH_URG = 32;

/** tcp_valid_flags: what a packet may carry, PSH, ECE and CWR aside. */
const VALID_TCP_FLAGS: readonly number[] = [
  TH_SYN,
  TH_SYN | TH_URG,
  TH_SYN | TH_ACK,
  TH_RST,
  TH_RST | TH_ACK,
  TH_FIN | TH_ACK,
  TH_FIN | TH_ACK | TH_URG,
  TH_ACK,
  TH_ACK | TH_URG,
];

/** icmp_pkt_to_tuple and icmp_new: requests that begin something. */
const ICMP_REQUESTS: readonly number[] = [8, 13, 15, 17];
const ICMPV6_REQUESTS: readonly number[] = [128, 139];

/** icmpv6_error, noct_valid_new: neighbour discovery and multicast listening are never tracked. */
const ICMPV6_UNTRACKED: readonly number[] = [130, 131, 132, 133, 134, 135, 136, 143];

export const isNeverTracked = (protocol: number, icmpType: number | null): boolean =>
  protocol === IPPROTO_ICMPV6 && icmpType !== null && ICMPV6_UNTRACKED.includes(icmpType);

/** What connection tracking calls a packet that belongs to no known connection. `tcpLoose` is net.netfilter.nf_conntrack_tcp_loose. */
export const stateOfFirstPacket = (
  packet: Pick<Skb, 'protocol' | 'tcpFlags' | 'icmpType'>,
  tcpLoose: boolean,
): CtState | { readonly unknown: string } => {
  switch (packet.protocol) {
    case IPPROTO_TCP: {
      if (packet.tcpFlags === null) return { unknown: "the packet's TCP flags are not known" };
      const flags = packet.tcpFlags & (TH_FIN | TH_SYN | TH_RST | TH_ACK | TH_URG);
      if (!VALID_TCP_FLAGS.includes(flags) || flags & (TH_RST | TH_FIN)) return 'INVALID';
      if (flags & TH_SYN) return flags & TH_ACK ? 'INVALID' : 'NEW';
      return tcpLoose ? 'NEW' : 'INVALID';
    }
    case IPPROTO_ICMP:
      if (packet.icmpType === null) return { unknown: "the packet's ICMP type is not known" };
      return ICMP_REQUESTS.includes(packet.icmpType) ? 'NEW' : 'INVALID';
    case IPPROTO_ICMPV6:
      if (packet.icmpType === null) return { unknown: "the packet's ICMP type is not known" };
      if (isNeverTracked(packet.protocol, packet.icmpType)) return 'UNTRACKED';
      return ICMPV6_REQUESTS.includes(packet.icmpType) ? 'NEW' : 'INVALID';
    default:
      return 'NEW';
  }
};

/** `172.18.0.2:40000 -> 198.18.20.3:80`, `[fd00::2]:80`, without ports `172.18.0.2 -> 198.18.20.3`. */
export const describeTuple = (tuple: Tuple, protocol: number): string =>
  `${describeEnd(tuple.src, tuple.srcPort, protocol)} -> ${describeEnd(tuple.dst, tuple.dstPort, protocol)}`;

/** One end of a tuple. ICMP's id is no port and is left out. */
export const describeEnd = (ip: Tuple['src'], port: number | null, protocol: number): string => {
  if (!hasPorts(protocol)) return formatIp(ip);
  return `${ip.version === 6 ? `[${formatIp(ip)}]` : formatIp(ip)}:${port ?? '?'}`;
};
