/** TCP (RFC 9293), UDP (RFC 768), ICMP and others in place; what a protocol carries is kept only where it is understood to the end. */
import { u8, u16be } from '../base/bytes.ts';
import { DNS_PORT, MDNS_PORT } from '../packet/dns.ts';
import { IPPROTO_ESP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IGMP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../packet/packet.ts';
import { folded, followChecksum, followPartialSum, sumOf } from './checksum.ts';
import { rewriteDns } from './dns-frame.ts';
import type { FrameContext, PseudoHeader } from './frame-context.ts';
import { rewriteIcmp, rewriteIcmpv6 } from './icmp-frame.ts';
import type { Maps } from './maps.ts';
import { replaceIpv4, replaceIpv6, replaceMac } from './packet-bytes.ts';

const IPPROTO_DCCP = 33;
const IPPROTO_GRE = 47;
const IPPROTO_UDPLITE = 136;

const UDP_HEADER = 8;
const TCP_HEADER = 20;
/** RFC 7348; the second is Linux's older one. */
const VXLAN_PORTS = new Set([4789, 8472]);
const VXLAN_HEADER = 8;
const LLMNR_PORT = 5355;
const BOOTP_PORTS = new Set([67, 68]);
/** RFC 951: up to the client's hardware address. */
const BOOTP_FIXED = 44;

const TCPOPT_EOL = 0;
const TCPOPT_NOP = 1;
/** MSS, window scale, SACK permitted, SACK, time stamps: numbers that mean nothing outside their connection. */
const PLAIN_TCP_OPTIONS = new Set([2, 3, 4, 5, 8]);
const TCPOPT_MPTCP = 30;
/** RFC 8684 section 3.4.1. */
const MPTCP_ADD_ADDR = 3;

export const rewriteTransport = (
  bytes: Uint8Array,
  at: number,
  limit: number,
  protocol: number,
  pseudo: PseudoHeader,
  context: FrameContext,
  depth: number,
): number => {
  const { maps } = context;
  switch (protocol) {
    case IPPROTO_TCP:
      return rewriteTcp(bytes, at, limit, pseudo, maps);
    case IPPROTO_UDP:
      return rewriteUdp(bytes, at, limit, pseudo, context, depth);
    case IPPROTO_ICMP:
      return rewriteIcmp(bytes, at, limit, context, depth);
    case IPPROTO_ICMPV6:
      return rewriteIcmpv6(bytes, at, limit, pseudo, context, depth);
    case IPPROTO_UDPLITE:
    case IPPROTO_DCCP: {
      const length = protocol === IPPROTO_DCCP ? 12 : UDP_HEADER;
      if (limit - at >= length) followChecksum(bytes, at + 6, pseudo.before, pseudo.after);
      return Math.min(limit, at + length);
    }
    case IPPROTO_IGMP: {
      if (limit - at < 8) return at;
      const before = sumOf(bytes, at + 4, at + 8);
      replaceIpv4(bytes, at + 4, maps);
      followChecksum(bytes, at + 2, before, sumOf(bytes, at + 4, at + 8));
      return at + 8;
    }
    case IPPROTO_SCTP:
      // Its checksum does not cover addresses. The first chunk's type and length stay.
      return Math.min(limit, at + 16);
    case IPPROTO_ESP:
      return Math.min(limit, at + 8);
    case IPPROTO_GRE:
      return Math.min(limit, at + 4);
    default:
      return at;
  }
};

const rewriteTcp = (bytes: Uint8Array, at: number, limit: number, pseudo: PseudoHeader, maps: Maps): number => {
  if (limit - at < TCP_HEADER) return Math.max(at, limit);
  const headerLength = (u8(bytes, at + 12) >>> 4) * 4;
  const behind = Math.min(limit, at + Math.max(TCP_HEADER, headerLength));
  const before = sumOf(bytes, at + TCP_HEADER, behind);
  rewriteTcpOptions(bytes, at + TCP_HEADER, behind, maps);
  const after = sumOf(bytes, at + TCP_HEADER, behind);
  if (isPartial(bytes, at + 16, IPPROTO_TCP, pseudo)) followPartialSum(bytes, at + 16, pseudo.before, pseudo.after);
  else followChecksum(bytes, at + 16, pseudo.before + before, pseudo.after + after);
  return behind;
};

/** Left to the network card: only the pseudo header has been summed up (skb_checksum_setup of the kernel). */
const isPartial = (bytes: Uint8Array, at: number, protocol: number, { before, length }: PseudoHeader): boolean =>
  u16be(bytes, at) === folded(before + protocol + length);

const rewriteTcpOptions = (bytes: Uint8Array, from: number, end: number, maps: Maps): void => {
  let at = from;
  while (at < end) {
    const kind = u8(bytes, at);
    if (kind === TCPOPT_EOL) {
      bytes.fill(0, at, end);
      return;
    }
    if (kind === TCPOPT_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? u8(bytes, at + 1) : 0;
    if (length < 2 || at + length > end) {
      bytes.fill(0, at, end);
      return;
    }
    if (kind === TCPOPT_MPTCP) rewriteMptcp(bytes, at, length, maps);
    else if (!PLAIN_TCP_OPTIONS.has(kind)) bytes.fill(0, at + 2, at + length);
    at += length;
  }
};

/** Keys and tokens are random; an address that is announced is not. */
const rewriteMptcp = (bytes: Uint8Array, at: number, length: number, maps: Maps): void => {
  if (length < 8 || u8(bytes, at + 2) >>> 4 !== MPTCP_ADD_ADDR) return;
  if (length >= 20) replaceIpv6(bytes, at + 4, maps);
  else replaceIpv4(bytes, at + 4, maps);
};

const rewriteUdp = (bytes: Uint8Array, at: number, limit: number, pseudo: PseudoHeader, context: FrameContext, depth: number): number => {
  if (limit - at < UDP_HEADER) return Math.max(at, limit);
  const payload = at + UDP_HEADER;
  const wasPartial = isPartial(bytes, at + 6, IPPROTO_UDP, pseudo);
  const before = sumOf(bytes, payload, limit);
  const end = rewriteDatagram(bytes, at, limit, context, depth);
  const after = sumOf(bytes, payload, limit);
  // RFC 768: zero means that there is none, and a sum of zero is written as all ones.
  if (u16be(bytes, at + 6) === 0) return end;
  if (wasPartial) followPartialSum(bytes, at + 6, pseudo.before, pseudo.after);
  else followChecksum(bytes, at + 6, pseudo.before + before, pseudo.after + after);
  if (u16be(bytes, at + 6) === 0) bytes.fill(0xff, at + 6, at + 8);
  return end;
};

const rewriteDatagram = (bytes: Uint8Array, at: number, limit: number, context: FrameContext, depth: number): number => {
  const { maps } = context;
  const ports = [u16be(bytes, at), u16be(bytes, at + 2)] as const;
  const payload = at + UDP_HEADER;
  if (VXLAN_PORTS.has(ports[1])) {
    if (limit - payload < VXLAN_HEADER) return payload;
    return context.ethernet(bytes, payload + VXLAN_HEADER, limit, context, depth + 1);
  }
  if (ports.some((port) => port === DNS_PORT || port === MDNS_PORT || port === LLMNR_PORT)) return rewriteDns(bytes, payload, limit, maps);
  if (BOOTP_PORTS.has(ports[0]) && BOOTP_PORTS.has(ports[1]) && limit - payload >= BOOTP_FIXED) return rewriteBootp(bytes, payload, maps);
  return payload;
};

const rewriteBootp = (bytes: Uint8Array, at: number, maps: Maps): number => {
  for (const address of [12, 16, 20, 24]) replaceIpv4(bytes, at + address, maps);
  const isEthernet = u8(bytes, at + 2) === 6;
  if (isEthernet) replaceMac(bytes, at + 28, maps);
  bytes.fill(0, at + (isEthernet ? 34 : 28), at + BOOTP_FIXED);
  return at + BOOTP_FIXED;
};
