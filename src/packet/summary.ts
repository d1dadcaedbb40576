/** A packet in one line, in the words of a modern tcpdump: what people already know how to read. */
import { formatIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import { dstIp, srcIp } from './addresses.ts';
import { summariseArp } from './arp.ts';
import { cookedDirection } from './cooked.ts';
import { dnsOf, summariseDns } from './dns-view.ts';
import { etherTypeName, otherName } from './ether-type.ts';
import { summariseIcmp } from './icmp.ts';
import { summariseIcmpv6 } from './icmpv6.ts';
import { summariseExtensions } from './ipv6.ts';
import {
  INNER_VXLAN,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_NONE,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  L3_ARP,
  L3_IPV4,
  L3_IPV6,
  L3_NONE,
  L3_OTHER,
  type Packet,
} from './packet.ts';
import { protocolName } from './protocols.ts';
import { summariseSctp } from './sctp.ts';
import { summariseTcp } from './tcp.ts';
import { summariseUdp } from './udp.ts';
import { summariseVxlan } from './vxlan.ts';

const MAX_LENGTH = 200;

/** Never longer than 200 characters, and nothing in it that a terminal would obey. */
export const summarisePacket = (packet: Packet): string => {
  const line = printable(`${linkWords(packet)}${networkWords(packet)}${defectWords(packet)}`);
  return line.length <= MAX_LENGTH ? line : `${line.slice(0, MAX_LENGTH - 1)}…`;
};

const linkWords = (packet: Packet): string => {
  const direction = packet.cookedType < 0 ? '' : `${cookedDirection(packet.cookedType)} `;
  if (packet.vlanCount === 0) return direction;
  const inner = packet.vlanCount === 1 ? '' : `.${packet.vlanInner}`;
  return `${direction}vlan ${packet.vlanOuter}${inner}, `;
};

const networkWords = (packet: Packet): string => {
  switch (packet.l3) {
    case L3_ARP:
      return summariseArp(packet);
    case L3_IPV4:
    case L3_IPV6:
      return ipWords(packet);
    case L3_OTHER:
      return `${otherName(packet)}, length ${packet.payloadLength}`;
    default:
      return unreadWords(packet);
  }
};

const unreadWords = (packet: Packet): string => {
  if (packet.etherType >= 0) return `${etherTypeName(packet.etherType)}, length ${packet.originalLength}`;
  if (packet.dstMac >= 0 || packet.truncatedIn !== '' || packet.malformed !== '') return `frame, length ${packet.originalLength}`;
  return `link type ${packet.linkType}, length ${packet.originalLength}`;
};

/** What is wrong comes last, where it is read, and only where there is something to say: an ordinary short capture has no need. */
const defectWords = (packet: Packet): string => {
  if (packet.malformed !== '') return ` [${packet.malformed}]`;
  const { truncatedIn } = packet;
  return truncatedIn === '' || truncatedIn === 'payload' || truncatedIn === 'trailer' ? '' : ` [|${truncatedIn}]`;
};

const ipWords = (packet: Packet): string => {
  const sixth = packet.l3 === L3_IPV6;
  const extensions = sixth ? summariseExtensions(packet) : '';
  return `${sixth ? 'IP6' : 'IP'} ${endpoint(packet, true)} > ${endpoint(packet, false)}: ${extensions}${upperWords(packet)}`;
};

/** `10.0.0.1.443`; without the port where there is none. */
const endpoint = (packet: Packet, source: boolean): string => {
  const ip = source ? srcIp(packet) : dstIp(packet);
  const port = source ? packet.srcPort : packet.dstPort;
  const address = ip === null ? '?' : formatIp(ip);
  return port < 0 ? address : `${address}.${port}`;
};

const upperWords = (packet: Packet): string => {
  if (packet.l3 === L3_IPV6 && packet.protocol < 0) return 'extension header';
  if (packet.l4Offset < 0) return laterFragmentWords(packet);
  const words = transportWords(packet);
  return packet.isFragment && packet.l3 === L3_IPV4 ? `${words}, first fragment of id ${packet.ipId}` : words;
};

const laterFragmentWords = (packet: Packet): string => {
  const name = protocolName(packet.protocol);
  if (packet.l3 === L3_IPV6) return packet.protocol === IPPROTO_NONE ? 'no next header' : name;
  if (packet.payloadOffset < 0) return name;
  return `${name}, fragment ${packet.fragmentOffset}+${packet.payloadLength} of id ${packet.ipId}`;
};

const transportWords = (packet: Packet): string => {
  const { protocol } = packet;
  if (protocol === IPPROTO_TCP || protocol === IPPROTO_UDP) return streamWords(packet, protocol);
  if (protocol === IPPROTO_SCTP) return summariseSctp(packet);
  if (protocol === IPPROTO_ICMP && packet.l3 === L3_IPV4) return summariseIcmp(packet);
  if (protocol === IPPROTO_ICMPV6 && packet.l3 === L3_IPV6) return summariseIcmpv6(packet);
  return `${protocolName(protocol)}, length ${packet.payloadLength}`;
};

const streamWords = (packet: Packet, protocol: number): string => {
  const dns = dnsOf(packet);
  if (protocol === IPPROTO_TCP) {
    const words = summariseTcp(packet);
    return dns === null ? words : `${words}: ${summariseDns(dns, packet.payloadLength)}`;
  }
  if (dns !== null) return summariseDns(dns, packet.payloadLength);
  if (packet.vni < 0) return summariseUdp(packet);
  const { inner } = packet;
  const carried = packet.innerKind === INNER_VXLAN && inner !== null && (inner.l3 !== L3_NONE || inner.dstMac >= 0);
  return carried ? `${summariseVxlan(packet)}: ${summarisePacket(inner)}` : summariseVxlan(packet);
};
