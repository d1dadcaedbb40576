/** IPv6 and its extension headers: RFC 8200, jumbograms RFC 2675, the authentication header RFC 4302. */
import { join16, u8, u16be, u32be } from '../base/bytes.ts';
import { formatIp, ipv6 } from '../base/ip-address.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { trafficClassField } from './ipv4.ts';
import { field, hex, type LayerField, type LayerView } from './layer-view.ts';
import { IPPROTO_AH, IPPROTO_NONE, L3_IPV6, type Packet } from './packet.ts';
import { protocolName } from './protocols.ts';
import { decodeTransport } from './transport.ts';

export const IPV6_HEADER_LENGTH = 40;
export const IPPROTO_HOPOPTS = 0;
export const IPPROTO_ROUTING = 43;
export const IPPROTO_FRAGMENT = 44;
export const IPPROTO_DSTOPTS = 60;

const FRAGMENT_LENGTH = 8;
const OPTION_JUMBO = 0xc2;
const IP6F_MORE_FRAG = 0x0001;
const IP6F_OFF_MASK = 0xfff8;
/** Beyond this the length field cannot say how long the packet is. */
const MAX_PAYLOAD = 0xffff;

export const decodeIpv6 = (packet: Packet, at: number, limit: number): void => {
  if (!hasBytes(packet, at, IPV6_HEADER_LENGTH, limit, 'ipv6', 'IPv6 header cut short')) return;
  const { bytes } = packet;
  if (u8(bytes, at) >>> 4 !== 6) {
    packet.malformed = 'IPv6 header with another version number';
    return;
  }
  packet.l3 = L3_IPV6;
  packet.l3Offset = at;
  packet.tos = (u16be(bytes, at) >>> 4) & 0xff;
  packet.ttl = u8(bytes, at + 7);
  packet.srcA = join16(u16be(bytes, at + 8), u16be(bytes, at + 10));
  packet.srcB = join16(u16be(bytes, at + 12), u16be(bytes, at + 14));
  packet.srcC = join16(u16be(bytes, at + 16), u16be(bytes, at + 18));
  packet.srcD = join16(u16be(bytes, at + 20), u16be(bytes, at + 22));
  packet.dstA = join16(u16be(bytes, at + 24), u16be(bytes, at + 26));
  packet.dstB = join16(u16be(bytes, at + 28), u16be(bytes, at + 30));
  packet.dstC = join16(u16be(bytes, at + 32), u16be(bytes, at + 34));
  packet.dstD = join16(u16be(bytes, at + 36), u16be(bytes, at + 38));
  const payloadLength = claimedPayload(packet, at, limit);
  packet.ipLength = IPV6_HEADER_LENGTH + payloadLength;
  let ipEnd = at + IPV6_HEADER_LENGTH + payloadLength;
  if (ipEnd > limit) {
    packet.malformed = 'IPv6 payload length goes beyond the frame';
    ipEnd = limit;
  }
  decodeExtensions(packet, u8(bytes, at + 6), at + IPV6_HEADER_LENGTH, ipEnd);
};

/** The length field; the jumbo option in its place; or the whole frame, where offload made a packet too long for the field. */
const claimedPayload = (packet: Packet, at: number, limit: number): number => {
  const claimed = u16be(packet.bytes, at + 4);
  if (claimed !== 0) return claimed;
  const body = at + IPV6_HEADER_LENGTH;
  if (u8(packet.bytes, at + 6) === IPPROTO_HOPOPTS && body + 8 <= Math.min(limit, packet.end)) {
    const jumbo = u8(packet.bytes, body + 2) === OPTION_JUMBO && u8(packet.bytes, body + 3) === 4;
    if (jumbo) return u32be(packet.bytes, body + 4);
  }
  return limit - body > MAX_PAYLOAD ? limit - body : 0;
};

/** Follows the chain to the upper layer, as the kernel's ipv6_find_hdr() does. */
const decodeExtensions = (packet: Packet, firstHeader: number, from: number, limit: number): void => {
  const { bytes } = packet;
  let header = firstHeader;
  let at = from;
  while (isExtension(header)) {
    if (!hasBytes(packet, at, 8, limit, 'ipv6', 'IPv6 extension header cut short')) return;
    const length = extensionLength(bytes, header, at);
    if (!hasBytes(packet, at, length, limit, 'ipv6', 'IPv6 extension header cut short')) return;
    if (header === IPPROTO_FRAGMENT) {
      const word = u16be(bytes, at + 2);
      packet.isFragment = true;
      packet.moreFragments = (word & IP6F_MORE_FRAG) !== 0;
      packet.fragmentOffset = word & IP6F_OFF_MASK;
      packet.ipId = join16(u16be(bytes, at + 4), u16be(bytes, at + 6));
    }
    header = u8(bytes, at);
    at += length;
    if (packet.fragmentOffset > 0) break;
  }
  // Behind the first fragment only the number that the fragment header gives is known, be it an extension header's.
  packet.protocol = header;
  if (packet.fragmentOffset > 0 || header === IPPROTO_NONE) setPayload(packet, at, limit);
  else decodeTransport(packet, header, at, limit);
};

export const isExtension = (header: number): boolean =>
  header === IPPROTO_HOPOPTS ||
  header === IPPROTO_ROUTING ||
  header === IPPROTO_FRAGMENT ||
  header === IPPROTO_DSTOPTS ||
  header === IPPROTO_AH;

/** AH counts in 4-byte units, minus two; the others in 8-byte units, without the first. */
export const extensionLength = (bytes: Uint8Array, header: number, at: number): number => {
  if (header === IPPROTO_FRAGMENT) return FRAGMENT_LENGTH;
  const units = u8(bytes, at + 1);
  // An AH shorter than its fixed part would not move on by a multiple of eight either; eight bytes are there already.
  return header === IPPROTO_AH ? Math.max(8, (units + 2) * 4) : (units + 1) * 8;
};

export interface ExtensionHeader {
  readonly header: number;
  readonly next: number;
  readonly start: number;
  readonly end: number;
}

/** The extension headers of a decoded packet, as far as they were captured. */
export const extensionHeaders = (packet: Packet): ExtensionHeader[] => {
  const { bytes } = packet;
  const found: ExtensionHeader[] = [];
  let header = u8(bytes, packet.l3Offset + 6);
  let at = packet.l3Offset + IPV6_HEADER_LENGTH;
  while (isExtension(header) && at + 8 <= packet.end) {
    const end = at + extensionLength(bytes, header, at);
    if (end > packet.end) break;
    const next = u8(bytes, at);
    found.push({ header, next, start: at, end });
    if (header === IPPROTO_FRAGMENT && packet.fragmentOffset > 0) break;
    header = next;
    at = end;
  }
  return found;
};

/** tcpdump's short words, in front of the upper layer. */
export const summariseExtensions = (packet: Packet): string => {
  let words = '';
  for (const { header, start } of extensionHeaders(packet)) words += `${extensionWord(packet, header, start)} `;
  return words;
};

const extensionWord = (packet: Packet, header: number, at: number): string => {
  switch (header) {
    case IPPROTO_HOPOPTS:
      return 'HBH';
    case IPPROTO_ROUTING:
      return `RT (type ${u8(packet.bytes, at + 2)})`;
    case IPPROTO_DSTOPTS:
      return 'DSTOPT';
    case IPPROTO_AH:
      return `AH(spi=${hex(u32be(packet.bytes, at + 4), 8)})`;
    default: {
      const length = packet.l3Offset + packet.ipLength - (at + FRAGMENT_LENGTH);
      return `frag (${packet.fragmentOffset}|${Math.max(0, length)})`;
    }
  }
};

export const describeIpv6 = (packet: Packet): LayerView[] => {
  const { bytes, l3Offset: at } = packet;
  const next = u8(bytes, at + 6);
  const fields: LayerField[] = [
    field('source', formatIp(ipv6(packet.srcA, packet.srcB, packet.srcC, packet.srcD))),
    field('destination', formatIp(ipv6(packet.dstA, packet.dstB, packet.dstC, packet.dstD))),
    field('next header', `${protocolName(next)} (${next})`),
    field('hop limit', packet.ttl),
    field('payload length', u16be(bytes, at + 4)),
    trafficClassField(packet.tos),
    field('flow label', hex(u32be(bytes, at) & 0xf_ffff, 5)),
  ];
  const views: LayerView[] = [{ name: 'IPv6', fields, start: at, end: at + IPV6_HEADER_LENGTH }];
  for (const extension of extensionHeaders(packet)) views.push(describeExtension(packet, extension));
  return views;
};

const describeExtension = (packet: Packet, { header, next, start, end }: ExtensionHeader): LayerView => {
  const { bytes } = packet;
  const fields: LayerField[] = [field('next header', `${protocolName(next)} (${next})`), field('length', end - start)];
  if (header === IPPROTO_FRAGMENT) {
    fields.push(
      field('fragment offset', packet.fragmentOffset),
      field('more fragments', packet.moreFragments ? 'yes' : 'no'),
      field('identification', hex(packet.ipId, 8)),
    );
  } else if (header === IPPROTO_ROUTING) {
    fields.push(field('routing type', u8(bytes, start + 2)), field('segments left', u8(bytes, start + 3)));
  } else if (header === IPPROTO_AH) fields.push(field('SPI', hex(u32be(bytes, start + 4), 8)));
  return { name: `IPv6 ${extensionName(header)}`, fields, start, end };
};

const extensionName = (header: number): string => {
  switch (header) {
    case IPPROTO_HOPOPTS:
      return 'hop-by-hop options';
    case IPPROTO_ROUTING:
      return 'routing header';
    case IPPROTO_FRAGMENT:
      return 'fragment header';
    case IPPROTO_DSTOPTS:
      return 'destination options';
    default:
      return 'authentication header';
  }
};
