/**
 * Through a veth into the namespace of its other end (drivers/net/veth.c), and to which station of the link there: the sender writes
 * the address of its next hop on the frame, which its own neighbour table, or whoever has that address on the link, tells.
 */
import { type IpAddress, parseMac, sameIp } from '../../base/ip-address.ts';
import { isLimitedBroadcast, isMulticast } from '../address-kinds.ts';
import { askedOfHost } from '../asking.ts';
import { tooLongBy } from '../bridge-ports.ts';
import { isLocalAddress } from '../env.ts';
import type { HostModel } from '../model.ts';
import { neighbourAt } from '../neighbours.ts';
import { tooLongFor } from '../size.ts';
import { drop, type Walk, walkWith } from '../walk.ts';
import type { Crossing, Departure } from './crossing.ts';

export const crossCable = ({ root, model, link, walk }: Departure): readonly Crossing[] | null => {
  const peer = root.wires.peerOf(model.netns, link);
  const next = peer === null ? null : peer.netns === null ? root : root.inside(peer.netns);
  if (peer === null || next === null) return null;
  const open = walkWith(walk, { end: null });
  if (peer.link.flags.length > 0 && !peer.link.flags.includes('UP')) {
    const text = `${peer.link.name}${next.owner === null ? '' : ` of ${next.owner}`} is down`;
    return [ended(drop(open, 'routing', { kind: 'route', text, reason: 'link-down', about: { device: peer.link.name } }))];
  }
  const tooLong = tooLongFor(walk.skb.length, `${peer.link.name}${next.owner === null ? '' : ` of ${next.owner}`}`, peer.link.mtu);
  if (tooLong !== null) return [ended(drop(open, 'bridge', tooLongBy(tooLong, { device: peer.link.name }, peer.link.mtu)))];
  const out = walk.end?.out ?? link.name;
  const srcMac =
    macOf(walk.out === out ? (model.links?.get(out)?.mac ?? null) : null) ?? (out === link.name ? macOf(link.mac) : walk.skb.srcMac);
  const master = peer.link.master;
  const segment = master !== null && next.isBridge(master) ? master : peer.link.name;
  if (out !== link.name) {
    return [{ kind: 'arrives', model: next, arrival: { dev: peer.link.name, srcMac, dstMac: walk.end?.receiverMac ?? null }, walk: open }];
  }
  const target = walk.nextHop ?? walk.skb.dst;
  const known = neighbourAt(model.self, out, target);
  const asked = isLocalAddress(next, target) === true ? askedOfHost(next, open, segment, model.name, known) : open;
  if (asked.end !== null) return [ended(asked)];
  const dstMac =
    known?.fixed === true
      ? known.mac
      : (stationAt(root, next, segment, target, walk) ?? (walk.nextHop === null ? null : (known?.mac ?? null)));
  return [{ kind: 'arrives', model: next, arrival: { dev: peer.link.name, srcMac, dstMac }, walk: asked }];
};

const ended = (walk: Walk): Crossing => ({ kind: 'ended', walk });

const macOf = (text: string | null): number | null => (text === null ? null : parseMac(text));

/**
 * The hardware address of whoever has `target` on the link; null where that is not known, or where the receiving side's own look at the
 * destination tells as well.
 */
const stationAt = (root: HostModel, next: HostModel, segment: string, target: IpAddress, walk: Walk): number | null => {
  if (isMulticast(target) || isLimitedBroadcast(target)) return null;
  const child = next.parents.holding(segment, target);
  if (child?.kind === 'macvlan') return macOf(child.mac);
  if (walk.nextHop === null && (!next.isBridge(segment) || next.places.onBridge(segment, target) !== null)) return null;
  if (isLocalAddress(next, target) === true) return walk.nextHop === null ? null : macOf(next.links?.get(segment)?.mac ?? null);
  const place = next.places.onBridge(segment, target);
  if (place?.mac !== null && place?.mac !== undefined) return place.mac;
  return next.isBridge(segment) ? behindPort(root, next, segment, target) : null;
};

/** Stations that Docker does not know: hand-made cables, containers inside a container. */
const behindPort = (root: HostModel, next: HostModel, bridge: string, target: IpAddress): number | null => {
  for (const port of next.links?.values() ?? []) {
    if (port.master !== bridge) continue;
    const far = root.wires.peerOf(next.netns, port);
    const model = far === null || far.netns === null ? null : root.inside(far.netns);
    if (far !== null && model?.addressesOf(far.link.name).some(({ ip }) => sameIp(ip, target)) === true) return macOf(far.link.mac);
  }
  return null;
};
