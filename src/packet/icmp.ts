/** ICMP for IPv4: RFC 792, RFC 1122 (unreachable codes), RFC 1191 (next-hop MTU), RFC 1812 (administrative filters). */
import { u8, u16be, u32be } from '../base/bytes.ts';
import { formatIp, ipv4 } from '../base/ip-address.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { icmpTypeName } from './icmp-names.ts';
import { quotedTarget, quotePacket } from './icmp-quote.ts';
import { field, hex, type LayerField, type LayerView } from './layer-view.ts';
import { INNER_QUOTED, L3_IPV4, type Packet } from './packet.ts';
import { protocolName } from './protocols.ts';

export const ICMP_HEADER_LENGTH = 8;

export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETERPROB = 12;

export const ICMP_HOST_UNREACH = 1;
export const ICMP_PROT_UNREACH = 2;
export const ICMP_PORT_UNREACH = 3;
export const ICMP_FRAG_NEEDED = 4;

export const decodeIcmp = (packet: Packet, at: number, limit: number): void => {
  const { bytes } = packet;
  const whole = hasBytes(packet, at, ICMP_HEADER_LENGTH, limit, 'icmp', 'ICMP header cut short');
  if (!whole && Math.min(limit, packet.end) - at < 2) return;
  const type = u8(bytes, at);
  packet.icmpType = type;
  packet.icmpCode = u8(bytes, at + 1);
  if (!whole) return;
  if (type === ICMP_ECHO || type === ICMP_ECHOREPLY) {
    packet.icmpId = u16be(bytes, at + 4);
    packet.icmpSeq = u16be(bytes, at + 6);
  }
  setPayload(packet, at + ICMP_HEADER_LENGTH, limit);
  if (isError(type)) quotePacket(packet, at, limit, 4, mayHaveExtensions(type) ? u8(bytes, at + 5) : 0, 4);
};

const isError = (type: number): boolean =>
  type === ICMP_DEST_UNREACH ||
  type === ICMP_SOURCE_QUENCH ||
  type === ICMP_REDIRECT ||
  type === ICMP_TIME_EXCEEDED ||
  type === ICMP_PARAMETERPROB;

const mayHaveExtensions = (type: number): boolean =>
  type === ICMP_DEST_UNREACH || type === ICMP_TIME_EXCEEDED || type === ICMP_PARAMETERPROB;

export const summariseIcmp = (packet: Packet): string => {
  const { icmpType: type } = packet;
  if (type < 0) return 'ICMP';
  return `ICMP ${icmpWords(packet)}, length ${packet.l3Offset + packet.ipLength - packet.l4Offset}`;
};

const icmpWords = (packet: Packet): string => {
  const { icmpType: type, icmpCode: code } = packet;
  const name = icmpTypeName(4, type, code);
  if (packet.icmpId >= 0) return `${name}, id ${packet.icmpId}, seq ${packet.icmpSeq}`;
  const { inner } = packet;
  if (packet.innerKind !== INNER_QUOTED || inner === null || inner.l3 !== L3_IPV4) return name;
  const destination = formatIp(ipv4(inner.dstA));
  switch (type) {
    case ICMP_DEST_UNREACH:
      return unreachableWords(packet, destination, inner.protocol, code);
    case ICMP_REDIRECT:
      return `redirect ${destination} to ${code === 0 || code === 2 ? 'net' : 'host'} ${gateway(packet)}`;
    default:
      return name;
  }
};

const unreachableWords = (packet: Packet, destination: string, protocol: number, code: number): string => {
  switch (code) {
    case 0:
      return `net ${destination} unreachable`;
    case ICMP_HOST_UNREACH:
      return `host ${destination} unreachable`;
    case ICMP_PROT_UNREACH:
      return `${destination} protocol ${protocol} unreachable`;
    case ICMP_PORT_UNREACH:
      return `${quotedTarget(packet, destination, protocolName(protocol))} unreachable`;
    case ICMP_FRAG_NEEDED:
      return `${destination} unreachable - need to frag (mtu ${nextHopMtu(packet)})`;
    case 9:
      return `net ${destination} unreachable - admin prohibited`;
    case 10:
      return `host ${destination} unreachable - admin prohibited`;
    case 13:
      return `host ${destination} unreachable - admin prohibited filter`;
    default:
      return `${destination} unreachable - ${icmpTypeName(4, ICMP_DEST_UNREACH, code)}`;
  }
};

const nextHopMtu = (packet: Packet): number => u16be(packet.bytes, packet.l4Offset + 6);

const gateway = (packet: Packet): string => formatIp(ipv4(u32be(packet.bytes, packet.l4Offset + 4)));

export const describeIcmp = (packet: Packet): LayerView[] => {
  const { bytes, l4Offset: at, icmpType: type, icmpCode: code } = packet;
  const end = Math.min(at + ICMP_HEADER_LENGTH, packet.end);
  if (type < 0) return [{ name: 'ICMP', fields: [], start: at, end }];
  const fields: LayerField[] = [field('message', icmpTypeName(4, type, code)), field('type', type), field('code', code)];
  if (packet.payloadOffset >= 0) {
    fields.push(field('checksum', hex(u16be(bytes, at + 2), 4)));
    if (packet.icmpId >= 0) fields.push(field('id', packet.icmpId), field('sequence', packet.icmpSeq));
    if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) fields.push(field('next-hop MTU', nextHopMtu(packet)));
    if (type === ICMP_REDIRECT) fields.push(field('gateway', gateway(packet)));
    if (type === ICMP_PARAMETERPROB) fields.push(field('pointer', u8(bytes, at + 4)));
    if (packet.innerKind === INNER_QUOTED) fields.push(field('quotes', `${packet.payloadLength} bytes of the packet it reports on`));
  }
  return [{ name: 'ICMP', fields, start: at, end }];
};
