/**
 * From a packet seen at a capture point to the question about it: what did or will the host do with it. A packet that enters there
 * is the question itself; one that leaves is taken back to where it came in, its translations undone. Every assumption is told.
 */
import { formatIp, formatMac, sameIp } from '../../base/ip-address.ts';
import type { ConntrackEntry } from '../../host/facts.ts';
import { vxlansOf } from '../../host/vxlan.ts';
import { UNKNOWN_IN } from '../../netfilter/skb.ts';
import { dstIp, srcIp } from '../../packet/addresses.ts';
import { INNER_VXLAN, L3_ARP, type Packet } from '../../packet/packet.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import { isOfLink } from '../address-kinds.ts';
import { ConntrackIndex } from '../conntrack-index.ts';
import { directionAt, type Where } from '../direction.ts';
import { isLocalAddress } from '../env.ts';
import type { HostModel } from '../model.ts';
import { asSeen } from './as-seen.ts';
import { leaving } from './leaving.ts';
import { enteringAt, type Origin, type Seen, seenAs, transportOf } from './seen.ts';

export const specOfPacket = (model: HostModel, packet: Packet, point: CapturePoint, conntrack?: readonly ConntrackEntry[]): Origin => {
  const src = srcIp(packet);
  const dst = dstIp(packet);
  if (src === null || dst === null || packet.l3 === L3_ARP || packet.protocol < 0)
    return { unknown: 'no IP packet: the IP rules have no say in it' };
  const index = conntrack === undefined ? model.conntrack : new ConntrackIndex(conntrack);
  const seen = seenAs(packet, src, dst, index);
  // Without a host there is no direction either: the packet is asked about as it was seen.
  if (model.worlds !== undefined) return asSeen(model, seen, { in: UNKNOWN_IN }, []);
  const where = directionAt(model, packet, point, src, dst);
  switch (where.kind) {
    case 'unknown':
      return { unknown: where.reason };
    case 'local':
      return asSeen(model, seen, { in: null }, []);
    case 'sent':
      return seen.looks === 'first' ? asSeen(model, seen, { in: null, sender: where.container }, []) : answerSent(seen, where.container);
    case 'entering':
      return asSeen(model, seen, enteringAt(model, where.dev, where.port, packet), where.assumptions);
    case 'leaving':
      if (isOwnTunnel(model, seen)) return asSeen(model, seen, { in: null }, where.assumptions);
      return isOfLink(dst) ? onLink(model, seen, where) : leaving(model, seen, where.dev, where.toward, where.assumptions);
  }
};

/** Its question came by the tunnel: what of it was seen there is not at hand here. */
const answerSent = (seen: Seen, sender: string): Origin => ({
  spec: { in: null, sender, src: formatIp(seen.src), dst: formatIp(seen.dst), ...transportOf(seen), state: 'ESTABLISHED' },
  assumptions: ['taken as part of a conversation that its sender knows'],
});

/** What a VXLAN device of this host sends comes from the kernel itself: no other sender of such packets is looked for. */
const isOwnTunnel = (model: HostModel, { packet, src }: Seen): boolean =>
  packet.innerKind === INNER_VXLAN &&
  isLocalAddress(model, src) === true &&
  vxlansOf(model.facts).some(({ device }) => device.port === packet.dstPort && (device.vni === null || device.vni === packet.vni));

/** An address of the link is not routed: the packet came from another port of the same bridge, or the host sent it by this very device. */
const onLink = (model: HostModel, seen: Seen, { dev, port, assumptions }: Extract<Where, { readonly kind: 'leaving' }>): Origin => {
  const { packet, src } = seen;
  const from = packet.srcMac < 0 ? null : model.places.portOf(dev, packet.srcMac);
  if (from !== null && from !== port && model.isBridge(dev)) return asSeen(model, seen, enteringAt(model, dev, from, packet), assumptions);
  const has = (device: string): boolean => model.addressesOf(device).some(({ ip }) => sameIp(ip, src));
  const sentBy = (device: string): boolean => packet.srcMac >= 0 && model.links?.get(device)?.mac === formatMac(packet.srcMac);
  // The host's end of a cable has a link-local address of its own, by which it sends past the bridge.
  const link = port !== null && !has(dev) && (has(port) || (sentBy(port) && !sentBy(dev))) ? port : dev;
  return asSeen(model, seen, { in: null, link }, assumptions);
};
