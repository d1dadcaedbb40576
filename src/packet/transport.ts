/** From the IANA protocol number to the upper layer's decoder; a protocol without one leaves its bytes as payload. */
import { setPayload } from './bounds.ts';
import { decodeIcmp } from './icmp.ts';
import { decodeIcmpv6 } from './icmpv6.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, L3_IPV4, L3_IPV6, type Packet } from './packet.ts';
import { decodeSctp } from './sctp.ts';
import { decodeTcp } from './tcp.ts';
import { decodeUdp } from './udp.ts';

/** `limit` is where the IP packet ends. ICMP counts only in its own family: the kernel hands no other to its handler. */
export const decodeTransport = (packet: Packet, protocol: number, at: number, limit: number): void => {
  packet.l4Offset = at;
  if (protocol === IPPROTO_TCP) decodeTcp(packet, at, limit);
  else if (protocol === IPPROTO_UDP) decodeUdp(packet, at, limit);
  else if (protocol === IPPROTO_ICMP && packet.l3 === L3_IPV4) decodeIcmp(packet, at, limit);
  else if (protocol === IPPROTO_ICMPV6 && packet.l3 === L3_IPV6) decodeIcmpv6(packet, at, limit);
  else if (protocol === IPPROTO_SCTP) decodeSctp(packet, at, limit);
  else setPayload(packet, at, limit);
};
