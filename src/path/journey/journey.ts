/**
 * A packet's way over all network namespaces: each is one more host, with routes, rules and connections of its own (network_namespaces(7)),
 * and what leaves one by a device comes into the next. Where the next one is not known the way ends, and the verdict is the last one's.
 */
import { sameIp } from '../../base/ip-address.ts';
import type { HostModel } from '../model.ts';
import { travel } from '../travel.ts';
import type { DecidedBy, PacketSpec } from '../verdict.ts';
import { drop, type End, finish, undetermined, type Walk, WORLDS_MAX, walkWith } from '../walk.ts';
import { cross } from './crossing.ts';
import { entering, left, specAt } from './legs.ts';

export interface Trip {
  readonly root: HostModel;
  readonly explain: boolean;
  /** What was asked, for what holds in every namespace: the state that was given, what an error is about. */
  readonly spec: PacketSpec;
  /** Looks at each leg that let the packet pass. */
  readonly check?: (model: HostModel, walk: Walk) => Walk;
}

/** More namespaces than this are not followed. */
const LEGS_MAX = 24;

/** From where the packet sets out to all of its ends. `spec` is the packet as `model` sees it. */
export const journey = (trip: Trip, model: HostModel, spec: PacketSpec, start: Walk): readonly Walk[] => {
  const legs = travel({ model, explain: trip.explain }, spec, start);
  const only = legs[0];
  if (legs.length === 1 && only !== undefined) return onwards(trip, model, checked(trip, model, left(model, start, only)));
  const all = legs.flatMap((walk) => onwards(trip, model, checked(trip, model, left(model, start, walk))));
  if (all.length <= WORLDS_MAX) return all;
  const text = 'too many unknown conditions on the way to follow them all';
  const next = walkWith(all[WORLDS_MAX] as Walk, { end: { outcome: 'undetermined', decidedBy: { kind: 'default', text }, out: null } });
  return [...all.slice(0, WORLDS_MAX), next];
};

const checked = (trip: Trip, model: HostModel, walk: Walk): Walk =>
  trip.check === undefined || walk.end?.outcome !== 'accept' ? walk : trip.check(model, walk);

const onwards = (trip: Trip, model: HostModel, walk: Walk): readonly Walk[] => {
  const { end } = walk;
  if (end === null || end.outcome !== 'accept') return [walk];
  if (end.out === 'local') return [arrived(model, walk, end)];
  if (end.silent === true || end.out === null) return [leftBehind(walk, end)];
  const { explain, spec } = trip;
  const crossings = cross({ root: model.host, model, walk, spec, explain });
  if (crossings === null) return [leftBehind(walk, end)];
  return crossings.flatMap((crossing) => {
    if (crossing.kind === 'ended') return [crossing.walk];
    const { model: next, arrival } = crossing;
    const inside = entering(next, crossing.walk, spec, arrival);
    const stop = tooFar(next, inside, arrival.dev);
    return stop === null ? journey(trip, next, specAt(spec, inside, arrival), inside) : [stop];
  });
};

/** The same packet at the same door for the third time goes round until its hop limit ends it. */
const tooFar = (model: HostModel, walk: Walk, dev: string): Walk | null => {
  const { skb } = walk;
  const before = walk.way.filter(
    (mark) =>
      mark.netns === model.netns &&
      mark.device === dev &&
      mark.direction === 'in' &&
      sameIp(mark.skb.src, skb.src) &&
      sameIp(mark.skb.dst, skb.dst),
  );
  if (before.length >= 2) {
    const text = `the packet goes round by ${dev} of ${model.name} until its hop limit expires`;
    return drop(walk, 'routing', { kind: 'default', text, reason: 'ttl-expired', about: { device: dev } });
  }
  if ((walk.legs?.count ?? 0) < LEGS_MAX) return null;
  const text = `more than ${LEGS_MAX} namespaces on the way`;
  return undetermined(walk, { kind: 'default', text }, `${text}: they are not followed any further`);
};

/** A socket of the namespace takes it: what the host made of the packet stays what is said of it. */
const arrived = (model: HostModel, walk: Walk, end: End): Walk => {
  if (model.netns === null) return walk;
  const way = walk.legs?.hostEnd ?? null;
  const network = networkAt(model.host, model, walk);
  const to =
    way?.deliveredTo?.container === model.owner ? way.deliveredTo : network === null ? undefined : { container: model.name, network };
  const { silent, ignored } = end;
  const stayed: DecidedBy = {
    kind: 'route',
    text: `the packet never leaves ${model.name}`,
    reason: 'container-itself',
    about: { container: model.name },
    namespace: model.name,
  };
  return finish(walk, {
    outcome: 'accept',
    decidedBy: way?.decidedBy ?? ((walk.legs?.count ?? 0) > 1 ? end.decidedBy : stayed),
    out: way?.out ?? null,
    inside: model.netns,
    ...(way?.outPort === undefined ? {} : { outPort: way.outPort }),
    ...(way?.receiverMac === undefined ? {} : { receiverMac: way.receiverMac }),
    ...(to === undefined ? {} : { deliveredTo: to }),
    ...(silent === undefined ? {} : { silent }),
    ...(ignored === undefined ? {} : { ignored }),
  });
};

/** By which of Docker's networks the container has got it; the device's own name where it is none of Docker's; null for no container. */
const networkAt = (root: HostModel, model: HostModel, walk: Walk): string | null => {
  const last = walk.way.findLast(({ direction, netns }) => direction === 'in' && netns === model.netns);
  if (last === undefined || last.device === 'lo') return null;
  const container = root.facts.containers.find(({ name }) => name === model.owner);
  if (container === undefined) return null;
  const place = root.places.all.find((each) => each.container === container && each.interface === last.device);
  return place?.endpoint.network ?? last.device;
};

/** Out into what is not known: on a wire, or with somebody whose namespace was not read. */
const leftBehind = (walk: Walk, end: End): Walk => {
  const { hostEnd, netns } = walk.legs ?? { hostEnd: null, netns: null };
  if (netns === null) return walk;
  const { deliveredTo: _deliveredTo, outPort: _outPort, ...own } = end;
  return finish(walk, { ...own, decidedBy: hostEnd?.decidedBy ?? end.decidedBy, out: hostEnd?.out ?? null });
};
