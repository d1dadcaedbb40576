/** The packet that an ICMP or ICMPv6 error quotes: RFC 792, RFC 4443; where the quote ends when extensions follow it, RFC 4884. */
import { u8, u16be } from '../base/bytes.ts';
import { beginInner } from './inner.ts';
import { INNER_QUOTED, LINKTYPE_IPV4, LINKTYPE_IPV6, type Packet } from './packet.ts';

const QUOTE_OFFSET = 8;

/**
 * `wordLength` is the size of a word of the RFC 4884 length field, which counts the quote where extensions follow.
 * The original length is what the quoted header claims: a quote is short by design, and that is truncation, not a defect.
 */
export const quotePacket = (packet: Packet, at: number, limit: number, version: 4 | 6, words: number, wordLength: number): void => {
  const start = at + QUOTE_OFFSET;
  const stop = words === 0 ? limit : Math.min(limit, start + words * wordLength);
  const end = Math.min(stop, packet.end);
  if (end <= start) return;
  beginInner(packet, INNER_QUOTED, start, end, quotedLength(packet, start, stop, version), version === 4 ? LINKTYPE_IPV4 : LINKTYPE_IPV6);
};

const quotedLength = (packet: Packet, start: number, stop: number, version: 4 | 6): number => {
  const { bytes } = packet;
  const quoted = stop - start;
  if (start + 6 > packet.end || u8(bytes, start) >>> 4 !== version) return quoted;
  const claimed = version === 4 ? u16be(bytes, start + 2) : 40 + u16be(bytes, start + 4);
  return Math.max(quoted, claimed);
};

/** `10.0.0.2 udp port 53`, or the address alone: what an unreachable message is about, in tcpdump's words. */
export const quotedTarget = (packet: Packet, destination: string, protocol: string): string => {
  const { inner } = packet;
  return inner === null || inner.dstPort < 0 ? destination : `${destination} ${protocol} port ${inner.dstPort}`;
};
