/** IPv4 with options and fragments: RFC 791, the TOS byte RFC 2474 and RFC 3168. */
import { join16, u8, u16be } from '../base/bytes.ts';
import { formatIp, ipv4 } from '../base/ip-address.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { field, hex, type LayerField, type LayerView } from './layer-view.ts';
import { L3_IPV4, type Packet } from './packet.ts';
import { protocolName } from './protocols.ts';
import { decodeTransport } from './transport.ts';

export const IPV4_MIN_HEADER = 20;
const IP_RF = 0x8000;
const IP_DF = 0x4000;
const IP_MF = 0x2000;
const IP_OFFMASK = 0x1fff;

/** Option types with their copied flag and class, RFC 791 section 3.1 and the IANA list. */
const OPTION_NAMES = new Map<number, string>([
  [7, 'record route'],
  [68, 'timestamp'],
  [82, 'traceroute'],
  [130, 'security'],
  [131, 'loose source route'],
  [136, 'stream id'],
  [137, 'strict source route'],
  [148, 'router alert'],
]);

export const decodeIpv4 = (packet: Packet, at: number, limit: number): void => {
  if (!hasBytes(packet, at, IPV4_MIN_HEADER, limit, 'ipv4', 'IPv4 header cut short')) return;
  const { bytes } = packet;
  const first = u8(bytes, at);
  const headerLength = (first & 0x0f) * 4;
  if (first >>> 4 !== 4) {
    packet.malformed = 'IPv4 header with another version number';
    return;
  }
  if (headerLength < IPV4_MIN_HEADER) {
    packet.malformed = 'IPv4 header length below 20 bytes';
    return;
  }
  const totalLength = u16be(bytes, at + 2);
  const fragment = u16be(bytes, at + 6);
  packet.l3 = L3_IPV4;
  packet.l3Offset = at;
  packet.tos = u8(bytes, at + 1);
  packet.ipLength = totalLength;
  packet.ipId = u16be(bytes, at + 4);
  packet.ttl = u8(bytes, at + 8);
  packet.protocol = u8(bytes, at + 9);
  packet.srcA = join16(u16be(bytes, at + 12), u16be(bytes, at + 14));
  packet.dstA = join16(u16be(bytes, at + 16), u16be(bytes, at + 18));
  packet.dontFragment = (fragment & IP_DF) !== 0;
  if ((fragment & (IP_MF | IP_OFFMASK)) !== 0) {
    packet.isFragment = true;
    packet.moreFragments = (fragment & IP_MF) !== 0;
    packet.fragmentOffset = (fragment & IP_OFFMASK) * 8;
  }
  if (!hasBytes(packet, at, headerLength, limit, 'ipv4', 'IPv4 options cut short')) return;
  let ipEnd = at + totalLength;
  if (totalLength === 0) {
    // The sender's kernel leaves the length to the card (segmentation offload); the frame is all there is to go by.
    ipEnd = limit;
    packet.ipLength = limit - at;
  } else if (totalLength < headerLength) {
    packet.malformed = 'IPv4 total length below its header length';
    return;
  } else if (ipEnd > limit) {
    packet.malformed = 'IPv4 total length goes beyond the frame';
    ipEnd = limit;
  }
  if (packet.fragmentOffset > 0) setPayload(packet, at + headerLength, ipEnd);
  else decodeTransport(packet, packet.protocol, at + headerLength, ipEnd);
};

export const describeIpv4 = (packet: Packet): LayerView[] => {
  const { bytes, l3Offset: at } = packet;
  const headerLength = (u8(bytes, at) & 0x0f) * 4;
  const end = Math.min(at + headerLength, packet.end);
  const fields: LayerField[] = [
    field('source', formatIp(ipv4(packet.srcA))),
    field('destination', formatIp(ipv4(packet.dstA))),
    field('protocol', `${protocolName(packet.protocol)} (${packet.protocol})`),
    field('TTL', packet.ttl),
    field('total length', lengthWords(packet, u16be(bytes, at + 2))),
    field('header length', headerLength),
    trafficClassField(packet.tos),
    field('identification', `${packet.ipId} (${hex(packet.ipId, 4)})`),
    field('flags', flagWords(u16be(bytes, at + 6))),
  ];
  if (packet.isFragment) fields.push(field('fragment offset', packet.fragmentOffset));
  fields.push(field('header checksum', hex(u16be(bytes, at + 10), 4)), ...describeOptions(packet, at + IPV4_MIN_HEADER, end));
  return [{ name: 'IPv4', fields, start: at, end }];
};

const lengthWords = (packet: Packet, totalLength: number): string =>
  totalLength === 0 ? `0 (left to segmentation offload; ${packet.ipLength} in the frame)` : String(totalLength);

const flagWords = (fragment: number): string => {
  const words = [
    (fragment & IP_RF) === 0 ? '' : 'reserved bit',
    (fragment & IP_DF) === 0 ? '' : "don't fragment",
    (fragment & IP_MF) === 0 ? '' : 'more fragments',
  ].filter((word) => word !== '');
  return words.length === 0 ? 'none' : words.join(', ');
};

/** The six bits of DSCP and the two of ECN that were once the type of service. */
export const trafficClassField = (tos: number): LayerField => {
  const ecn = ['not ECN-capable', 'ECT(1)', 'ECT(0)', 'congestion experienced'][tos & 3];
  return field('DSCP', `${tos >>> 2}, ${ecn} (${hex(tos, 2)})`);
};

const describeOptions = (packet: Packet, from: number, end: number): LayerField[] => {
  const fields: LayerField[] = [];
  const { bytes } = packet;
  let at = from;
  while (at < end) {
    const type = u8(bytes, at);
    if (type === 0) break;
    if (type === 1) {
      at++;
      continue;
    }
    const length = at + 1 < end ? u8(bytes, at + 1) : 0;
    if (length < 2 || at + length > end) {
      fields.push(field('option', `${type}, cut short`));
      break;
    }
    fields.push(field('option', `${OPTION_NAMES.get(type) ?? `type ${type}`}, ${length} bytes`));
    at += length;
  }
  return fields;
};
