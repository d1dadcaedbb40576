/** ICMPv6: RFC 4443; neighbour discovery RFC 4861; multicast listener reports RFC 2710 and RFC 3810. */
import { u8, u16be, u32be } from '../base/bytes.ts';
import { formatIp, ipv6 } from '../base/ip-address.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { icmpTypeName } from './icmp-names.ts';
import { quotedTarget, quotePacket } from './icmp-quote.ts';
import { field, hex, type LayerField, type LayerView } from './layer-view.ts';
import { describeNdp, ndpTarget } from './ndp.ts';
import { INNER_QUOTED, L3_IPV6, type Packet } from './packet.ts';
import { protocolName } from './protocols.ts';

export const ICMPV6_HEADER_LENGTH = 8;

export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
export const ICMPV6_PARAMPROB = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_MLD2_REPORT = 143;

/** Types below 128 are errors, and these four are all there are. */
const isError = (type: number): boolean => type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;

export const decodeIcmpv6 = (packet: Packet, at: number, limit: number): void => {
  const { bytes } = packet;
  const whole = hasBytes(packet, at, ICMPV6_HEADER_LENGTH, limit, 'icmpv6', 'ICMPv6 header cut short');
  if (!whole && Math.min(limit, packet.end) - at < 2) return;
  const type = u8(bytes, at);
  packet.icmpType = type;
  packet.icmpCode = u8(bytes, at + 1);
  if (!whole) return;
  if (type === ICMPV6_ECHO_REQUEST || type === ICMPV6_ECHO_REPLY) {
    packet.icmpId = u16be(bytes, at + 4);
    packet.icmpSeq = u16be(bytes, at + 6);
  }
  setPayload(packet, at + ICMPV6_HEADER_LENGTH, limit);
  const extended = type === ICMPV6_DEST_UNREACH || type === ICMPV6_TIME_EXCEED;
  if (isError(type)) quotePacket(packet, at, limit, 6, extended ? u8(bytes, at + 4) : 0, 8);
};

export const summariseIcmpv6 = (packet: Packet): string => {
  if (packet.icmpType < 0) return 'ICMP6';
  return `ICMP6, ${icmpv6Words(packet)}, length ${packet.l3Offset + packet.ipLength - packet.l4Offset}`;
};

const icmpv6Words = (packet: Packet): string => {
  const { icmpType: type, icmpCode: code } = packet;
  const name = icmpTypeName(6, type, code);
  if (packet.icmpId >= 0) return `${name}, id ${packet.icmpId}, seq ${packet.icmpSeq}`;
  if (packet.payloadOffset < 0) return name;
  switch (type) {
    case ICMPV6_DEST_UNREACH:
      return `destination unreachable, ${unreachableWords(packet, code)}`;
    case ICMPV6_PKT_TOOBIG:
      return `packet too big, mtu ${u32be(packet.bytes, packet.l4Offset + 4)}`;
    case ICMPV6_TIME_EXCEED:
      return `time exceeded ${code === 0 ? 'in-transit' : 'in reassembly'}${quotedDestination(packet, ' for ')}`;
    case ICMPV6_MLD2_REPORT:
      return `${name}, ${u16be(packet.bytes, packet.l4Offset + 6)} group record(s)`;
    default: {
      const target = ndpTarget(packet);
      return target === null ? name : `${name}, ${target}`;
    }
  }
};

const quotedDestination = (packet: Packet, before: string): string => {
  const { inner } = packet;
  if (packet.innerKind !== INNER_QUOTED || inner === null || inner.l3 !== L3_IPV6) return '';
  return `${before}${formatIp(ipv6(inner.dstA, inner.dstB, inner.dstC, inner.dstD))}`;
};

const unreachableWords = (packet: Packet, code: number): string => {
  const destination = quotedDestination(packet, ' ');
  switch (code) {
    case 0:
      return `unreachable route${destination}`;
    case 1:
      return `unreachable prohibited${destination}`;
    case 2:
      return `beyond scope${destination}`;
    case 3:
      return `unreachable address${destination}`;
    case 4:
      return `unreachable port,${quotedTarget(packet, destination, protocolName(packet.inner?.protocol ?? -1))}`;
    default:
      return `${icmpTypeName(6, ICMPV6_DEST_UNREACH, code)}${destination}`;
  }
};

export const describeIcmpv6 = (packet: Packet): LayerView[] => {
  const { bytes, l4Offset: at, icmpType: type, icmpCode: code } = packet;
  const end = Math.min(at + ICMPV6_HEADER_LENGTH, packet.end);
  if (type < 0) return [{ name: 'ICMPv6', fields: [], start: at, end }];
  const fields: LayerField[] = [field('message', icmpTypeName(6, type, code)), field('type', type), field('code', code)];
  if (packet.payloadOffset >= 0) {
    fields.push(field('checksum', hex(u16be(bytes, at + 2), 4)));
    if (packet.icmpId >= 0) fields.push(field('id', packet.icmpId), field('sequence', packet.icmpSeq));
    if (type === ICMPV6_PKT_TOOBIG) fields.push(field('MTU', u32be(bytes, at + 4)));
    if (type === ICMPV6_PARAMPROB) fields.push(field('pointer', u32be(bytes, at + 4)));
    if (packet.innerKind === INNER_QUOTED) fields.push(field('quotes', `${packet.payloadLength} bytes of the packet it reports on`));
    fields.push(...describeNdp(packet));
  }
  return [
    {
      name: 'ICMPv6',
      fields,
      start: at,
      end: packet.innerKind === INNER_QUOTED ? end : packet.payloadOffset < 0 ? end : messageEnd(packet),
    },
  ];
};

/** Neighbour discovery messages are all header; an echo's data is payload. */
const messageEnd = (packet: Packet): number => (packet.icmpId >= 0 ? packet.payloadOffset : packet.payloadOffset + packet.payloadCaptured);
