/** VXLAN: RFC 7348. Linux used UDP port 8472 before IANA assigned 4789, and flannel still does. */
import { u8, u32be } from '../base/bytes.ts';
import { hasBytes } from './bounds.ts';
import { beginInner } from './inner.ts';
import { field, hex, type LayerView } from './layer-view.ts';
import { INNER_VXLAN, LINKTYPE_ETHERNET, type Packet } from './packet.ts';

export const VXLAN_PORT = 4789;
export const VXLAN_PORT_LINUX = 8472;
export const VXLAN_HEADER_LENGTH = 8;
const VXLAN_FLAG_VNI = 0x08;

export const isVxlanPort = (port: number): boolean => port === VXLAN_PORT || port === VXLAN_PORT_LINUX;

/** Without the I flag there is no valid network identifier, and the datagram stays plain UDP. Fragments carry no whole frame. */
export const decodeVxlan = (packet: Packet, at: number, limit: number): void => {
  if (at + 1 > Math.min(limit, packet.end) || (u8(packet.bytes, at) & VXLAN_FLAG_VNI) === 0) return;
  if (!hasBytes(packet, at, VXLAN_HEADER_LENGTH, limit, 'vxlan', 'VXLAN header cut short')) return;
  packet.vni = u32be(packet.bytes, at + 4) >>> 8;
  const carried = at + VXLAN_HEADER_LENGTH;
  const end = Math.min(limit, packet.end);
  beginInner(packet, INNER_VXLAN, carried, end, limit - carried, LINKTYPE_ETHERNET);
};

/** The carried frame follows in the line. */
export const summariseVxlan = (packet: Packet): string => `VXLAN vni ${packet.vni}`;

export const describeVxlan = (packet: Packet): LayerView[] => [
  {
    name: 'VXLAN',
    fields: [field('VNI', packet.vni), field('flags', hex(u8(packet.bytes, packet.payloadOffset), 2))],
    start: packet.payloadOffset,
    end: packet.payloadOffset + VXLAN_HEADER_LENGTH,
  },
];
