/** UDP: RFC 768; the length field of jumbograms RFC 2675. */
import { u16be } from '../base/bytes.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { field, hex, type LayerField, type LayerView } from './layer-view.ts';
import { L3_IPV6, type Packet } from './packet.ts';
import { portWords } from './protocols.ts';
import { decodeVxlan, isVxlanPort } from './vxlan.ts';

export const UDP_HEADER_LENGTH = 8;

export const decodeUdp = (packet: Packet, at: number, limit: number): void => {
  const { bytes } = packet;
  if (!hasBytes(packet, at, UDP_HEADER_LENGTH, limit, 'udp', 'UDP header cut short')) {
    if (Math.min(limit, packet.end) - at >= 4) decodePorts(packet, at);
    return;
  }
  decodePorts(packet, at);
  const length = u16be(bytes, at + 4);
  let udpEnd = at + length;
  if (length === 0 && packet.l3 === L3_IPV6) udpEnd = limit;
  else if (length < UDP_HEADER_LENGTH) {
    packet.malformed = 'UDP length below 8 bytes';
    return;
  } else if (udpEnd > limit) {
    // The rest of a datagram in fragments comes in other packets.
    if (!packet.isFragment) packet.malformed = 'UDP length goes beyond the IP packet';
    udpEnd = limit;
  }
  setPayload(packet, at + UDP_HEADER_LENGTH, udpEnd);
  if (isVxlanPort(packet.dstPort)) decodeVxlan(packet, at + UDP_HEADER_LENGTH, udpEnd);
};

const decodePorts = (packet: Packet, at: number): void => {
  packet.srcPort = u16be(packet.bytes, at);
  packet.dstPort = u16be(packet.bytes, at + 2);
};

/** The length that the header claims; of a jumbogram, which claims none, that of the packet. */
export const summariseUdp = (packet: Packet): string => {
  if (packet.payloadOffset < 0) return 'udp';
  const claimed = u16be(packet.bytes, packet.l4Offset + 4);
  return `UDP, length ${claimed === 0 ? packet.payloadLength : claimed - UDP_HEADER_LENGTH}`;
};

export const describeUdp = (packet: Packet): LayerView[] => {
  const { bytes, l4Offset: at } = packet;
  const fields: LayerField[] = [];
  if (packet.srcPort >= 0)
    fields.push(field('source port', portWords(packet.srcPort)), field('destination port', portWords(packet.dstPort)));
  if (at + UDP_HEADER_LENGTH <= packet.end) {
    const checksum = u16be(bytes, at + 6);
    fields.push(field('length', u16be(bytes, at + 4)), field('checksum', checksum === 0 ? 'none' : hex(checksum, 4)));
  }
  return [{ name: 'UDP', fields, start: at, end: Math.min(at + UDP_HEADER_LENGTH, packet.end) }];
};
