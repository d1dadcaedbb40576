/** The fields of a traced packet out of its bytes, from the IP header on. RFC 791, RFC 8200, RFC 792, RFC 4443. */
import { u8, u16be, u32be } from '../base/bytes.ts';
import { ipv4, ipv6 } from '../base/ip-address.ts';
import { transportOffset } from '../netfilter/header.ts';
import { hasPorts, IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../netfilter/protocols.ts';
import { NO_PACKET, type TracePacket } from './event.ts';

/** Headers that come before the transport header: hop-by-hop, routing, fragment, AH, destination options. */
export const EXTENSION_HEADERS: ReadonlySet<number> = new Set([0, 43, 44, 51, 60]);

/** Null where the bytes are no IP packet. */
export const packetOfBytes = (bytes: Uint8Array): TracePacket | null => {
  if (bytes.length < 20) return null;
  const version = u8(bytes, 0) >> 4;
  if (version === 4) {
    const protocol = u8(bytes, 9);
    return withTransport(bytes, protocol, {
      ...NO_PACKET,
      src: ipv4(u32be(bytes, 12)),
      dst: ipv4(u32be(bytes, 16)),
      protocol,
      ipId: u16be(bytes, 4),
      lengthBytes: u16be(bytes, 2),
      ttl: u8(bytes, 8),
    });
  }
  if (version !== 6 || bytes.length < 40) return null;
  const protocol = transportProtocol(bytes);
  const word = (at: number): number => u32be(bytes, at);
  return withTransport(bytes, protocol, {
    ...NO_PACKET,
    src: ipv6(word(8), word(12), word(16), word(20)),
    dst: ipv6(word(24), word(28), word(32), word(36)),
    protocol,
    flowLabel: u32be(bytes, 0) & 0xf_ffff,
    lengthBytes: 40 + u16be(bytes, 4),
    ttl: u8(bytes, 7),
  });
};

const transportProtocol = (bytes: Uint8Array): number => {
  let next = u8(bytes, 6);
  let at = 40;
  while (EXTENSION_HEADERS.has(next) && at + 8 <= bytes.length) {
    const lengthBytes = next === 44 ? 8 : next === 51 ? (u8(bytes, at + 1) + 2) * 4 : (u8(bytes, at + 1) + 1) * 8;
    next = u8(bytes, at);
    at += lengthBytes;
  }
  return next;
};

const withTransport = (bytes: Uint8Array, protocol: number, packet: TracePacket): TracePacket => {
  const at = transportOffset(bytes, protocol);
  if (at === null) return packet;
  if (hasPorts(protocol) && at + 4 <= bytes.length) return { ...packet, srcPort: u16be(bytes, at), dstPort: u16be(bytes, at + 2) };
  if ((protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6) && at + 8 <= bytes.length) {
    return {
      ...packet,
      icmpType: u8(bytes, at),
      icmpCode: u8(bytes, at + 1),
      icmpId: u16be(bytes, at + 4),
      icmpSequence: u16be(bytes, at + 6),
    };
  }
  return packet;
};
