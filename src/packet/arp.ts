/** ARP for IPv4 over Ethernet: RFC 826, address probes and announcements RFC 5227. */
import { join16, join48, u8, u16be } from '../base/bytes.ts';
import { formatIp, formatMac, ipv4 } from '../base/ip-address.ts';
import { hasBytes } from './bounds.ts';
import { field, type LayerView } from './layer-view.ts';
import { L3_ARP, type Packet } from './packet.ts';

export const ARPOP_REQUEST = 1;
export const ARPOP_REPLY = 2;

/** Hardware type, protocol type, both address lengths, operation. */
const FIXED_LENGTH = 8;
const ETHERNET_IPV4_LENGTH = 28;
const ETHERTYPE_IP = 0x0800;

export const decodeArp = (packet: Packet, at: number, limit: number): void => {
  if (!hasBytes(packet, at, FIXED_LENGTH, limit, 'arp', 'ARP header cut short')) return;
  const { bytes } = packet;
  packet.l3 = L3_ARP;
  packet.l3Offset = at;
  packet.arpOp = u16be(bytes, at + 6);
  if (!isEthernetIpv4(packet, at)) {
    const length = FIXED_LENGTH + 2 * (u8(bytes, at + 4) + u8(bytes, at + 5));
    hasBytes(packet, at, length, limit, 'arp', 'ARP addresses cut short');
    return;
  }
  if (!hasBytes(packet, at, ETHERNET_IPV4_LENGTH, limit, 'arp', 'ARP addresses cut short')) return;
  packet.arpSenderMac = join48(u16be(bytes, at + 8), u16be(bytes, at + 10), u16be(bytes, at + 12));
  packet.srcA = join16(u16be(bytes, at + 14), u16be(bytes, at + 16));
  packet.arpTargetMac = join48(u16be(bytes, at + 18), u16be(bytes, at + 20), u16be(bytes, at + 22));
  packet.dstA = join16(u16be(bytes, at + 24), u16be(bytes, at + 26));
};

const isEthernetIpv4 = (packet: Packet, at: number): boolean =>
  u16be(packet.bytes, at + 2) === ETHERTYPE_IP && u8(packet.bytes, at + 4) === 6 && u8(packet.bytes, at + 5) === 4;

const operationName = (operation: number): string => {
  switch (operation) {
    case ARPOP_REQUEST:
      return 'Request';
    case ARPOP_REPLY:
      return 'Reply';
    case 3:
      return 'Reverse Request';
    case 4:
      return 'Reverse Reply';
    default:
      return `operation ${operation}`;
  }
};

/** What was captured of the frame behind the link layer: tcpdump counts Ethernet's padding in. */
export const summariseArp = (packet: Packet): string => {
  const length = packet.start + packet.originalLength - packet.l3Offset;
  if (packet.arpSenderMac < 0) return `ARP, ${operationName(packet.arpOp)}, length ${length}`;
  const sender = formatIp(ipv4(packet.srcA));
  const target = formatIp(ipv4(packet.dstA));
  switch (packet.arpOp) {
    case ARPOP_REQUEST: {
      const asked = packet.arpTargetMac === 0 || packet.arpTargetMac === 0xffff_ffff_ffff ? '' : ` (${formatMac(packet.arpTargetMac)})`;
      if (packet.srcA === packet.dstA) return `ARP, Announcement ${sender}, length ${length}`;
      if (packet.srcA === 0) return `ARP, Probe ${target}, length ${length}`;
      return `ARP, Request who-has ${target}${asked} tell ${sender}, length ${length}`;
    }
    case ARPOP_REPLY:
      return `ARP, Reply ${sender} is-at ${formatMac(packet.arpSenderMac)}, length ${length}`;
    default:
      return `ARP, ${operationName(packet.arpOp)} ${sender} ${formatMac(packet.arpSenderMac)}, length ${length}`;
  }
};

export const describeArp = (packet: Packet): LayerView[] => {
  const { bytes, l3Offset: at } = packet;
  const fields = [
    field('operation', `${operationName(packet.arpOp).toLowerCase()} (${packet.arpOp})`),
    field('hardware type', u16be(bytes, at)),
    field(
      'protocol type',
      `0x${u16be(bytes, at + 2)
        .toString(16)
        .padStart(4, '0')}`,
    ),
  ];
  if (packet.arpSenderMac < 0) return [{ name: 'ARP', fields, start: at, end: at + FIXED_LENGTH }];
  fields.push(
    field('sender', `${formatIp(ipv4(packet.srcA))} at ${formatMac(packet.arpSenderMac)}`),
    field('target', `${formatIp(ipv4(packet.dstA))} at ${formatMac(packet.arpTargetMac)}`),
  );
  return [{ name: 'ARP', fields, start: at, end: at + ETHERNET_IPV4_LENGTH }];
};
