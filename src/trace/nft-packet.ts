/**
 * The words behind `packet:` in a line of `nft monitor trace`, as trace_print_packet and trace_gen_stmts in nftables' netlink.c write
 * them: `iif "eth0" ip saddr 10.0.0.1 … tcp dport 80`, with names or, after -n, numbers.
 */
import { parseIp } from '../base/ip-address.ts';
import { ICMP_TYPES, ICMPV6_TYPES } from '../netfilter/nft/icmp-types.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, protocolNumberOf } from '../netfilter/protocols.ts';
import { NO_PACKET, type TracePacket } from './event.ts';
import { EXTENSION_HEADERS } from './ip-fields.ts';

const IPV6_HEADER_BYTES = 40;

const PROTOCOL_OF_HEADER: Readonly<Record<string, number>> = {
  tcp: IPPROTO_TCP,
  udp: IPPROTO_UDP,
  icmp: IPPROTO_ICMP,
  icmpv6: IPPROTO_ICMPV6,
  sctp: 132,
  dccp: 33,
  udplite: 136,
  esp: 50,
  ah: 51,
  comp: 108,
};

const WORD = /"[^"]*"|\S+/g;

export const parseNftPacket = (text: string): TracePacket => {
  const words = text.match(WORD) ?? [];
  const packet: { -readonly [Key in keyof TracePacket]: TracePacket[Key] } = { ...NO_PACKET };
  for (let at = 0; at < words.length; ) {
    const header = words[at] as string;
    if (header === 'iif' || header === 'oif') {
      packet[header === 'iif' ? 'inDev' : 'outDev'] = unquoted(words[at + 1]);
      at += 2;
      continue;
    }
    const field = words[at + 1];
    // `tcp flags == syn` has a word more than `tcp dport 80`; where words cannot be paired the next known header is looked for.
    const value = words[at + 2] === '==' ? words[at + 3] : words[at + 2];
    if (field === undefined || value === undefined || !take(packet, header, field, value)) {
      at++;
      continue;
    }
    at += words[at + 2] === '==' ? 4 : 3;
  }
  return packet;
};

const unquoted = (word: string | undefined): string | null => (word === undefined ? null : word.replace(/^"|"$/g, ''));

type Draft = { -readonly [Key in keyof TracePacket]: TracePacket[Key] };

/** False where the words are none of a header's field. */
const take = (packet: Draft, header: string, field: string, value: string): boolean => {
  const transport = PROTOCOL_OF_HEADER[header];
  if (header !== 'ip' && header !== 'ip6' && header !== 'ether' && header !== 'th' && transport === undefined) return false;
  const number = numberOf(value);
  if (transport !== undefined) packet.protocol = transport;
  switch (`${header} ${field}`) {
    case 'ip saddr':
    case 'ip6 saddr':
      packet.src = parseIp(value);
      break;
    case 'ip daddr':
    case 'ip6 daddr':
      packet.dst = parseIp(value);
      break;
    case 'ip id':
      packet.ipId = number;
      break;
    case 'ip ttl':
    case 'ip6 hoplimit':
      packet.ttl = number;
      break;
    case 'ip6 flowlabel':
      packet.flowLabel = number;
      break;
    case 'ip length':
      packet.lengthBytes = number;
      break;
    case 'ip6 length':
      packet.lengthBytes = number === null ? null : number + IPV6_HEADER_BYTES;
      break;
    case 'ip protocol':
    case 'ip6 nexthdr':
      packet.protocol = protocolOf(value);
      break;
    case 'icmp type':
      packet.icmpType = number ?? ICMP_TYPES[value] ?? null;
      break;
    case 'icmpv6 type':
      packet.icmpType = number ?? ICMPV6_TYPES[value] ?? null;
      break;
    case 'icmp code':
    case 'icmpv6 code':
      packet.icmpCode = number;
      break;
    case 'icmp id':
    case 'icmpv6 id':
      packet.icmpId = number;
      break;
    case 'icmp sequence':
    case 'icmpv6 sequence':
      packet.icmpSequence = number;
      break;
    case 'icmpv6 parameter-problem':
    case 'icmp gateway':
      // The four bytes behind the checksum, which nft prints under one of their names: for echo messages id and sequence.
      if (header === 'icmpv6' && number !== null) {
        packet.icmpId = number >>> 16;
        packet.icmpSequence = number & 0xffff;
      }
      break;
    default:
      if (field === 'sport') packet.srcPort = number;
      else if (field === 'dport') packet.dstPort = number;
  }
  return true;
};

/** Null for an extension header of IPv6: nft does not look for the protocol behind it. Hop-by-hop options go by protocol 0's name, `ip`. */
const protocolOf = (value: string): number | null => {
  const number = value === 'ip' ? 0 : protocolNumberOf(value);
  return number === null || EXTENSION_HEADERS.has(number) ? null : number;
};

const numberOf = (word: string): number | null => (/^(0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : null);
