/**
 * What a macvlan or ipvlan child sends: handed to a sibling inside the parent, or sent out by the parent. The parent's own namespace gets
 * none of it, and of its rules only those at the parent's ingress and egress see it. macvlan_queue_xmit and macvlan_handle_frame in
 * drivers/net/macvlan.c, ipvlan_queue_xmit in drivers/net/ipvlan/ipvlan_core.c.
 */

import { assertNever } from '../../base/assert-never.ts';
import { formatIp, type IpAddress } from '../../base/ip-address.ts';
import type { Child } from '../../topology/children.ts';
import { isLocalAddress } from '../env.ts';
import { deviceHook } from '../frame-hooks.ts';
import type { HostModel } from '../model.ts';
import type { HookContext } from '../run-hook.ts';
import type { DecidedBy, DecisionReason } from '../verdict.ts';
import { addStep, andThen, atDevice, drop, finish, note, undetermined, type Walk } from '../walk.ts';
import { isVouchedFor } from './addressed.ts';
import { handIn } from './arrive.ts';
import { macOf } from './parents.ts';
import { type Sent, type Station, stationOf } from './station.ts';

/** What the parent's own namespace does with what its children hand to it. */
export interface ParentHost {
  /** A device of its own beside the child (a shim) gets the frame. */
  readonly receive: (walk: Walk, device: string) => readonly Walk[];
  /** It routes what an ipvlan child in mode l3 sends to nobody beside it. */
  readonly route: (walk: Walk, child: Child) => readonly Walk[];
}

export const leaveByChild = (context: HookContext, walk: Walk, child: Child, sent: Sent, host: ParentHost): readonly Walk[] => {
  const { model } = context;
  if (!child.up) return [drop(walk, 'bridge', by(child, `${child.device} of ${child.owner} is down`, 'link-down'))];
  const parent = model.links?.get(child.parent);
  if (parent !== undefined && parent.flags.length > 0 && !parent.flags.includes('UP'))
    return [drop(walk, 'bridge', { ...by(child, `${child.parent} is down`, 'link-down'), about: { device: child.parent } })];
  if (child.mode === 'unknown') return [open(walk, child, `the mode of ${child.device} was not read`)];
  const station = stationOf(model, child, sent);
  switch (station.kind) {
    case 'all':
      return toAll(context, walk, child);
    case 'sibling':
      return toSibling(context, walk, child, station, host);
    case 'host':
      return toHost(context, walk, child, station, host);
    case 'wire':
      return toWire(context, walk, child, station, host);
    default:
      return assertNever(station);
  }
};

/** `macvlan (private) on eth0`. */
export const onParent = (child: Child): string => `${child.kind} (${child.mode}) on ${child.parent}`;

const by = (child: Child, text: string, reason: DecisionReason): DecidedBy => ({
  kind: 'bridge',
  text,
  reason,
  about: { device: child.parent, ...(child.container === null ? {} : { container: child.container }) },
});

const open = (walk: Walk, child: Child, text: string, reason: DecisionReason = 'beside-host-rules'): Walk =>
  undetermined(walk, by(child, onParent(child), reason), text);

/** Both in mode bridge are joined inside the parent; all others see each other only by a switch that sends back what came from this port. */
const toSibling = (
  context: HookContext,
  walk: Walk,
  from: Child,
  { child: to, known }: Extract<Station, { kind: 'sibling' }>,
  host: ParentHost,
): readonly Walk[] => {
  const apart = separation(from, to);
  if (apart === null) {
    const way = addStep(walk, 'bridge', `${onParent(from)}: ${from.owner} to ${to.owner} inside ${from.parent}`, 'continue');
    // dev_forward_skb: macvlan shows the frame to the parent as one that came in; ipvlan hands it over at once.
    const shown =
      from.kind === 'macvlan' ? deviceHook(context, atDevice(context.model, way, from.parent, 'in'), 'ingress', from.parent) : [way];
    return andThen(shown, (each) => (to.netns === null ? host.receive(each, to.device) : handIn(context.model, each, to)));
  }
  const pair = `${from.owner} and ${to.owner} on ${from.parent}`;
  if (apart === 'never' && known?.fixed !== true)
    return [drop(walk, 'bridge', by(from, `${onParent(from)}: ${pair} are kept apart by mode private`, 'private-children'))];
  const text = `${pair} are not joined inside the parent (${from.mode} and ${to.mode}): only a switch at ${from.parent} that sends frames back by the port they came from passes them on`;
  return reflected(context, walk, from, text);
};

/**
 * `never`: who asks for a private child's address is not heard by it, and a private child's own question comes back to itself alone
 * (macvlan_multicast_rx), whatever the switch does.
 */
const separation = (from: Child, to: Child): 'never' | 'switch' | null => {
  if (from.kind === 'ipvlan') return from.among === 'private' ? 'never' : from.among === 'vepa' ? 'switch' : null;
  if (from.mode === 'bridge' && to.mode === 'bridge') return null;
  return from.mode === 'private' || to.mode === 'private' ? 'never' : 'switch';
};

const reflected = (
  context: HookContext,
  walk: Walk,
  from: Child,
  text: string,
  reason: DecisionReason = 'reflecting-switch',
): readonly Walk[] =>
  andThen(deviceHook(context, walk, 'egress', from.parent), (each) => [
    open(atDevice(context.model, each, from.parent, 'out'), from, text, reason),
  ]);

/** A child of the host's own beside it (a shim) answers for the host; the parent itself never hears its children. */
const toHost = (
  context: HookContext,
  walk: Walk,
  from: Child,
  { ip }: Extract<Station, { kind: 'host' }>,
  host: ParentHost,
): readonly Walk[] => {
  const { model } = context;
  if (from.kind === 'ipvlan' && from.mode !== 'l2') return host.route(walk, from);
  const shim = ip === null ? null : answeringShim(model, from, ip);
  if (shim !== null) return toSibling(context, walk, from, { kind: 'sibling', child: shim, known: null, gateway: null }, host);
  const text = `${from.kind}: ${from.owner} and the host cannot talk over their common parent ${from.parent}`;
  const decided = by(from, text, 'parent-and-child');
  if (from.mode === 'vepa')
    return reflected(
      context,
      walk,
      from,
      `${text}, unless the switch at ${from.parent} sends frames back by the port they came from`,
      'parent-and-child',
    );
  return andThen(deviceHook(context, walk, 'egress', from.parent), (each) => [
    drop(unreflected(atDevice(context.model, each, from.parent, 'out'), from), 'bridge', decided),
  ]);
};

/** A switch that IEEE 802.1D describes never sends a frame back by its own port. */
const unreflected = (walk: Walk, from: Child): Walk =>
  from.mode === 'private' || from.kind === 'ipvlan'
    ? walk
    : note(walk, `taken: the switch at ${from.parent} does not send frames back by the port they came from`);

/** arp_process answers on the shim for every address of the host, unless arp_ignore limits it to those of the shim. */
const answeringShim = (model: HostModel, from: Child, ip: NonNullable<Sent['dst']>): Child | null =>
  model.parents
    .of(from.parent)
    .find(
      (child) =>
        child.netns === null &&
        child.up &&
        separation(from, child) === null &&
        ((ip.version === 4 && model.sysctls.number(`net.ipv4.conf.${child.device}.arp_ignore`) === 0) ||
          child.addresses.some((own) => formatIp(own) === formatIp(ip))),
    ) ?? null;

const toWire = (
  context: HookContext,
  walk: Walk,
  from: Child,
  station: Extract<Station, { kind: 'wire' }>,
  host: ParentHost,
): readonly Walk[] => {
  const { model } = context;
  if (from.kind === 'ipvlan' && from.mode !== 'l2') return host.route(walk, from);
  if (model.isBridge(from.parent))
    return [open(walk, from, `${from.parent} is a bridge itself: which of its ports gets the frames of its children is not followed`)];
  const { known, ip, gateway } = station;
  if (known?.silent === true) {
    const decided: DecidedBy = {
      kind: 'neighbour',
      text: `${known.text} (in ${from.owner})`,
      reason: 'neighbour-failed',
      about: { address: known.address, device: known.dev, ...(from.container === null ? {} : { container: from.container }) },
    };
    return [
      undetermined(
        walk,
        decided,
        `nobody answered when ${from.owner} last asked who has ${known.address}: if that is still so, the packet ends there`,
      ),
    ];
  }
  const trunk = trunkOf(model, from.parent);
  const way = `${onParent(from)}: ${from.owner} to the wire${trunk === null ? '' : ` by ${trunk.device}, VLAN ${trunk.id}`}${ip === null || gateway === null ? '' : `, for gateway ${formatIp(gateway)}`}`;
  const told = addStep(walk, 'bridge', way, 'continue', "the host's own rules do not see it");
  const hooked = andThen(deviceHook(context, told, 'egress', from.parent), (each) =>
    trunk === null ? [each] : deviceHook(context, each, 'egress', trunk.device),
  );
  const devices = trunk === null ? [from.parent] : [from.parent, trunk.device];
  return andThen(hooked, (each) => {
    const left = devices.reduce((passed, device) => atDevice(model, passed, device, 'out'), each);
    return [beyond(model, left, from, way, gateway)];
  });
};

/** On the wire. What a gateway must bring back to this host first, and whether there is one, is not seen from here. */
const beyond = (model: HostModel, walk: Walk, from: Child, way: string, gateway: IpAddress | null): Walk => {
  const { dst } = walk.skb;
  if (gateway !== null && isLocalAddress(model, dst) === true)
    return open(
      walk,
      from,
      `${from.owner} sends it out by ${from.parent} to its gateway: the host never hears its own children directly, and gets it only if the gateway sends it back`,
      'parent-and-child',
    );
  const here = model.places.byAddress(dst)[0];
  if (gateway !== null && here !== undefined)
    return open(
      walk,
      from,
      `it leaves by ${from.parent} for ${from.owner}'s gateway: only if that sends it back does it reach ${here.container.name}`,
    );
  const own = from.netns === null;
  if (gateway !== null && !own && !isVouchedFor(model, from, gateway))
    return open(
      walk,
      from,
      `it leaves by ${from.parent} for ${from.owner}'s gateway ${formatIp(gateway)}: whether anybody there has that address is not known, nobody has answered for it yet`,
    );
  const end = { outcome: 'accept', decidedBy: by(from, way, 'beside-host-rules'), out: leavesBy(from) } as const;
  return finish(walk, own ? end : { ...end, answerMac: macOf(from) });
};

/** The device of the namespace that is judged: the host's own child, or else the parent of a child elsewhere. */
const leavesBy = (from: Child): string => (from.netns === null ? from.device : from.parent);

/** The device under a VLAN device, and the tag that frames have there. */
export const trunkOf = (model: HostModel, device: string): { readonly device: string; readonly id: number } | null => {
  const link = model.links?.get(device);
  const id = link?.data['id'];
  if (link?.kind !== 'vlan' || link.linkName === null || typeof id !== 'number') return null;
  return { device: link.linkName, id };
};

/** macvlan_broadcast: siblings in mode bridge hear it at once, and it leaves by the parent too; ipvlan in mode l3 carries none. */
const toAll = (context: HookContext, walk: Walk, from: Child): readonly Walk[] => {
  if (from.kind === 'ipvlan' && from.mode !== 'l2')
    return [drop(walk, 'bridge', by(from, `${onParent(from)} carries no broadcasts and no multicasts`, 'not-unicast-frame'))];
  const heard = context.model.parents.of(from.parent).filter((child) => child !== from && child.up && separation(from, child) === null);
  const names = heard.map(({ owner }) => owner).join(', ');
  const way = `${onParent(from)}: to the wire by ${from.parent}${names === '' ? '' : ` and to ${names}`}`;
  const told = addStep(walk, 'bridge', way, 'continue');
  return andThen(deviceHook(context, told, 'egress', from.parent), (each) => [
    finish(note(each, 'who takes a frame to all, and answers it, is not judged'), {
      outcome: 'accept',
      decidedBy: by(from, way, 'beside-host-rules'),
      out: leavesBy(from),
      silent: true,
    }),
  ]);
};
