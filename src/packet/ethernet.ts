/** Ethernet II frames and the 802.1Q tags behind their addresses. IEEE 802.3, 802.1Q. */
import { join48, u16be } from '../base/bytes.ts';
import { formatMac } from '../base/ip-address.ts';
import { hasBytes } from './bounds.ts';
import { decodeEtherType, etherTypeName, isVlanType } from './ether-type.ts';
import { field, hex, type LayerField, type LayerView } from './layer-view.ts';
import type { Packet } from './packet.ts';

const HEADER_LENGTH = 14;
const TAG_LENGTH = 4;

export const decodeEthernet = (packet: Packet, at: number, limit: number): void => {
  if (!hasBytes(packet, at, HEADER_LENGTH, limit, 'ethernet', 'Ethernet header cut short')) return;
  packet.dstMac = join48(u16be(packet.bytes, at), u16be(packet.bytes, at + 2), u16be(packet.bytes, at + 4));
  packet.srcMac = join48(u16be(packet.bytes, at + 6), u16be(packet.bytes, at + 8), u16be(packet.bytes, at + 10));
  decodeEtherType(packet, u16be(packet.bytes, at + 12), at + HEADER_LENGTH, limit);
};

export const describeEthernet = (packet: Packet): LayerView[] => {
  if (packet.dstMac < 0) return [];
  const views: LayerView[] = [];
  const type = u16be(packet.bytes, packet.start + 12);
  views.push({
    name: 'Ethernet',
    fields: [field('source', formatMac(packet.srcMac)), field('destination', describeMac(packet.dstMac)), typeField(type)],
    start: packet.start,
    end: packet.start + HEADER_LENGTH,
  });
  return [...views, ...describeTags(packet, type, packet.start + HEADER_LENGTH)];
};

/** The tags that follow a type field, whatever the link layer. `at` is the first byte behind that field. */
export const describeTags = (packet: Packet, type: number, at: number): LayerView[] => {
  const views: LayerView[] = [];
  let etherType = type;
  let offset = at;
  while (isVlanType(etherType) && offset + TAG_LENGTH <= packet.end) {
    const control = u16be(packet.bytes, offset);
    const next = u16be(packet.bytes, offset + 2);
    views.push({
      name: etherTypeName(etherType),
      fields: [
        field('VLAN', control & 0x0fff),
        field('priority', control >>> 13),
        field('drop eligible', (control & 0x1000) === 0 ? 'no' : 'yes'),
        typeField(next),
      ],
      start: offset,
      end: offset + TAG_LENGTH,
    });
    etherType = next;
    offset += TAG_LENGTH;
  }
  return views;
};

export const typeField = (type: number): LayerField =>
  type < 0x0600 ? field('802.3 length', type) : field('type', `${etherTypeName(type)} (${hex(type, 4)})`);

/** The lowest bit of the first octet marks a group address. */
const describeMac = (mac: number): string => {
  if (mac === 0xffff_ffff_ffff) return `${formatMac(mac)} (broadcast)`;
  return Math.floor(mac / 0x100_0000_0000) % 2 === 1 ? `${formatMac(mac)} (multicast)` : formatMac(mac);
};
