/**
 * Header fields by nft's names: where they lie, and what the packet's known fields say of them without its bytes. src/proto.c of
 * nftables; RFC 791, 8200, 9293, 768, 792, 4443, 9260, 4340, 4303, 4302.
 */
import type { Skb } from '../skb.ts';
import { addressValue, type Datatype, ETH_P_IP, ETH_P_IPV6, known, type Value } from './datatypes.ts';

export interface Field {
  readonly type: Datatype;
  readonly base: 'll' | 'nh' | 'th';
  /** In bits from the header's start. */
  readonly offset: number;
  readonly bits: number;
  /** Null where only the bytes tell. */
  readonly read: (skb: Skb) => Value | null;
}

const unread = (): null => null;

type Make = (typeName: string, offset: number, bits: number, read?: (skb: Skb) => Value | null) => Field;

const at =
  (base: Field['base']): Make =>
  (typeName, offset, bits, read = unread) => ({ type: known(typeName), base, offset, bits, read });

const ll = at('ll');
const nh = at('nh');
const th = at('th');

const ports = {
  sport: th('inet_service', 0, 16, (skb) => skb.srcPort),
  dport: th('inet_service', 16, 16, (skb) => skb.dstPort),
};

const tosBits = (shift: number, mask: number) => (skb: Skb) => (skb.tos === null ? null : (skb.tos >> shift) & mask);

/** A packet whose next header is not known from its bytes is one without extension headers. */
const nextHeader = (skb: Skb): number | null => (skb.bytes === null && skb.fragmentOffset === 0 ? skb.protocol : null);

export const FIELDS: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  ether: {
    daddr: ll('ether_addr', 0, 48),
    saddr: ll('ether_addr', 48, 48, (skb) => skb.srcMac),
    type: ll('ether_type', 96, 16, (skb) => (skb.family === 4 ? ETH_P_IP : ETH_P_IPV6)),
  },
  ip: {
    version: nh('integer', 0, 4, () => 4),
    hdrlength: nh('integer', 4, 4),
    dscp: nh('dscp', 8, 6, tosBits(2, 63)),
    ecn: nh('ecn', 14, 2, tosBits(0, 3)),
    length: nh('integer', 16, 16, (skb) => skb.length),
    id: nh('integer', 32, 16),
    'frag-off': nh('integer', 48, 16),
    ttl: nh('integer', 64, 8, (skb) => skb.ttl),
    protocol: nh('inet_proto', 72, 8, (skb) => skb.protocol),
    checksum: nh('integer', 80, 16),
    saddr: nh('ipv4_addr', 96, 32, (skb) => addressValue(skb.src)),
    daddr: nh('ipv4_addr', 128, 32, (skb) => addressValue(skb.dst)),
  },
  ip6: {
    version: nh('integer', 0, 4, () => 6),
    dscp: nh('dscp', 4, 6, tosBits(2, 63)),
    ecn: nh('ecn', 10, 2, tosBits(0, 3)),
    flowlabel: nh('integer', 12, 20),
    length: nh('integer', 32, 16, (skb) => (skb.length === null ? null : skb.length - 40)),
    nexthdr: nh('inet_proto', 48, 8, nextHeader),
    hoplimit: nh('integer', 56, 8, (skb) => skb.ttl),
    saddr: nh('ipv6_addr', 64, 128, (skb) => addressValue(skb.src)),
    daddr: nh('ipv6_addr', 192, 128, (skb) => addressValue(skb.dst)),
  },
  tcp: {
    ...ports,
    sequence: th('integer', 32, 32),
    ackseq: th('integer', 64, 32),
    doff: th('integer', 96, 4),
    reserved: th('integer', 100, 4),
    flags: th('tcp_flag', 104, 8, (skb) => skb.tcpFlags),
    window: th('integer', 112, 16),
    checksum: th('integer', 128, 16),
    urgptr: th('integer', 144, 16),
  },
  udp: { ...ports, length: th('integer', 32, 16), checksum: th('integer', 48, 16) },
  udplite: { ...ports, csumcov: th('integer', 32, 16), checksum: th('integer', 48, 16) },
  sctp: { ...ports, vtag: th('integer', 32, 32), checksum: th('integer', 64, 32) },
  dccp: { ...ports, type: th('dccp_pkttype', 67, 4) },
  th: ports,
  icmp: {
    type: th('icmp_type', 0, 8, (skb) => skb.icmpType),
    code: th('icmp_code', 8, 8, (skb) => skb.icmpCode),
    checksum: th('integer', 16, 16),
    id: th('integer', 32, 16),
    sequence: th('integer', 48, 16),
    gateway: th('integer', 32, 32),
    mtu: th('integer', 48, 16),
  },
  icmpv6: {
    type: th('icmpv6_type', 0, 8, (skb) => skb.icmpType),
    code: th('icmpv6_code', 8, 8, (skb) => skb.icmpCode),
    checksum: th('integer', 16, 16),
    'parameter-problem': th('integer', 32, 32),
    mtu: th('integer', 32, 32),
    id: th('integer', 32, 16),
    sequence: th('integer', 48, 16),
    'max-delay': th('integer', 32, 16),
  },
  esp: { spi: th('integer', 0, 32), sequence: th('integer', 32, 32) },
  ah: {
    nexthdr: th('inet_proto', 0, 8),
    hdrlength: th('integer', 8, 8),
    reserved: th('integer', 16, 16),
    spi: th('integer', 32, 32),
    sequence: th('integer', 64, 32),
  },
  comp: { nexthdr: th('inet_proto', 0, 8), flags: th('raw', 8, 8), cpi: th('integer', 16, 16) },
};

/** Headers of frames that carry no IP packet, or none that these hooks see with its tag. */
export const FOREIGN_FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  arp: {
    htype: 'integer',
    ptype: 'ether_type',
    hlen: 'integer',
    plen: 'integer',
    operation: 'arp_op',
    'saddr ether': 'ether_addr',
    'daddr ether': 'ether_addr',
    'saddr ip': 'ipv4_addr',
    'daddr ip': 'ipv4_addr',
  },
  vlan: { id: 'integer', dei: 'integer', cfi: 'integer', pcp: 'integer', type: 'ether_type' },
  igmp: { type: 'integer', checksum: 'integer', mrt: 'integer', group: 'ipv4_addr' },
};

/** The field that begins and ends where raw payload does, in a header that the packet has. */
export const fieldAt = (skb: Skb, base: string, offset: number, bits: number): Field | null => {
  const header = base === 'nh' ? (skb.family === 4 ? 'ip' : 'ip6') : base === 'll' ? 'ether' : (TRANSPORT[skb.protocol] ?? null);
  if (header === null) return null;
  return Object.values(FIELDS[header] ?? {}).find((field) => field.base === base && field.offset === offset && field.bits === bits) ?? null;
};

const TRANSPORT: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udplite',
};

/** Protocol numbers that `tcp`, `udp` and so on need. */
export const PROTOCOL_OF: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  comp: 108,
  sctp: 132,
  udplite: 136,
};
