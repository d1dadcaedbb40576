/**
 * Bytes to a Packet: one pass, no allocation once the Packet has been used. A layer that cannot be read leaves those before it
 * as they are and says why in `truncatedIn` (cut off by the capture) or `malformed` (wrong in itself). Nothing here throws.
 */
import { u8 } from '../base/bytes.ts';
import { hasBytes } from './bounds.ts';
import { decodeSll, decodeSll2 } from './cooked.ts';
import { decodeEthernet } from './ethernet.ts';
import { decodeIpv4 } from './ipv4.ts';
import { decodeIpv6 } from './ipv6.ts';
import { decodeLoopback } from './loopback.ts';
import {
  INNER_NONE,
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
  type Packet,
} from './packet.ts';
import { resetPacket } from './reset.ts';

/** How many packets deep a packet is looked into: an error about a tunnel's packet about a packet. */
export const MAX_INNER_DEPTH = 3;

/** Resets `packet` and fills it from the frame in `bytes` between `start` and `end`. The caller sets its time and interface. */
export const decodePacket = (
  packet: Packet,
  bytes: Uint8Array,
  start: number,
  end: number,
  originalLength: number,
  linkType: number,
): void => {
  decodeFrame(packet, bytes, start, end, originalLength, linkType);
  if (packet.innerKind !== INNER_NONE) decodeInner(packet);
};

const decodeInner = (outermost: Packet): void => {
  let carrier = outermost;
  for (let depth = 0; carrier.innerKind !== INNER_NONE && carrier.inner !== null; depth++) {
    if (depth === MAX_INNER_DEPTH) {
      carrier.innerKind = INNER_NONE;
      return;
    }
    const { inner } = carrier;
    decodeFrame(inner, inner.bytes, inner.start, inner.end, inner.originalLength, inner.linkType);
    carrier = inner;
  }
};

const decodeFrame = (packet: Packet, bytes: Uint8Array, start: number, end: number, originalLength: number, linkType: number): void => {
  resetPacket(packet);
  const to = Math.min(end, bytes.length);
  const from = Math.min(start, to);
  const captured = to - from;
  packet.bytes = bytes;
  packet.start = from;
  packet.end = to;
  packet.originalLength = Math.max(originalLength, captured);
  packet.linkType = linkType;
  decodeLink(packet, from, from + packet.originalLength);
  if (captured < packet.originalLength && packet.truncatedIn === '')
    packet.truncatedIn = packet.payloadCaptured < packet.payloadLength ? 'payload' : 'trailer';
};

const decodeLink = (packet: Packet, at: number, limit: number): void => {
  switch (packet.linkType) {
    case LINKTYPE_ETHERNET:
      decodeEthernet(packet, at, limit);
      return;
    case LINKTYPE_LINUX_SLL:
      decodeSll(packet, at, limit);
      return;
    case LINKTYPE_LINUX_SLL2:
      decodeSll2(packet, at, limit);
      return;
    case LINKTYPE_RAW:
      decodeRaw(packet, at, limit);
      return;
    case LINKTYPE_IPV4:
      decodeIpv4(packet, at, limit);
      return;
    case LINKTYPE_IPV6:
      decodeIpv6(packet, at, limit);
      return;
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      decodeLoopback(packet, at, limit);
      return;
    default:
      // A link type without a decoder: the frame is kept as bytes.
      return;
  }
};

/** LINKTYPE_RAW: the version number tells which. */
const decodeRaw = (packet: Packet, at: number, limit: number): void => {
  if (!hasBytes(packet, at, 1, limit, 'ip', 'empty packet')) return;
  const version = u8(packet.bytes, at) >>> 4;
  if (version === 4) decodeIpv4(packet, at, limit);
  else if (version === 6) decodeIpv6(packet, at, limit);
  else packet.malformed = 'IP packet of an unknown version';
};
