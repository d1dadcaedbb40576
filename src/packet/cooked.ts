/** Linux cooked captures, what `tcpdump -i any` writes: LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2 of the tcpdump.org link-type list. */
import { join16, join48, u8, u16be } from '../base/bytes.ts';
import { formatMac } from '../base/ip-address.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { decodeEtherType, decodeLlc } from './ether-type.ts';
import { describeTags, typeField } from './ethernet.ts';
import { field, hex, type LayerField, type LayerView } from './layer-view.ts';
import { L3_OTHER, LINKTYPE_LINUX_SLL2, type Packet } from './packet.ts';

export const SLL_HEADER_LENGTH = 16;
export const SLL2_HEADER_LENGTH = 20;

/** sll_protocol values that are not EtherTypes. */
const LINUX_SLL_P_802_3 = 0x0001;
const LINUX_SLL_P_802_2 = 0x0004;

/** ARPHRD_ types whose frames have something else than an EtherType in the protocol field. */
const ARPHRD_NETLINK = 824;
const ARPHRD_FRAD = 770;
const ARPHRD_IEEE80211_RADIOTAP = 803;

const PACKET_TYPES = ['to us', 'broadcast', 'multicast', 'to another host', 'sent by us'] as const;

export const decodeSll = (packet: Packet, at: number, limit: number): void => {
  if (!hasBytes(packet, at, SLL_HEADER_LENGTH, limit, 'cooked', 'Linux cooked header cut short')) return;
  const { bytes } = packet;
  packet.cookedType = u16be(bytes, at);
  if (u16be(bytes, at + 4) === 6) packet.srcMac = join48(u16be(bytes, at + 6), u16be(bytes, at + 8), u16be(bytes, at + 10));
  decodeCooked(packet, u16be(bytes, at + 2), u16be(bytes, at + 14), at + SLL_HEADER_LENGTH, limit);
};

export const decodeSll2 = (packet: Packet, at: number, limit: number): void => {
  if (!hasBytes(packet, at, SLL2_HEADER_LENGTH, limit, 'cooked', 'Linux cooked header cut short')) return;
  const { bytes } = packet;
  packet.cookedIfindex = join16(u16be(bytes, at + 4), u16be(bytes, at + 6));
  packet.cookedType = u8(bytes, at + 10);
  if (u8(bytes, at + 11) === 6) packet.srcMac = join48(u16be(bytes, at + 12), u16be(bytes, at + 14), u16be(bytes, at + 16));
  decodeCooked(packet, u16be(bytes, at + 8), u16be(bytes, at), at + SLL2_HEADER_LENGTH, limit);
};

const decodeCooked = (packet: Packet, hardwareType: number, protocol: number, at: number, limit: number): void => {
  if (protocol === LINUX_SLL_P_802_2) decodeLlc(packet, at, limit);
  else if (protocol === LINUX_SLL_P_802_3 || !carriesEtherType(hardwareType)) {
    packet.l3 = L3_OTHER;
    packet.l3Offset = at;
    setPayload(packet, at, limit);
  } else decodeEtherType(packet, protocol, at, limit);
};

const carriesEtherType = (hardwareType: number): boolean =>
  hardwareType !== ARPHRD_NETLINK && hardwareType !== ARPHRD_FRAD && hardwareType !== ARPHRD_IEEE80211_RADIOTAP;

/** The word that tcpdump puts before a packet of the `any` device. */
export const cookedDirection = (cookedType: number): string => {
  switch (cookedType) {
    case 0:
      return 'In';
    case 1:
      return 'B';
    case 2:
      return 'M';
    case 3:
      return 'P';
    case 4:
      return 'Out';
    default:
      return `type ${cookedType}`;
  }
};

export const describeCooked = (packet: Packet): LayerView[] => {
  if (packet.cookedType < 0) return [];
  const second = packet.linkType === LINKTYPE_LINUX_SLL2;
  const { bytes, start } = packet;
  const length = second ? SLL2_HEADER_LENGTH : SLL_HEADER_LENGTH;
  const protocol = u16be(bytes, second ? start : start + 14);
  const fields: LayerField[] = [field('direction', PACKET_TYPES[packet.cookedType] ?? `type ${packet.cookedType}`)];
  if (second) fields.push(field('interface index', packet.cookedIfindex));
  fields.push(field('hardware type', u16be(bytes, second ? start + 8 : start + 2)));
  if (packet.srcMac >= 0) fields.push(field('source', formatMac(packet.srcMac)));
  fields.push(protocol < 0x0600 ? field('protocol', hex(protocol, 4)) : typeField(protocol));
  return [
    { name: second ? 'Linux cooked v2' : 'Linux cooked', fields, start, end: start + length },
    ...describeTags(packet, protocol, start + length),
  ];
};
