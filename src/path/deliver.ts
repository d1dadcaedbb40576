/** The last part of the way: POSTROUTING, the neighbour or bridge port behind the device, and who gets the packet there. */
import { formatIp, type IpAddress, sameIp } from '../base/ip-address.ts';
import type { Hook } from '../netfilter/ruleset.ts';
import type { Child } from '../topology/children.ts';
import { isLimitedBroadcast, isMulticast } from './address-kinds.ts';
import { askedByHost, hasNeighbours } from './asking.ts';
import {
  crossingProblem,
  lengthProblem,
  nameOf,
  nobody,
  placeWords,
  unpluggedPort,
  vlanAnswer,
  vlanBy,
  wrongNeighbour,
} from './bridge-ports.ts';
import { acceptedBy } from './decider.ts';
import { deviceHook, frameOut } from './frame-hooks.ts';
import { leaveByChild } from './layer2/leave.ts';
import type { HostModel } from './model.ts';
import { type NeighbourView, neighbourAt } from './neighbours.ts';
import type { Place } from './places.ts';
import { type HookContext, runHook } from './run-hook.ts';
import type { DecidedBy } from './verdict.ts';
import { addStep, andThen, atDevice, drop, type End, finish, note, seen, undetermined, type Walk } from './walk.ts';

/** Sends a routed or local packet out by `walk.out`. `decidingHook` is the one whose rules let it pass. */
export const sendOut = (context: HookContext, walk: Walk, inDev: string | null, decidingHook: Hook): readonly Walk[] => {
  const out = walk.out ?? '';
  const posted = runHook(context, seen(walk, { inDev, outDev: out, physOut: null }), 'postrouting');
  const shim = context.model.parents.shim(out);
  if (shim !== null) return andThen(posted, (each) => byShim(context, each, shim, decidingHook));
  return andThen(posted, (each) =>
    frameOut(context, handOver(context, each, out, decidingHook), out).map((left) =>
      left.end?.outcome === 'accept' ? leaves(context, left, out) : left,
    ),
  );
};

/** Behind the hooks of the device, where a capture sees the packet. */
const leaves = ({ model }: HookContext, walk: Walk, out: string): Walk => {
  const port = walk.end?.outPort ?? null;
  const left = model.isBridge(out) ? walk : atDevice(model, walk, out, 'out');
  return port === null ? left : atDevice(model, left, port, 'out');
};

/** By a child of the host's own, which reaches its siblings as any child does. */
const byShim = (context: HookContext, walk: Walk, shim: Child, decidingHook: Hook): readonly Walk[] => {
  const sent = { dst: walk.skb.dst, mac: null, gateway: walk.nextHop };
  const asked = askedByHost(
    context.model,
    walk,
    shim.device,
    walk.nextHop ?? walk.skb.dst,
    neighbourAt(context.model.self, shim.device, walk.nextHop ?? walk.skb.dst),
  );
  if (asked.end !== null) return [asked];
  const own = (each: Walk): readonly Walk[] => [
    undetermined(each, { kind: 'default', text: `${shim.device} on ${shim.parent}` }, 'the host sends by a child of its own to itself'),
  ];
  const left = andThen(deviceHook(context, atDevice(context.model, asked, shim.device, 'out'), 'egress', shim.device), (each) =>
    leaveByChild(context, each, shim, sent, { receive: own, route: own }),
  );
  return left.map((each) => {
    if (each.end?.outcome !== 'accept') return each;
    return finish(each, { ...each.end, decidedBy: acceptedBy(each, decidingHook, each.end.decidedBy), out: shim.device });
  });
};

const handOver = (context: HookContext, walk: Walk, out: string, decidingHook: Hook): Walk => {
  const { model } = context;
  const { dst } = walk.skb;
  const target = walk.nextHop ?? dst;
  const fallback: DecidedBy = { kind: 'default', text: `no rule is hooked in at ${decidingHook}` };
  const end: End = { outcome: 'accept', decidedBy: acceptedBy(walk, decidingHook, fallback), out };
  const link = model.links?.get(out);
  if (link !== undefined && !link.flags.includes('UP') && link.flags.length > 0) {
    return drop(walk, 'routing', { kind: 'route', text: `${out} is down`, reason: 'link-down', about: { device: out } });
  }
  if (isMulticast(dst) || isLimitedBroadcast(dst)) return finish(walk, end);
  const child = childAt(model, out, dst);
  if (child !== null) return toChild(walk, out, child);
  if (!model.isBridge(out)) return toWire(context, walk, out, target, end);
  walk = atDevice(model, walk, out, 'out');
  const place = model.places.onBridge(out, target);
  const neighbour = neighbourAt(model.self, out, target);
  const learnt = neighbour?.mac ?? null;
  if (neighbour !== null && place !== null && place.mac !== null && learnt !== null && learnt !== place.mac) {
    if (neighbour.fixed) return drop(walk, 'bridge', wrongNeighbour(neighbour.text, out, target), placeWords(place));
    walk = note(walk, `the neighbour entry "${neighbour.text}" is not the container's: ${placeWords(place)}`);
  }
  const mac = place?.mac ?? learnt;
  const port = mac === null ? null : model.places.portOf(out, mac);
  const refused =
    crossingProblem(model, { bridge: out, from: null, to: port, mac, place }) ??
    (place === null ? unpluggedPort(model, out, target) : null) ??
    lengthProblem(model, sentLength(context, walk, out), port, place);
  if (refused !== null) return drop(walk, 'bridge', refused);
  const vlan = port === null ? ({ kind: 'passes' } as const) : vlanAnswer(model, out, null, port);
  if (vlan.kind === 'drops') return drop(walk, 'bridge', vlanBy(vlan.text, out));
  if (vlan.kind === 'unknown') return undetermined(walk, vlanBy(vlan.text, out), vlan.text);
  if (place === null && neighbour?.silent === true) return unanswered(walk, neighbour);
  if (place === null && learnt === null) walk = note(walk, nobody(model, out, formatIp(target)));
  walk = askedByHost(model, walk, out, target, neighbour);
  if (walk.end !== null) return walk;
  const hop =
    port === null
      ? addStep(walk, 'bridge', `${out}: to ${formatIp(target)}`, 'continue')
      : addStep(walk, 'bridge', `${out}: out of port ${port}`, 'continue');
  return finish(hop, { ...end, outPort: port, receiverMac: mac, ...(place === null ? {} : { deliveredTo: nameOf(place) }) });
};

/** What the kernel cuts for the way out is no longer than the device takes. */
const sentLength = (context: HookContext, walk: Walk, out: string): number | null => {
  const mtu = walk.mtu ?? context.model.links?.get(out)?.mtu ?? null;
  const { length } = walk.skb;
  return length === null || mtu === null ? length : Math.min(length, mtu);
};

/** Onto a cable whose other end is no part of this host. */
const toWire = (context: HookContext, walk: Walk, out: string, target: IpAddress, end: End): Walk => {
  const { model } = context;
  const neighbour = neighbourAt(model.self, out, target);
  // Who is at the other end of a cable that is known does not hang on the last question's answer.
  if (neighbour?.silent === true && !leadsOn(model, out)) return unanswered(walk, neighbour);
  const asked = hasNeighbours(context.model, out) ? askedByHost(context.model, walk, out, target, neighbour) : walk;
  return asked.end === null ? finish(asked, end) : asked;
};

/** Whether the device's frames come out in a namespace that was read. */
const leadsOn = (model: HostModel, out: string): boolean => {
  const link = model.links?.get(out);
  const end = link === undefined ? null : (model.wires.peerOf(model.netns, link) ?? model.wires.parentOf(model.netns, link));
  return end !== null && (end.netns === null || model.inside(end.netns) !== null);
};

/** neigh_event_send asks once more for each packet: only an answer would tell. */
const unanswered = (walk: Walk, neighbour: NeighbourView): Walk =>
  undetermined(
    walk,
    { kind: 'neighbour', text: neighbour.text, reason: 'neighbour-failed', about: { address: neighbour.address, device: neighbour.dev } },
    `nobody answered the last question who has the address (${neighbour.text}): if that is still so, the packet ends here`,
  );

interface ChildAt {
  readonly name: string;
  readonly kind: string;
  readonly container: string | null;
  /** The switch beside is meant to send frames back (mode vepa). */
  readonly reflected: boolean;
}

/** The child of `parent` that has the address; where its namespace was not read, by what Docker says. */
const childAt = (model: HostModel, parent: string, ip: IpAddress): ChildAt | null => {
  const child = model.parents.holding(parent, ip);
  if (child !== null) return { name: child.owner, kind: child.kind, container: child.container, reflected: child.mode === 'vepa' };
  const place = model.places.all.find((each) => each.parent === parent && isPlaceOf(each, ip));
  if (place === undefined) return null;
  return { name: place.container.name, kind: place.network?.driver ?? 'macvlan', container: place.container.name, reflected: false };
};

/** What the parent of a macvlan or ipvlan sends goes to the wire, never to its own children (macvlan.c hands over on receive only). */
const toChild = (walk: Walk, parent: string, { name, kind, container, reflected }: ChildAt): Walk => {
  const by: DecidedBy = {
    kind: 'bridge',
    text: `${kind}: ${parent} never hands what the host sends to its own child ${name}`,
    reason: 'parent-and-child',
    about: { device: parent, ...(container === null ? {} : { container }) },
  };
  if (walk.nextHop !== null) {
    const gateway = formatIp(walk.nextHop);
    return undetermined(walk, by, `it leaves by ${parent} for ${gateway}: only if ${gateway} sends it back does it reach ${name}`);
  }
  return reflected
    ? undetermined(
        walk,
        by,
        `it leaves by ${parent}: only a switch there that sends frames back by the port they came from brings it to ${name}`,
      )
    : drop(walk, 'routing', by);
};

const isPlaceOf = (place: Place, ip: IpAddress): boolean =>
  (place.endpoint.ipv4 !== null && sameIp(place.endpoint.ipv4, ip)) || (place.endpoint.ipv6 !== null && sameIp(place.endpoint.ipv6, ip));
