/**
 * A packet's way over several network namespaces is made of legs, one for each namespace that it passes: it comes in as the last one
 * sent it, with nothing of what that one thought of it (skb_scrub_packet in net/core/skbuff.c: no mark, no connection), and finds a
 * connection tracking of its own there. What is told on a leg carries the name of its namespace.
 */
import { formatMac, sameIp } from '../../base/ip-address.ts';
import { hasConnection, laterView, replyView, tupleOf } from '../../netfilter/conntrack.ts';
import { type CtView, skbWith } from '../../netfilter/skb.ts';
import type { Tuple } from '../../netfilter/tuple.ts';
import { noConnection } from '../classify.ts';
import type { HostModel } from '../model.ts';
import { natOriginOf } from '../reply.ts';
import { packetType, planOf } from '../start.ts';
import type { DecidedBy, PacketSpec } from '../verdict.ts';
import { type End, type LegConnection, type Legs, note, type Walk, walkWith } from '../walk.ts';

/** Where and how a packet comes into a namespace. */
export interface Arrival {
  readonly dev: string;
  readonly srcMac: number | null;
  /** Null where its sender's neighbour table would tell. */
  readonly dstMac: number | null;
}

/** The packet at the door of the next namespace. */
export const entering = (model: HostModel, walk: Walk, spec: PacketSpec, { dev, srcMac, dstMac }: Arrival): Walk => {
  const { skb } = walk;
  const bare = skbWith(skb, {
    inDev: null,
    outDev: null,
    physIn: null,
    physOut: null,
    bridged: false,
    mark: 0,
    local: false,
    hasMac: true,
    srcMac,
    packetType: packetType(skb.dst, dstMac),
    ct: noConnection(skb, 'INVALID'),
  });
  delete (bare as { markUnknown?: string }).markUnknown;
  const met = connectionOf(walk.legs, model.netns, tupleOf(bare));
  const { plan } =
    met === null
      ? planOf(model, specAt(spec, walk, { dev, srcMac, dstMac }), bare)
      : { plan: { kind: 'connection', ct: met.ct, source: 'request' } as const };
  return walkWith(walk, {
    skb: bare,
    plan,
    natOrigin: met?.nat ?? { dst: null, src: null },
    passes: [],
    out: null,
    nextHop: null,
    mtu: null,
    dstNatDone: false,
    srcNatDone: false,
    tracked: false,
    end: null,
  });
};

/** The question that a packet asks of the namespace it comes into: what it is there, and what of the first question still holds. */
export const specAt = (spec: PacketSpec, { skb }: Walk, { dev, srcMac, dstMac }: Arrival): PacketSpec => {
  const { state, about, icmpId, dontFragment } = spec;
  return {
    in: dev,
    src: '',
    dst: '',
    proto: skb.protocol,
    ...(srcMac === null ? {} : { srcMac: formatMac(srcMac) }),
    ...(dstMac === null ? {} : { dstMac: formatMac(dstMac) }),
    ...(state === undefined ? {} : { state }),
    ...(about === undefined ? {} : { about }),
    ...(icmpId === undefined ? {} : { icmpId }),
    ...(dontFragment === undefined ? {} : { dontFragment }),
  };
};

/** The connection that was begun or met in this namespace before, as the packet finds it now. */
const connectionOf = (legs: Legs | null, netns: string | null, tuple: Tuple): LegConnection | null => {
  const known = legs?.connections.findLast(
    (each) => each.netns === netns && (sameEnds(each.ct.original, tuple) || sameEnds(each.ct.reply, tuple)),
  );
  if (known === undefined) return null;
  const { ct } = known;
  const direction = sameEnds(ct.original, tuple) ? 'original' : 'reply';
  return { ...known, ct: direction === ct.direction ? laterView(ct, ct.seenReply) : replyView(ct) };
};

/** Ports that are not known, as those of ICMP, are no difference. */
const sameEnds = (x: Tuple, y: Tuple): boolean =>
  sameIp(x.src, y.src) && sameIp(x.dst, y.dst) && samePort(x.srcPort, y.srcPort) && samePort(x.dstPort, y.dstPort);

const samePort = (x: number | null, y: number | null): boolean => x === null || y === null || x === y;

/** The walk behind a leg through `model`: what the leg told is marked as told there, and its connection is remembered. */
export const left = (model: HostModel, before: Walk, after: Walk): Walk => {
  const { netns } = model;
  const end = after.end === null ? null : named(model, after.end, after.skb.local);
  const { skb } = after;
  const keeps = after.tracked && hasConnection(skb.ct) && skb.ct.state !== 'INVALID' && skb.ct.state !== 'UNTRACKED';
  const old = before.legs;
  const connection: LegConnection | null = keeps
    ? {
        netns,
        ct: skb.ct,
        nat: after.nat.length === before.nat.length ? before.natOrigin : merged(before, natOriginOf(after.nat.slice(before.nat.length))),
      }
    : null;
  const legs: Legs = {
    count: (old?.count ?? 0) + 1,
    netns,
    connections: connection === null ? (old?.connections ?? []) : [...(old?.connections ?? []), connection],
    hostEnd: netns === null && end?.outcome === 'accept' ? end : (old?.hostEnd ?? null),
  };
  return gapsTold(model, netns === null ? walkWith(after, { end, legs }) : marked(model, before, after, { end, legs }));
};

const merged = (before: Walk, nat: LegConnection['nat']): LegConnection['nat'] => ({
  dst: nat.dst ?? before.natOrigin.dst,
  src: nat.src ?? before.natOrigin.src,
});

const named = (model: HostModel, end: End, isSender: boolean): End =>
  model.owner === null ? end : { ...end, decidedBy: inside(model, isSender ? lackOfRoute(model.owner, end.decidedBy) : end.decidedBy) };

/** A sender without a route is another matter than a router without one. */
const lackOfRoute = (owner: string, by: DecidedBy): DecidedBy => {
  const about = { ...by.about, container: owner };
  if (by.reason === 'no-route')
    return { ...by, text: by.text.replace(/^no route/, `no route in ${owner}`), reason: 'container-no-route', about };
  return by.reason === 'refusing-route' ? { ...by, text: `${by.text} (in ${owner})`, reason: 'container-no-route', about } : by;
};

const inside = (model: HostModel, by: DecidedBy): DecidedBy =>
  model.owner === null || by.namespace !== undefined ? by : { ...by, namespace: model.owner };

/** Steps, phases, translations and assumptions of the leg with the name of its namespace. */
export const marked = (model: HostModel, before: Walk, after: Walk, change: Partial<Walk> = {}): Walk => {
  const namespace = model.owner ?? '';
  const mark = <T extends object>(list: readonly T[], from: number): readonly T[] =>
    list.length === from ? list : list.map((item, at) => (at < from ? item : { ...item, namespace }));
  const by = <T extends { readonly by: DecidedBy }>(list: readonly T[], from: number): readonly T[] =>
    list.length === from ? list : list.map((item, at) => (at < from ? item : { ...item, by: inside(model, item.by) }));
  return walkWith(after, {
    steps: mark(after.steps, before.steps.length),
    nearMisses: mark(after.nearMisses, before.nearMisses.length),
    nat: mark(after.nat, before.nat.length),
    phases: after.phases === null ? null : mark(after.phases, before.phases?.length ?? 0),
    assumptions: by(after.assumptions, before.assumptions.length),
    doubts: by(after.doubts, before.doubts.length),
    ...change,
  });
};

/** Rules that were not read may have stopped what got through. */
const gapsTold = (model: HostModel, walk: Walk): Walk => {
  if (walk.end?.outcome === 'drop') return walk;
  const gaps = model.firewallGaps[walk.skb.family];
  if (gaps.length === 0) return walk;
  return gaps.reduce((each, gap) => note(each, model.owner === null ? gap : `in ${model.owner}: ${gap}`), walk);
};

/** The connection as others have to see it before a packet sets out: begun, and its first packet let out. */
export const begunIn = (netns: string, ct: CtView): LegConnection => ({
  netns,
  ct: laterView(ct, false),
  nat: { dst: null, src: null },
});
