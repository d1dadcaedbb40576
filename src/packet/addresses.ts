/** A packet's addresses as values that outlive it. */
import { type IpAddress, ipv4, ipv6 } from '../base/ip-address.ts';
import { L3_ARP, L3_IPV4, L3_IPV6, type Packet } from './packet.ts';

/** The sender: of ARP its protocol address. Null where the packet has no IP address, or it was cut off. */
export const srcIp = (packet: Packet): IpAddress | null => {
  if (isIpv4(packet)) return ipv4(packet.srcA);
  return packet.l3 === L3_IPV6 ? ipv6(packet.srcA, packet.srcB, packet.srcC, packet.srcD) : null;
};

/** The receiver: of ARP the address asked about, or asked for it. */
export const dstIp = (packet: Packet): IpAddress | null => {
  if (isIpv4(packet)) return ipv4(packet.dstA);
  return packet.l3 === L3_IPV6 ? ipv6(packet.dstA, packet.dstB, packet.dstC, packet.dstD) : null;
};

const isIpv4 = (packet: Packet): boolean => packet.l3 === L3_IPV4 || (packet.l3 === L3_ARP && packet.arpSenderMac >= 0);
