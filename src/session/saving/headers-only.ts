/**
 * Saves packets without what they carry: each is cut behind its transport header, in tunnels and in what ICMP errors quote behind the
 * innermost one. Its original length stays. ARP and the control messages of ICMP, which carry nobody's data, are kept whole.
 */
import { decodePacket } from '../../packet/decode.ts';
import { INNER_NONE, L3_ARP, L3_IPV6, L3_NONE, L3_OTHER, Packet } from '../../packet/packet.ts';
import type { SessionTransform } from './transform.ts';

/** Router and timestamp messages: RFC 1256, RFC 792. */
const ICMP_WHOLE: ReadonlySet<number> = new Set([9, 10, 13, 14]);
/** Group, router and neighbour messages: RFC 2710, RFC 3810, RFC 4861. Not the redirect, which has a part of a packet in it. */
const ICMPV6_WHOLE: ReadonlySet<number> = new Set([130, 131, 132, 133, 134, 135, 136, 143]);
const ND_REDIRECT = 137;
/** Target and destination, RFC 4861 section 4.5. */
const ND_REDIRECT_ADDRESSES = 32;
/** What is kept of a transport header that cannot be read: ports, and no more than the shortest one has. */
const SHORTEST_TRANSPORT = 8;

/** A packet and the one that it carries or quotes, and so on: what is told of headers lies in the last of them. */
const innermost = (packet: Packet): Packet => {
  let last = packet;
  while (last.innerKind !== INNER_NONE && last.inner !== null) last = last.inner;
  return last;
};

/** Where the headers of the decoded packet end. */
const headersEnd = (outer: Packet): number => {
  const packet = innermost(outer);
  if (packet.l3 === L3_ARP) return packet.end;
  // A frame of a protocol that is not known here: all behind its link layer may be what it carries.
  if (packet.l3 === L3_NONE || packet.l3 === L3_OTHER) return packet.payloadOffset >= 0 ? packet.payloadOffset : packet.start;
  if (packet.payloadOffset < 0) return packet.l4Offset >= 0 ? packet.l4Offset + SHORTEST_TRANSPORT : packet.l3Offset;
  if (packet.l3 === L3_IPV6 && packet.icmpType === ND_REDIRECT) return packet.payloadOffset + ND_REDIRECT_ADDRESSES;
  const whole = packet.l3 === L3_IPV6 ? ICMPV6_WHOLE : ICMP_WHOLE;
  return whole.has(packet.icmpType) ? packet.payloadOffset + packet.payloadCaptured : packet.payloadOffset;
};

/** Keeps a decoder of its own: not to be shared between sessions that are written at once. */
export const headersOnly = (): SessionTransform => {
  const packet = new Packet();
  return {
    packet: (bytes, linkType, originalLength) => {
      decodePacket(packet, bytes, 0, bytes.length, originalLength, linkType);
      const end = Math.max(0, Math.min(bytes.length, headersEnd(packet)));
      return end === bytes.length ? bytes : bytes.subarray(0, end);
    },
  };
};
