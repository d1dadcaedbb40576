/** ICMP errors and the flow that they report on, found by the packet that they quote. RFC 792, RFC 4443 section 2.4. */
import { type IpAddress, ipv4, ipv6, sameIp } from '../base/ip-address.ts';
import { INNER_QUOTED, L3_IPV4, L3_IPV6, type Packet } from '../packet/packet.ts';
import { type Direction, type Flow, ORIGINAL, type QuotedPacket } from './flow.ts';

/** The packet that is quoted, or null where the packet is no error or too little of the quote is there. */
export const quotedIn = (packet: Packet): Packet | null => {
  const { inner } = packet;
  if (packet.innerKind !== INNER_QUOTED || inner === null) return null;
  return inner.l3 === L3_IPV4 || inner.l3 === L3_IPV6 ? inner : null;
};

/** Notes the error on the flow. `direction` is that of the error itself. */
export const reportError = (flow: Flow, packet: Packet, direction: Direction): void => {
  const version = packet.l3 === L3_IPV4 ? 4 : 6;
  const from = senderOf(packet);
  const { error } = flow;
  if (error !== null && error.type === packet.icmpType && error.code === packet.icmpCode && sameIp(error.from, from)) error.count++;
  else flow.error = { version, type: packet.icmpType, code: packet.icmpCode, from, count: 1 };
  flow.errorPackets ??= [0, 0];
  flow.errorPackets[direction]++;
};

/** What a flow of its own, for an error whose flow was not seen, keeps of the quote. */
export const quoteOf = (quoted: Packet): QuotedPacket => ({
  protocol: quoted.protocol,
  src: senderOf(quoted),
  dst: quoted.l3 === L3_IPV4 ? ipv4(quoted.dstA) : ipv6(quoted.dstA, quoted.dstB, quoted.dstC, quoted.dstD),
  srcPort: quoted.srcPort,
  dstPort: quoted.dstPort,
});

/** An error goes back to whoever sent the packet that it quotes. */
export const opposite = (direction: Direction): Direction => (direction === ORIGINAL ? 1 : 0);

const senderOf = (packet: Packet): IpAddress =>
  packet.l3 === L3_IPV4 ? ipv4(packet.srcA) : ipv6(packet.srcA, packet.srcB, packet.srcC, packet.srcD);
