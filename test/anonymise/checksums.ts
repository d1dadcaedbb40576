/** Which checksums of a packet are right, all the way in: null where not all that one covers was captured. RFC 1071. */
import { u8, u16be } from '../../src/base/bytes.ts';
import {
  INNER_NONE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  L3_IPV4,
  L3_IPV6,
  type Packet,
} from '../../src/packet/packet.ts';

const sum = (bytes: Uint8Array, from: number, to: number): number => {
  let total = 0;
  for (let at = from; at < to; at += 2) total += at + 1 < to ? u16be(bytes, at) : u8(bytes, at) * 256;
  return total;
};

const isRight = (total: number): boolean => total > 0 && total % 0xffff === 0;

export const checksumsOf = (packet: Packet): readonly (boolean | null)[] => {
  const found: (boolean | null)[] = [];
  const { bytes, l3, l3Offset: at, l4Offset: l4, protocol } = packet;
  if (l3 === L3_IPV4 && at + 20 <= packet.end) {
    const headerEnd = at + (u8(bytes, at) & 15) * 4;
    found.push(headerEnd <= packet.end ? isRight(sum(bytes, at, headerEnd)) : null);
  }
  if ((l3 === L3_IPV4 || l3 === L3_IPV6) && l4 > 0 && packet.fragmentOffset <= 0) found.push(transportChecksum(packet, at, l4, protocol));
  if (packet.innerKind !== INNER_NONE && packet.inner !== null) found.push(...checksumsOf(packet.inner));
  return found;
};

const transportChecksum = ({ bytes, l3, end }: Packet, at: number, l4: number, protocol: number): boolean | null => {
  const isIpv4 = l3 === L3_IPV4;
  const length = isIpv4 ? u16be(bytes, at + 2) - (l4 - at) : u16be(bytes, at + 4) - (l4 - at - 40);
  if (length <= 0 || l4 + length > end || ![IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP].includes(protocol)) return null;
  if (protocol === IPPROTO_UDP && u16be(bytes, l4 + 6) === 0) return null;
  const pseudo = isIpv4 ? sum(bytes, at + 12, at + 20) : sum(bytes, at + 8, at + 40);
  return isRight(sum(bytes, l4, l4 + length) + (protocol === IPPROTO_ICMP ? 0 : pseudo + protocol + length));
};
