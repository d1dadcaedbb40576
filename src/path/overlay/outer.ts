/**
 * The packet that carries a frame through a VXLAN tunnel: vxlan_xmit_one and vxlan_build_skb in drivers/net/vxlan/vxlan_core.c. It is a
 * packet of the host itself, whose way is judged like any other's; what is told of it stands among the steps of the frame's own way.
 */
import { formatIp, type IpAddress } from '../../base/ip-address.ts';
import type { VxlanDevice } from '../../host/vxlan.ts';
import { IPPROTO_UDP } from '../../packet/packet.ts';
import { bookOf } from '../env.ts';
import type { HostModel } from '../model.ts';
import { selectAddress } from '../source-address.ts';
import { startWalk } from '../start.ts';
import { travel } from '../travel.ts';
import type { DecidedBy, PacketSpec, TunnelPacket, VerdictPhase, VerdictStep } from '../verdict.ts';
import { type Walk, type Waymark, walkWith } from '../walk.ts';

export const IPPROTO_ESP = 50;

const IPV4_HEADER_LENGTH = 20;
const IPV6_HEADER_LENGTH = 40;
const UDP_HEADER_LENGTH = 8;
const VXLAN_HEADER_LENGTH = 8;
const ETHERNET_HEADER_LENGTH = 14;
/** VXLAN_HF_VNI. */
const VXLAN_FLAG_VNI = 0x08;

/** What ESP adds: header, initialisation vector, padding and check value (RFC 4303); libnetwork makes its MTU that much smaller. */
export const ESP_OVERHEAD = 26;

/** What the tunnel adds to a packet, as MTUs count it: 50 bytes over IPv4, 70 over IPv6. */
export const headroom = (version: 4 | 6): number =>
  (version === 4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH) + UDP_HEADER_LENGTH + VXLAN_HEADER_LENGTH + ETHERNET_HEADER_LENGTH;

/** Where the host sends such packets from: the device's own address, else what the route says (ip_route_output_key). */
export const sourceFor = (model: HostModel, device: VxlanDevice, end: IpAddress): IpAddress | null => {
  if (device.local !== null) return device.local;
  const answer = model.fib.lookup({ dst: end, src: null, iif: 'lo', oif: null, mark: 0, tos: null })[0]?.result;
  if (answer?.kind !== 'route') return null;
  const { dev } = answer.hop;
  return answer.route.source ?? (dev === null ? null : selectAddress(bookOf(model), dev, end));
};

/** Its source port is a hash of the frame, which nobody foretells. */
export const outerSpec = (tunnel: TunnelPacket, length: number | null): PacketSpec => {
  const version = tunnel.src.includes(':') ? 6 : 4;
  const whole = length === null ? {} : { length: length + headroom(version) };
  const udp = {
    in: null,
    src: tunnel.src,
    dst: tunnel.dst,
    proto: IPPROTO_UDP,
    ...(tunnel.dport === undefined ? {} : { dport: tunnel.dport }),
  };
  return { ...udp, ...whole, ...(version === 4 ? { bytes: headersOf(tunnel, whole.length ?? 0) } : {}) };
};

/** For rules that look at the bytes (u32, bpf), as those of encrypted networks look for the network's identifier. */
const headersOf = ({ src, dst, vni, dport = 0 }: TunnelPacket, length: number): Uint8Array => {
  const bytes = new Uint8Array(IPV4_HEADER_LENGTH + UDP_HEADER_LENGTH + VXLAN_HEADER_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, length);
  view.setUint8(8, 64);
  view.setUint8(9, IPPROTO_UDP);
  for (const [at, text] of [
    [12, src],
    [16, dst],
  ] as const) {
    bytes.set(text.split('.').map(Number), at);
  }
  view.setUint16(IPV4_HEADER_LENGTH + 2, dport);
  view.setUint16(IPV4_HEADER_LENGTH + 4, Math.max(0, length - IPV4_HEADER_LENGTH));
  view.setUint8(IPV4_HEADER_LENGTH + UDP_HEADER_LENGTH, VXLAN_FLAG_VNI);
  view.setUint32(IPV4_HEADER_LENGTH + UDP_HEADER_LENGTH + 4, vni * 256);
  return bytes;
};

/** A walk of the tunnel's packet: what it is, and how the frame's own walk goes on with what was told of it. */
export interface OuterWalk {
  readonly walk: Walk;
  /** The frame's walk, with what was told on the way of its tunnel's packet; its end is that packet's. */
  readonly told: Walk;
}

/** Sends the tunnel's packet through a host; `spec.in` says whether it sets out there or comes in. */
export const sendOuter = (
  model: HostModel,
  frame: Walk,
  spec: PacketSpec,
  tunnel: TunnelPacket,
  explain: boolean,
): readonly OuterWalk[] => {
  const blank = startWalk(model, spec);
  const begun = walkWith(blank, {
    steps: frame.steps,
    nearMisses: frame.nearMisses,
    assumptions: frame.assumptions,
    doubts: frame.doubts,
    notes: [...frame.notes, ...blank.notes.filter((text) => !frame.notes.includes(text))],
    phases: frame.phases,
    way: [],
  });
  return travel({ model, explain }, spec, begun).map((walk) => ({ walk, told: tell(model, frame, walk, tunnel) }));
};

const tell = (model: HostModel, frame: Walk, walk: Walk, tunnel: TunnelPacket): Walk => {
  const label = model.label;
  const place = label === null ? {} : { namespace: label };
  const note = noteFor(tunnel);
  const step = (each: VerdictStep): VerdictStep => ({ ...each, ...place, note: each.note === undefined ? note : `${each.note}; ${note}` });
  const phase = (each: VerdictPhase): VerdictPhase => ({
    ...each,
    ...place,
    note: each.note === undefined ? note : `${each.note}; ${note}`,
  });
  const from = <T>(list: readonly T[], count: number, change: (each: T) => T): readonly T[] =>
    list.map((each, at) => (at < count ? each : change(each)));
  const { end } = walk;
  const mark = (each: Waymark): Waymark => ({
    ...each,
    netns: label ?? model.netns,
    owner: label ?? model.owner,
    skb: frame.skb,
    outer: { src: tunnel.src, dst: tunnel.dst, vni: tunnel.vni },
  });
  return walkWith(frame, {
    steps: from(walk.steps, frame.steps.length, step),
    nearMisses: walk.nearMisses,
    phases: walk.phases === null ? null : from(walk.phases, frame.phases?.length ?? 0, phase),
    assumptions: from(walk.assumptions, frame.assumptions.length, (each) => ({ ...each, by: decidedFor(model, each.by, tunnel) })),
    doubts: from(walk.doubts, frame.doubts.length, (each) => ({ ...each, by: decidedFor(model, each.by, tunnel) })),
    notes: walk.notes,
    way: [...frame.way, ...walk.way.map(mark)],
    end: end === null ? null : { ...end, decidedBy: decidedFor(model, end.decidedBy, tunnel) },
  });
};

export const decidedFor = (model: HostModel, by: DecidedBy, tunnel: TunnelPacket): DecidedBy => ({
  ...by,
  ...(model.label === null || by.namespace !== undefined ? {} : { namespace: model.label }),
  tunnel,
});

const noteFor = ({ proto, vni }: TunnelPacket): string => (proto === 'esp' ? `ESP packet of VNI ${vni}` : `VXLAN packet of VNI ${vni}`);

export const tunnelWords = ({ src, dst, vni, proto, dport }: TunnelPacket): string =>
  proto === 'esp' ? `ESP ${src} → ${dst} around VNI ${vni}` : `VXLAN VNI ${vni} ${src} → ${dst} UDP ${dport ?? ''}`.trim();

export const tunnelOf = (src: IpAddress, dst: IpAddress, vni: number, dport: number): TunnelPacket => ({
  src: formatIp(src),
  dst: formatIp(dst),
  vni,
  proto: 'udp',
  dport,
});
