/**
 * What becomes of a packet that leaves a namespace by a device: the device's kind says where its frames come out. A kind that is missing
 * in CROSSINGS leads out of what is known, and the way ends there.
 *
 * To teach the journey another kind of device (a VXLAN device, say), write one function of type Cross in a file of its own and add a
 * line to CROSSINGS. It is called with the walk as the last leg left it (`walk.skb` is the packet on that device, `walk.end` how the leg
 * ended, `walk.way` the devices so far, this one included) and answers with
 * - `null`: the device leads out of what is known; the verdict is that of the leg;
 * - `{ kind: 'ended', walk }`: the packet ends there, in `walk.end` (drop, undetermined, or an accept of its own);
 * - `{ kind: 'arrives', … }`: it comes into the namespace of `model` by `arrival.dev`, a device there.
 * Several answers are several worlds; each says what it assumes in `walk.assumptions`. Steps of other packets that carry this one (the
 * outer UDP of a tunnel) may be put into `walk.steps` and `walk.phases`, and points of theirs into `walk.way` with their `outer`.
 */
import type { Link } from '../../host/facts.ts';
import type { HostModel } from '../model.ts';
import { floodedTo } from '../overlay/flooded.ts';
import { crossTunnel } from '../overlay/tunnel.ts';
import type { PacketSpec } from '../verdict.ts';
import { atDevice, type Walk, walkWith } from '../walk.ts';
import { crossCable } from './cable.ts';
import type { Arrival } from './legs.ts';
import { crossToParent } from './parent.ts';

export interface Departure {
  /** The host, from which `inside` leads to all others. */
  readonly root: HostModel;
  /** The namespace that the packet leaves. */
  readonly model: HostModel;
  /** The device there; of a bridge, the port. */
  readonly link: Link;
  readonly walk: Walk;
  /** What was asked about the packet where it was first seen. */
  readonly spec: PacketSpec;
  readonly explain: boolean;
}

export type Crossing =
  | { readonly kind: 'arrives'; readonly model: HostModel; readonly arrival: Arrival; readonly walk: Walk }
  | { readonly kind: 'ended'; readonly walk: Walk };

export type Cross = (departure: Departure) => readonly Crossing[] | null;

/** By the kind that `ip -d link` shows. */
const CROSSINGS: Readonly<Record<string, Cross>> = {
  veth: crossCable,
  netkit: crossCable,
  macvlan: crossToParent,
  macvtap: crossToParent,
  vxlan: crossTunnel,
  ipvlan: crossToParent,
  ipvtap: crossToParent,
};

export const cross = ({ root, model, walk, spec, explain }: Omit<Departure, 'link'>): readonly Crossing[] | null => {
  const into = walk.end?.into;
  if (into !== undefined) {
    const next = into.netns === null ? root : root.inside(into.netns);
    const arrival = { dev: into.device, srcMac: walk.skb.srcMac, dstMac: into.mac };
    return next === null ? null : [{ kind: 'arrives', model: next, arrival, walk: walkWith(walk, { end: null }) }];
  }
  const out = walk.end?.out ?? null;
  const isBridge = out !== null && model.isBridge(out);
  const learnt = walk.end?.outPort ?? null;
  const flooded = isBridge && learnt === null ? floodedTo(model, out, walk) : null;
  const egress = isBridge ? (learnt ?? flooded) : out;
  const link = egress === null ? undefined : model.links?.get(egress);
  if (link === undefined) return null;
  // By a port that the bridge has not learnt the frame leaves all the same.
  const gone = flooded === null ? walk : atDevice(model, walk, flooded, 'out');
  const by = CROSSINGS[link.kind ?? ''];
  return by === undefined ? null : by({ root, model, walk: gone, spec, explain, link });
};
