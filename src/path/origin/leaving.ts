/** The question about a packet that has been through the host: back to where it came in, its translations undone. */
import { formatIp, formatMac, sameIp } from '../../base/ip-address.ts';
import { invertTuple, isNeverTracked } from '../../netfilter/conntrack.ts';
import type { Tuple } from '../../netfilter/tuple.ts';
import { type Request, requestsFor } from '../backwards.ts';
import { connectionOf } from '../classify.ts';
import { entryOf } from '../entry.ts';
import type { HostModel } from '../model.ts';
import { replyTo } from '../reply.ts';
import type { PacketSpec } from '../verdict.ts';
import { beginning, lookupTuple, namesOf, type Origin, requestType, type Seen, transportOf } from './seen.ts';

/** The packet has been through the host: back to where it came in, as it was then. */
export const leaving = (
  model: HostModel,
  seen: Seen,
  dev: string,
  toward: 'container' | 'wire',
  assumptions: readonly string[],
): Origin => {
  const hit = seen.index?.find(seen.packet.protocol, invertTuple(lookupTuple(seen))) ?? null;
  if (hit !== null) {
    // What left is the inverse of the other direction's tuple; that direction's own tuple is what came in.
    const came = hit.direction === 'reply' ? hit.entry.original : hit.entry.reply;
    if (seen.looks === 'first' && hit.direction === 'reply')
      return fromEntry(model, seen, came, dev, beginning(seen, withoutId(seen, came)), assumptions);
    const ct = connectionOf({ entry: hit.entry, direction: hit.direction === 'reply' ? 'original' : 'reply' }, 'ESTABLISHED');
    return fromEntry(model, seen, came, dev, { state: 'ESTABLISHED', connection: { ct, nat: { dst: null, src: null } } }, assumptions);
  }
  if (seen.looks === 'reply') return leavingAnswer(model, seen, dev, assumptions);
  const requests = requestsFor(model, {
    protocol: seen.packet.protocol,
    tuple: seen.tuple,
    ...(seen.packet.icmpType < 0 ? {} : { icmpType: seen.packet.icmpType }),
    near: dev,
  }).filter((request) => request.walk.end?.out === dev);
  if (requests.length === 0) {
    // No rule lets it begin like this, yet it left: it belongs to a connection that is not known.
    const { protocol, icmpType } = seen.packet;
    if (isNeverTracked(protocol, icmpType)) return fromEntry(model, seen, seen.tuple, dev, {}, assumptions);
    const state = seen.looks === 'error' ? ('RELATED' as const) : ('ESTABLISHED' as const);
    return fromEntry(model, seen, seen.tuple, dev, { state }, [
      ...assumptions,
      'no packet that the rules let begin would leave like this: taken as one of a connection that is not known, untranslated',
    ]);
  }
  if (toward === 'wire' && requests.length > 1 && requests.some((request) => request.kind === 'snat')) {
    return { unknown: `after translation the packet may come from ${namesOf(model, requests)}: conntrack would tell` };
  }
  // What the host sends of itself to an address behind `dev` carries the address of `dev`; a translated packet keeps the one it was begun with.
  const own = model.addressesOf(dev).some((address) => sameIp(address.ip, seen.src));
  const plain = own ? requests.find((request) => request.kind === 'plain' && request.spec.in === null) : undefined;
  const chosen = plain ?? (requests[0] as Request);
  const told = chosen.walk.nat.map((nat) => `its translation ${nat.from} → ${nat.to} is taken from the present rules`);
  const direct = chosen.kind === 'dnat' && requests.some((request) => request.kind === 'plain');
  const others = direct ? [`it could as well have been sent to ${formatIp(seen.dst)} itself`] : [];
  const established = seen.looks === 'later' ? { state: 'ESTABLISHED' as const } : {};
  const { state: _state, ...asked } = chosen.spec;
  return { spec: { ...asked, ...fieldsOf(seen), ...established }, assumptions: [...assumptions, ...told, ...others] };
};

const withoutId = (seen: Seen, tuple: Tuple): Tuple => (seen.packet.srcPort < 0 ? { ...tuple, srcPort: null, dstPort: null } : tuple);

/** Fields of the packet that no translation changes; its hop limit and MAC addresses were others where it came in. */
const fieldsOf = (seen: Seen): Partial<PacketSpec> => {
  const { sport: _sport, dport: _dport, ...rest } = transportOf(seen);
  return rest;
};

const leavingAnswer = (model: HostModel, seen: Seen, dev: string, assumptions: readonly string[]): Origin => {
  // The asker is where the answer goes: its request is the inverse of what it sees, before any translation.
  const asked = invertTuple(seen.tuple);
  const entry = entryOf(model, asked.src, dev);
  if (entry.kind === 'unknown') return { unknown: entry.reason };
  const requests = requestsSent(model, seen, asked, dev);
  const request = requests[0];
  const answer = request === undefined ? null : replyTo(model, request.walk);
  if (request === undefined || answer === null || answer.kind !== 'question') {
    return fromEntry(model, seen, seen.tuple, dev, { state: 'ESTABLISHED' }, [
      ...assumptions,
      'taken as an answer to a question that was not seen',
    ]);
  }
  const told = request.walk.nat.map((nat) => `answers a request whose translation ${nat.from} → ${nat.to} is taken from the present rules`);
  return { spec: { ...answer.spec, ...fieldsOf(seen) }, assumptions: [...assumptions, ...told] };
};

const requestsSent = (model: HostModel, seen: Seen, asked: Tuple, dev: string): readonly Request[] =>
  requestsFor(model, { protocol: seen.packet.protocol, tuple: asked, ...requestType(seen.packet), near: dev, sent: true });

const fromEntry = (
  model: HostModel,
  seen: Seen,
  came: Tuple,
  dev: string,
  rest: Partial<PacketSpec>,
  assumptions: readonly string[],
): Origin => {
  const entry = entryOf(model, came.src, dev);
  if (entry.kind === 'unknown') return { unknown: `where the packet came in is not known: ${entry.reason}` };
  const ports = seen.packet.srcPort < 0;
  const place = entry.kind === 'bridge' ? entry.place : null;
  return {
    spec: {
      in: entry.kind === 'host' ? null : entry.kind === 'bridge' ? entry.bridge : entry.dev,
      src: formatIp(came.src),
      dst: formatIp(came.dst),
      proto: seen.packet.protocol,
      ...fieldsOf(seen),
      ...(ports || came.srcPort === null ? {} : { sport: came.srcPort }),
      ...(ports || came.dstPort === null ? {} : { dport: came.dstPort }),
      ...(place?.port === null || place?.port === undefined ? {} : { port: place.port }),
      ...(place?.mac === null || place?.mac === undefined ? {} : { srcMac: formatMac(place.mac) }),
      ...rest,
    },
    assumptions,
  };
};
