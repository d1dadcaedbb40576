/** BSD loopback, four bytes of address family: LINKTYPE_NULL in the byte order of the capturing machine, LINKTYPE_LOOP in network order. */
import { u32be, u32le } from '../base/bytes.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { decodeNetwork, ETHERTYPE_IP, ETHERTYPE_IPV6 } from './ether-type.ts';
import { field, type LayerView } from './layer-view.ts';
import { L3_OTHER, LINKTYPE_NULL, type Packet } from './packet.ts';

export const LOOPBACK_HEADER_LENGTH = 4;

const AF_INET = 2;
/** AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS; 23 is Windows. */
const AF_INET6 = [10, 24, 28, 30, 23] as const;

export const decodeLoopback = (packet: Packet, at: number, limit: number): void => {
  if (!hasBytes(packet, at, LOOPBACK_HEADER_LENGTH, limit, 'loopback', 'loopback header cut short')) return;
  const family = addressFamily(packet, at);
  if (family === AF_INET) decodeNetwork(packet, ETHERTYPE_IP, at + LOOPBACK_HEADER_LENGTH, limit);
  else if (isInet6(family)) decodeNetwork(packet, ETHERTYPE_IPV6, at + LOOPBACK_HEADER_LENGTH, limit);
  else {
    packet.l3 = L3_OTHER;
    packet.l3Offset = at + LOOPBACK_HEADER_LENGTH;
    setPayload(packet, at + LOOPBACK_HEADER_LENGTH, limit);
  }
};

/** Families are small, so a value above 16 bits was written in the other byte order. */
const addressFamily = (packet: Packet, at: number): number => {
  const big = u32be(packet.bytes, at);
  return packet.linkType === LINKTYPE_NULL && big > 0xffff ? u32le(packet.bytes, at) : big;
};

const isInet6 = (family: number): boolean => {
  for (const value of AF_INET6) if (value === family) return true;
  return false;
};

export const describeLoopback = (packet: Packet): LayerView[] => {
  if (packet.start + LOOPBACK_HEADER_LENGTH > packet.end) return [];
  const family = addressFamily(packet, packet.start);
  const name = family === AF_INET ? `${family} (IPv4)` : isInet6(family) ? `${family} (IPv6)` : family;
  return [{ name: 'Loopback', fields: [field('family', name)], start: packet.start, end: packet.start + LOOPBACK_HEADER_LENGTH }];
};
