/**
 * A tunnel's packet at its other end: through that host's PREROUTING and INPUT to the socket of its VXLAN devices, and out of the device
 * of the same network there. vxlan_rcv in drivers/net/vxlan/vxlan_core.c; xfrm4_rcv for what was encrypted.
 */
import { formatIp, parseIp } from '../../base/ip-address.ts';
import type { XfrmState } from '../../host/facts.ts';
import { type PlacedVxlan, vxlansOf } from '../../host/vxlan.ts';
import { entryOf } from '../entry.ts';
import { isLocalAddress } from '../env.ts';
import type { Crossing } from '../journey/crossing.ts';
import type { HostModel } from '../model.ts';
import type { DecidedBy, PacketSpec, TunnelPacket } from '../verdict.ts';
import { type Beyond, drop, finish, note, undetermined, type Walk, walkWith } from '../walk.ts';
import { reads } from './ipsec.ts';
import { decidedFor, IPPROTO_ESP, outerSpec, sendOuter, tunnelWords } from './outer.ts';
import type { Sending } from './tunnel.ts';

export interface Outer {
  readonly tunnel: TunnelPacket;
  /** The packet as it left the first host. */
  readonly outer: Walk;
  /** By which it was encrypted; null for clear text. */
  readonly state: XfrmState | null;
}

export const arriveAt = (sending: Sending, sent: Outer, frame: Walk): readonly Crossing[] => {
  const { tunnel, outer, state } = sent;
  const { end } = frame;
  const there = parseIp(tunnel.dst);
  const peer = there === null ? undefined : sending.model.host.peers.find((each) => isLocalAddress(each, there) === true);
  if (peer === undefined) {
    const words = `left ${sending.underlay.name} to ${tunnel.dst} for VNI ${tunnel.vni}: what becomes of it there is outside of view (explain --peer takes that host's snapshot)`;
    const { model, device, mac } = sending;
    const beyond: Beyond = { tunnel, netns: model.netns, device: device.name, srcMac: frame.skb.srcMac, mac };
    return [{ kind: 'ended', walk: end === null ? frame : finish(note(frame, words), { ...end, beyond }) }];
  }
  const ended = (walk: Walk): readonly Crossing[] => [{ kind: 'ended', walk }];
  const open = walkWith(frame, { end: null });
  const entry = entryOf(peer, outer.skb.src);
  if (entry.kind !== 'device') {
    const by: DecidedBy = { kind: 'route', text: `${peer.name}: from ${formatIp(outer.skb.src)}` };
    const reason = entry.kind === 'unknown' ? entry.reason : `${formatIp(outer.skb.src)} is one of its own addresses or containers`;
    return ended(undetermined(open, decidedFor(peer, by, tunnel), `where the packet comes into ${peer.name} is not known: ${reason}`));
  }
  const addressed = { in: entry.dev, src: formatIp(outer.skb.src), dst: tunnel.dst };
  const plain: PacketSpec = { ...outerSpec(tunnel, frame.skb.length), ...addressed };
  if (state === null) return receive(sending, peer, tunnel, plain, open);
  const esp: TunnelPacket = { src: tunnel.src, dst: tunnel.dst, vni: tunnel.vni, proto: 'esp' };
  return sendOuter(peer, open, { ...addressed, proto: IPPROTO_ESP }, esp, sending.explain).flatMap(({ told }) => {
    if (told.end?.outcome !== 'accept') return ended(told);
    const readable = reads(peer, state);
    const by: DecidedBy = decidedFor(peer, { kind: 'default', text: state.text, about: { address: tunnel.src } }, esp);
    const on = walkWith(told, { end: null });
    if (readable === 'no') return ended(drop(on, 'input', { ...by, reason: 'ipsec-state' }, `${peer.name} has no such IPsec state`));
    if (readable === 'unknown') return ended(undetermined(on, by, `the IPsec states of ${peer.name} were not read`));
    return receive(sending, { ...peer, decrypted: true }, tunnel, plain, on);
  });
};

const receive = (sending: Sending, peer: HostModel, tunnel: TunnelPacket, spec: PacketSpec, frame: Walk): readonly Crossing[] =>
  sendOuter(peer, frame, spec, tunnel, sending.explain).flatMap(({ told }): readonly Crossing[] => {
    if (told.end?.outcome !== 'accept' || told.end.out !== 'local') return [{ kind: 'ended', walk: told }];
    return [outOfDevice(sending, peer, tunnel, walkWith(told, { end: null }))];
  });

const outOfDevice = ({ vni, mac }: Sending, peer: HostModel, tunnel: TunnelPacket, walk: Walk): Crossing => {
  const ended = (each: Walk): Crossing => ({ kind: 'ended', walk: each });
  const found = deviceFor(peer, tunnel);
  if (found === undefined) {
    const by: DecidedBy = {
      kind: 'default',
      text: `${peer.name} has no VXLAN device of VNI ${vni}`,
      reason: 'vni-unknown',
      about: { address: tunnel.dst },
    };
    return ended(drop(walk, 'input', decidedFor(peer, by, tunnel), `nothing takes ${tunnelWords(tunnel)}`));
  }
  const { device, namespace } = found;
  const inside = namespace === null ? peer : peer.inside(namespace.id);
  if (inside === null) {
    const by: DecidedBy = { kind: 'default', text: `${device.name} of VNI ${vni} on ${peer.name}` };
    return ended(undetermined(walk, decidedFor(peer, by, tunnel), `the namespace of ${device.name} on ${peer.name} was not read`));
  }
  if (!device.up) {
    const by: DecidedBy = { kind: 'bridge', text: `${device.name} is down`, reason: 'tunnel-down', about: { device: device.name } };
    return ended(drop(walk, 'bridge', { ...by, namespace: inside.name }));
  }
  return { kind: 'arrives', model: inside, arrival: { dev: device.name, srcMac: walk.skb.srcMac, dstMac: mac }, walk };
};

const deviceFor = (peer: HostModel, { vni, dport }: TunnelPacket): PlacedVxlan | undefined =>
  vxlansOf(peer.facts).find(({ device }) => device.vni === vni && device.port === dport);
