/** All layers of a packet for the detail view, outermost first, those of the packet inside after those of the one around it. */
import { printable } from '../base/printable.ts';
import { describeArp } from './arp.ts';
import { describeCooked } from './cooked.ts';
import { describeDns } from './dns-view.ts';
import { otherName } from './ether-type.ts';
import { describeEthernet } from './ethernet.ts';
import { describeIcmp } from './icmp.ts';
import { describeIcmpv6 } from './icmpv6.ts';
import { describeIpv4 } from './ipv4.ts';
import { describeIpv6 } from './ipv6.ts';
import { field, type LayerField, type LayerView } from './layer-view.ts';
import { describeLoopback } from './loopback.ts';
import {
  INNER_NONE,
  INNER_QUOTED,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  L3_ARP,
  L3_IPV4,
  L3_IPV6,
  L3_OTHER,
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  type Packet,
} from './packet.ts';
import { protocolName } from './protocols.ts';
import { describeSctp } from './sctp.ts';
import { describeTcp } from './tcp.ts';
import { describeUdp } from './udp.ts';
import { describeVxlan } from './vxlan.ts';

export type { LayerField, LayerView } from './layer-view.ts';

/** The first view is the frame itself. Every text in the answer is safe to print. */
export const describeLayers = (packet: Packet): readonly LayerView[] =>
  [describeFrame(packet), ...describeFrom(packet, '')].map(({ name, fields, start, end }) => ({
    name,
    fields: fields.map(({ label, value }) => ({ label, value: printable(value) })),
    start,
    end,
  }));

const describeFrame = (packet: Packet): LayerView => {
  const fields: LayerField[] = [field('length on the wire', `${packet.originalLength} bytes`)];
  const captured = packet.end - packet.start;
  if (captured < packet.originalLength) fields.push(field('captured', `${captured} bytes`));
  fields.push(...describeDefects(packet));
  return { name: 'Frame', fields, start: packet.start, end: packet.end };
};

const describeDefects = (packet: Packet): LayerField[] => {
  const fields: LayerField[] = [];
  if (packet.truncatedIn !== '') fields.push(field('cut off in', packet.truncatedIn));
  if (packet.malformed !== '') fields.push(field('malformed', packet.malformed));
  return fields;
};

/** `prefix` tells the layers of an inner packet from those around it. */
const describeFrom = (packet: Packet, prefix: string): LayerView[] => {
  const views = [...describeLink(packet), ...describeNetwork(packet)].map((view) => ({ ...view, name: `${prefix}${view.name}` }));
  const { inner } = packet;
  if (packet.innerKind === INNER_NONE || inner === null) return views;
  const carried = describeFrom(inner, packet.innerKind === INNER_QUOTED ? 'quoted ' : 'carried ');
  const [first, ...rest] = carried;
  if (first === undefined) return views;
  // A quote is cut short by design, so only what is wrong with it is told.
  const defects =
    packet.innerKind === INNER_QUOTED ? describeDefects(inner).filter(({ label }) => label === 'malformed') : describeDefects(inner);
  return [...views, { ...first, fields: [...first.fields, ...defects] }, ...rest];
};

const describeLink = (packet: Packet): LayerView[] => {
  switch (packet.linkType) {
    case LINKTYPE_ETHERNET:
      return describeEthernet(packet);
    case LINKTYPE_LINUX_SLL:
    case LINKTYPE_LINUX_SLL2:
      return describeCooked(packet);
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      return describeLoopback(packet);
    default:
      return [];
  }
};

const describeNetwork = (packet: Packet): LayerView[] => {
  switch (packet.l3) {
    case L3_ARP:
      return describeArp(packet);
    case L3_IPV4:
      return [...describeIpv4(packet), ...describeTransport(packet)];
    case L3_IPV6:
      return [...describeIpv6(packet), ...describeTransport(packet)];
    case L3_OTHER:
      return [payloadView(packet, otherName(packet))];
    default:
      return [];
  }
};

const describeTransport = (packet: Packet): LayerView[] => {
  const views = transportViews(packet);
  if (packet.innerKind !== INNER_NONE || packet.payloadCaptured === 0) return views;
  const covered = views.at(-1)?.end ?? packet.payloadOffset;
  return covered > packet.payloadOffset ? views : [...views, payloadView(packet, payloadName(packet))];
};

const payloadName = (packet: Packet): string => {
  if (packet.l4Offset < 0) return packet.isFragment ? `fragment of ${protocolName(packet.protocol)}` : 'payload';
  return packet.payloadOffset === packet.l4Offset ? protocolName(packet.protocol) : 'payload';
};

const payloadView = (packet: Packet, name: string): LayerView => ({
  name,
  fields: [field('length', `${packet.payloadLength} bytes`)],
  start: packet.payloadOffset,
  end: packet.payloadOffset + packet.payloadCaptured,
});

const transportViews = (packet: Packet): LayerView[] => {
  if (packet.l4Offset < 0) return [];
  const { protocol } = packet;
  if (protocol === IPPROTO_TCP) return [...describeTcp(packet), ...describeDns(packet)];
  if (protocol === IPPROTO_UDP) return [...describeUdp(packet), ...(packet.vni < 0 ? describeDns(packet) : describeVxlan(packet))];
  if (protocol === IPPROTO_SCTP) return describeSctp(packet);
  if (protocol === IPPROTO_ICMP && packet.l3 === L3_IPV4) return describeIcmp(packet);
  if (protocol === IPPROTO_ICMPV6 && packet.l3 === L3_IPV6) return describeIcmpv6(packet);
  return [];
};
