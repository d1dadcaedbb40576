/**
 * One decoded frame. Decoding writes into a Packet that is used again for the next frame, so that a million packets cost
 * no garbage: whoever keeps something of it copies what is needed. Addresses are 32-bit words as in base/ip-address.
 */

/** Link types by their names in the tcpdump.org list (LINKTYPE_ values). */
export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LOOP = 108;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_IPV4 = 228;
export const LINKTYPE_IPV6 = 229;
export const LINKTYPE_LINUX_SLL2 = 276;

/** IANA protocol numbers that this program names. */
export const IPPROTO_ICMP = 1;
export const IPPROTO_IGMP = 2;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_ESP = 50;
export const IPPROTO_AH = 51;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_NONE = 59;
export const IPPROTO_SCTP = 132;

/** TCP flag bits, RFC 9293 section 3.1. */
export const TH_FIN = 0x01;
export const TH_SYN = 0x02;
export const TH_RST = 0x04;
export const TH_PUSH = 0x08;
export const TH_ACK = 0x10;
export const TH_URG = 0x20;
export const TH_ECE = 0x40;
export const TH_CWR = 0x80;

/** What the network layer turned out to be. `L3_OTHER` is an EtherType that is not decoded further. */
export const L3_NONE = 0;
export const L3_ARP = 1;
export const L3_IPV4 = 2;
export const L3_IPV6 = 3;
export const L3_OTHER = 4;

/** Why `inner` is there. */
export const INNER_NONE = 0;
/** The packet that an ICMP or ICMPv6 error quotes (RFC 792, RFC 4443). */
export const INNER_QUOTED = 1;
/** The frame that a VXLAN packet carries (RFC 7348). */
export const INNER_VXLAN = 2;

/** Absent numbers are -1, absent text is ''. Offsets count from the start of `bytes`. */
export class Packet {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the frame starts in `bytes`. */
  start = 0;
  /** One past the last captured byte of the frame. */
  end = 0;
  /** Length on the wire, link layer included; at least `end - start`. */
  originalLength = 0;
  /** Seconds since the epoch, and the nanoseconds beyond. */
  timeSec = 0;
  timeNsec = 0;
  /** Which interface of the capture it came from (index of the session's capture points). */
  interfaceId = 0;
  linkType = LINKTYPE_ETHERNET;

  /** MAC addresses as numbers below 2^48. */
  srcMac = -1;
  dstMac = -1;
  etherType = -1;
  /** 802.1Q tags: how many, and the VLAN ids, outer first. */
  vlanCount = 0;
  vlanOuter = -1;
  vlanInner = -1;
  /** Linux cooked capture: sll_pkttype (0 to us, 1 broadcast, 2 multicast, 3 other host, 4 outgoing) and SLL2's ifindex. */
  cookedType = -1;
  cookedIfindex = -1;

  l3 = L3_NONE;
  l3Offset = -1;
  srcA = 0;
  srcB = 0;
  srcC = 0;
  srcD = 0;
  dstA = 0;
  dstB = 0;
  dstC = 0;
  dstD = 0;
  /** ARP: operation and hardware addresses; the protocol addresses are in src and dst. */
  arpOp = -1;
  arpSenderMac = -1;
  arpTargetMac = -1;

  /** IPv4 total length, or 40 + payload length for IPv6: what the header claims. */
  ipLength = -1;
  tos = -1;
  ttl = -1;
  /** IPv4 identification, or that of the IPv6 fragment header. */
  ipId = -1;
  dontFragment = false;
  moreFragments = false;
  /** In bytes; 0 where the packet is whole or the first fragment. */
  fragmentOffset = 0;
  isFragment = false;
  /** The upper-layer protocol behind all IPv6 extension headers. */
  protocol = -1;

  l4Offset = -1;
  /** Ports of TCP, UDP and SCTP. */
  srcPort = -1;
  dstPort = -1;
  tcpFlags = -1;
  tcpSeq = 0;
  tcpAck = 0;
  tcpWindow = -1;
  tcpMss = -1;
  tcpWindowScale = -1;
  tcpSackPermitted = false;
  tcpTsVal = -1;
  tcpTsEcr = -1;
  icmpType = -1;
  icmpCode = -1;
  /** Identifier and sequence number of echo messages. */
  icmpId = -1;
  icmpSeq = -1;
  /** What follows the transport header: where, how much the headers claim, how much was captured. */
  payloadOffset = -1;
  payloadLength = 0;
  payloadCaptured = 0;

  innerKind = INNER_NONE;
  /** VXLAN network identifier. */
  vni = -1;
  /** Valid only while `innerKind` is not INNER_NONE. */
  inner: Packet | null = null;

  /** The layer whose bytes were cut off by the snap length, or ''. */
  truncatedIn = '';
  /** What is wrong with the packet, as a phrase, or ''. The layers before it are good. */
  malformed = '';
}
