/** The last part of the way: POSTROUTING, the neighbour or bridge port behind the device, and who gets the packet there. */
import { formatIp, type IpAddress, sameIp } from '../base/ip-address.ts';
import type { Hook } from '../netfilter/ruleset.ts';
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
import { frameOut } from './frame-hooks.ts';
import { type NeighbourView, neighbourAt } from './neighbours.ts';
import type { Place } from './places.ts';
import { type HookContext, runHook } from './run-hook.ts';
import type { DecidedBy } from './verdict.ts';
import { addStep, andThen, drop, type End, finish, note, seen, undetermined, type Walk } from './walk.ts';

/** Sends a routed or local packet out by `walk.out`. `decidingHook` is the one whose rules let it pass. */
export const sendOut = (context: HookContext, walk: Walk, inDev: string | null, decidingHook: Hook): readonly Walk[] => {
  const out = walk.out ?? '';
  const posted = runHook(context, seen(walk, { inDev, outDev: out, physOut: null }), 'postrouting');
  return andThen(posted, (each) => frameOut(context, handOver(context, each, out, decidingHook), out));
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
  const child = model.places.all.find((place) => place.parent === out && isPlaceOf(place, dst));
  if (child !== undefined) return toChild(walk, out, child);
  if (!model.isBridge(out)) return toWire(context, walk, out, target, end);
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
  const neighbour = neighbourAt(context.model.self, out, target);
  if (neighbour?.silent === true) return unanswered(walk, neighbour);
  const asked = hasNeighbours(context.model, out) ? askedByHost(context.model, walk, out, target, neighbour) : walk;
  return asked.end === null ? finish(asked, end) : asked;
};

/** neigh_event_send asks once more for each packet: only an answer would tell. */
const unanswered = (walk: Walk, neighbour: NeighbourView): Walk =>
  undetermined(
    walk,
    { kind: 'neighbour', text: neighbour.text, reason: 'neighbour-failed', about: { address: neighbour.address, device: neighbour.dev } },
    `nobody answered the last question who has the address (${neighbour.text}): if that is still so, the packet ends here`,
  );

/** What the parent of a macvlan or ipvlan sends goes to the wire, never to its own children (macvlan.c hands over on receive only). */
const toChild = (walk: Walk, parent: string, child: Place): Walk => {
  const driver = child.network?.driver ?? 'macvlan';
  const by: DecidedBy = {
    kind: 'bridge',
    text: `${driver}: ${parent} never hands what the host sends to its own child ${child.container.name}`,
    reason: 'parent-and-child',
    about: { container: child.container.name, device: parent },
  };
  if (walk.nextHop === null) return drop(walk, 'routing', by);
  const gateway = formatIp(walk.nextHop);
  return undetermined(
    walk,
    by,
    `it leaves by ${parent} for ${gateway}: only if ${gateway} sends it back does it reach ${child.container.name}`,
  );
};

const isPlaceOf = (place: Place, ip: IpAddress): boolean =>
  (place.endpoint.ipv4 !== null && sameIp(place.endpoint.ipv4, ip)) || (place.endpoint.ipv6 !== null && sameIp(place.endpoint.ipv6, ip));
