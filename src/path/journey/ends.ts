/** Where a packet sets out and where it ends, over all namespaces: in the sender's, or where it was seen; and whether an answer is the one asked for. */
import { formatIp } from '../../base/ip-address.ts';
import type { DockerContainer } from '../../host/facts.ts';
import { newConnection, tupleOf } from '../../netfilter/conntrack.ts';
import { askedOfHost } from '../asking.ts';
import { onBridge } from '../bridge.ts';
import { isLocalAddress } from '../env.ts';
import type { HostModel } from '../model.ts';
import { neighbourAt } from '../neighbours.ts';
import { namespaceOf } from '../places.ts';
import { checkAnswer, sameEnd } from '../reply.ts';
import { startWalk } from '../start.ts';
import type { DecidedBy, PacketSpec } from '../verdict.ts';
import { addStep, type End, finish, record, undetermined, type Walk, walkWith } from '../walk.ts';
import type { WireEnd } from '../wires.ts';
import { begunIn } from './legs.ts';

export interface Start {
  /** The namespace that it is first seen in. */
  readonly at: HostModel;
  /** The packet as that namespace sees it. */
  readonly own: PacketSpec;
  readonly began: Walk;
}

/** In the namespace of whoever is yet to send it; without a sender, where `spec` says that it is. */
export const setOut = (root: HostModel, spec: PacketSpec, explain: boolean): Start => {
  const container = spec.sender === undefined ? undefined : root.facts.containers.find(({ name }) => name === spec.sender);
  const namespace = container === undefined ? null : namespaceOf(root.facts, container);
  const at = namespace === null ? null : root.inside(namespace.id);
  if (at !== null) {
    const { port: _port, srcMac: _srcMac, dstMac: _dstMac, ...rest } = spec;
    const own: PacketSpec = { ...rest, in: null };
    return { at, own, began: startWalk(at, own, explain) };
  }
  const plain = startWalk(root, spec, explain);
  const began = container === undefined ? plain : asksHost(root, spec, plain, container);
  const cable = sentBy(root, spec);
  return { at: root, own: spec, began: cable === null ? began : seenBehind(root, began, cable) };
};

/** A sender whose own namespace was not read: what is not for a station of the bridge goes to the host, whose address there it must learn. */
const asksHost = (root: HostModel, spec: PacketSpec, walk: Walk, container: DockerContainer): Walk => {
  const { in: bridge } = spec;
  if (bridge === null || !root.isBridge(bridge)) return walk;
  if (onBridge(root, bridge, walk.skb.dst) && isLocalAddress(root, walk.skb.dst) !== true) return walk;
  const inside = namespaceOf(root.facts, container)?.facts;
  const dev = root.places.all.find((place) => place.container === container && place.bridge === bridge)?.interface ?? null;
  const host = root.addressesOf(bridge).find(({ ip }) => ip.version === walk.skb.family)?.ip;
  const known = inside === undefined || dev === null || host === undefined ? null : neighbourAt(inside, dev, host);
  return askedOfHost(root, walk, bridge, container.name, known);
};

/** The far end of the cable that the packet was seen to come in by. */
const sentBy = (root: HostModel, { in: device, port, srcMac }: PacketSpec): WireEnd | null => {
  const link = device === null ? undefined : root.links?.get(port ?? device);
  const far = link === undefined ? null : root.wires.peerOf(null, link);
  // Behind a bridge of its own there may be others who sent it.
  return far === null || far.netns === null || far.link.master !== null || (srcMac !== undefined && srcMac !== far.link.mac) ? null : far;
};

/**
 * What its sender's own rules did to it is settled: it left like this, and its connection there has begun. How it was before they
 * translated it cannot be seen from here.
 */
const seenBehind = (root: HostModel, began: Walk, { netns, link }: WireEnd): Walk => {
  const { skb } = began;
  const owner = netns === null ? null : (root.inside(netns)?.owner ?? null);
  if (netns === null || owner === null) return began;
  return walkWith(began, {
    way: [{ netns, owner, device: link.name, direction: 'out', skb }],
    legs: { count: 0, netns: null, connections: [begunIn(netns, newConnection(tupleOf(skb), skb.protocol))], hostEnd: null },
  });
};

/** The question for the namespaces behind the first: a connection is another one in each, but one that is under way is so everywhere. */
export const asLater = (spec: PacketSpec): PacketSpec => {
  if (spec.connection === undefined) return spec;
  const { connection, state, ...rest } = spec;
  const known = state ?? (connection.ct.state === 'NEW' ? undefined : connection.ct.state);
  return known === undefined ? rest : { ...rest, state: known };
};

/** An answer is known by the connections that its request began; where there is none it is seen for the first time. */
export const asAnswer = ({ connection: _connection, state: _state, ...rest }: PacketSpec): PacketSpec => rest;

/** What an answer finds of its request: the connections in each namespace. */
export const backFrom = ({ legs }: Walk): Walk['legs'] => (legs === null ? null : { ...legs, count: 0, netns: null, hostEnd: null });

/** Holds an answer against the connection that its request had in the namespace that it has just left. */
export const checkedAnswer = (request: Walk, at: HostModel, walk: Walk): Walk => {
  const there = request.legs?.connections.filter(({ netns, ct }) => netns === at.netns && ct.direction === 'original') ?? [];
  const [only] = there;
  return only === undefined || there.length > 1 ? walk : checkAnswer(only.ct, walk);
};

/** In the end it must come from where the request was sent to, and to whom sent it. */
export const answering = (root: HostModel, began: Walk, walk: Walk): Walk => {
  const { end } = walk;
  const asked = began.skb;
  if (end === null || end.outcome !== 'accept') return walk;
  const astray = goneAstray(root, walk, end);
  if (astray !== null) return astray;
  const { src, srcPort, dst, dstPort } = walk.skb;
  const fromOther = !sameEnd(src, srcPort, asked.dst, asked.dstPort);
  if (!fromOther && sameEnd(dst, dstPort, asked.src, asked.srcPort)) return walk;
  const text = fromOther
    ? `the answer comes from ${formatIp(src)}, asked was ${formatIp(asked.dst)}`
    : `the answer is for ${formatIp(dst)}, asked has ${formatIp(asked.src)}`;
  const decidedBy: DecidedBy = {
    ...end.decidedBy,
    reason: 'answer-not-translated',
    about: { address: formatIp(fromOther ? src : dst) },
  };
  return finish(addStep(walk, 'bridge', text, 'drop', 'the asker refuses the answer'), { outcome: 'drop', decidedBy, out: null });
};

/** Out by a device of the answering namespace that leads to nobody who is known, as a tunnel does. */
const goneAstray = (root: HostModel, walk: Walk, end: End): Walk | null => {
  const netns = walk.legs?.netns ?? null;
  const last = walk.way.at(-1);
  if (netns === null || end.inside !== undefined || last === undefined || last.netns !== netns || walk.legs?.count !== 1) return null;
  const name = root.inside(netns)?.name ?? '';
  const route = walk.steps.findLast(({ device }) => device === last.device)?.text ?? last.device;
  const by: DecidedBy = {
    kind: 'route',
    text: route,
    reason: 'answer-astray',
    about: { device: last.device, container: name },
    namespace: name,
  };
  const text = `the answer leaves ${name} by ${last.device}, where what becomes of it is not seen: the question came another way`;
  return undetermined(walkWith(walk, { end: null }), by, text);
};

/** Who gets an accepted packet, as the last thing that is told about its way. */
export const delivered = (walk: Walk): Walk => {
  const { end } = walk;
  if (end === null || end.outcome !== 'accept') return walk;
  const to = end.deliveredTo;
  const isHere = end.out === 'local' || end.inside !== undefined;
  const text =
    to !== undefined
      ? `delivered to ${to.container} (${to.network})`
      : end.inside !== undefined
        ? 'delivered to a socket of its own namespace'
        : end.out === 'local'
          ? 'delivered to the host itself'
          : `leaves by ${end.out ?? 'an interface that is not known'}`;
  const owner = end.inside === undefined ? null : (walk.way.at(-1)?.owner ?? null);
  const place = owner === null ? {} : { namespace: owner };
  return record(walk, { kind: 'delivery', hook: isHere ? 'input' : 'postrouting', result: 'allow', text, ...place });
};
