/** The question about a packet that was seen where it came in, or where the host made it: the packet itself, and what the host knows of its connection. */
import { formatIp } from '../../base/ip-address.ts';
import { invertTuple, replyView } from '../../netfilter/conntrack.ts';
import { dstIp, srcIp } from '../../packet/addresses.ts';
import { INNER_QUOTED, IPPROTO_TCP } from '../../packet/packet.ts';
import { requestsFor } from '../backwards.ts';
import { connectionOf } from '../classify.ts';
import { entryOf } from '../entry.ts';
import { isLocalAddress } from '../env.ts';
import { judge } from '../judge.ts';
import { listenerFor } from '../local-in.ts';
import type { HostModel } from '../model.ts';
import { natOriginOf } from '../reply.ts';
import type { PacketSpec, QuotedPacket } from '../verdict.ts';
import { beginning, lookupTuple, namesOf, type Origin, requestType, type Seen, transportOf, tupleOf } from './seen.ts';

/** The packet stands where it entered (or where the host made it): the question is the packet. */
export const asSeen = (
  model: HostModel,
  seen: Seen,
  at: Pick<PacketSpec, 'in' | 'link' | 'port' | 'srcMac' | 'dstMac' | 'sender'>,
  assumptions: readonly string[],
): Origin => {
  const { packet } = seen;
  const mtu = at.in === null ? undefined : model.links?.get(at.in)?.mtu;
  // TCP segments above the MTU are offloaded ones (GSO), which the kernel splits later.
  const offloaded = packet.protocol === IPPROTO_TCP && mtu !== undefined && packet.ipLength > mtu;
  const spec: PacketSpec = {
    ...at,
    src: formatIp(seen.src),
    dst: formatIp(seen.dst),
    ...transportOf(seen),
    ...(packet.ipLength < 0 || offloaded ? {} : { length: packet.ipLength }),
    ...(packet.ttl < 0 ? {} : { ttl: packet.ttl }),
    ...(seen.bytes === null ? {} : { bytes: seen.bytes }),
  };
  return withState(model, seen, spec, assumptions);
};

const withState = (model: HostModel, seen: Seen, spec: PacketSpec, assumptions: readonly string[]): Origin => {
  const { protocol } = seen.packet;
  const about = seen.looks === 'error' ? quoteOf(seen) : null;
  if (about !== null) return { spec: { ...spec, about }, assumptions };
  if (seen.looks === 'first') return { spec: { ...spec, ...beginning(seen, seen.tuple) }, assumptions };
  if (model.worlds !== undefined)
    return {
      spec: { ...spec, state: seen.looks === 'error' ? 'RELATED' : 'ESTABLISHED' },
      assumptions: [...assumptions, 'taken as part of a connection that the host knows: its beginning was not seen'],
    };
  const hit = seen.index?.find(protocol, lookupTuple(seen)) ?? null;
  if (hit !== null) {
    const connection = { ct: connectionOf(hit, seen.looks === 'error' ? 'RELATED' : 'ESTABLISHED'), nat: { dst: null, src: null } };
    return { spec: { ...spec, connection, state: connection.ct.state }, assumptions };
  }
  if (seen.looks === 'error')
    return {
      spec: { ...spec, state: 'RELATED' },
      assumptions: [...assumptions, 'taken as an error about a connection that the host knows'],
    };
  if (seen.looks === 'later' && !mayAnswerHost(model, seen))
    return {
      spec: { ...spec, state: 'ESTABLISHED' },
      assumptions: [...assumptions, 'taken as a packet of a connection that the host knows'],
    };
  const requests = requestsFor(model, { protocol, tuple: invertTuple(seen.tuple), ...requestType(seen.packet), near: null });
  if (requests.length > 1 && requests.some((request) => request.kind === 'snat')) {
    return { unknown: `it may answer ${namesOf(model, requests)}, behind one address: conntrack would tell` };
  }
  const request = requests[0];
  if (request === undefined)
    return { spec: { ...spec, state: 'ESTABLISHED' }, assumptions: [...assumptions, 'taken as an answer to a question that was not seen'] };
  const { dst, dport } = request.spec;
  const asked = `${request.spec.src} → ${dst}${dport === undefined ? '' : ` port ${dport}`}`;
  return {
    spec: { ...spec, state: 'ESTABLISHED', connection: { ct: replyView(request.walk.skb.ct), nat: natOriginOf(request.walk.nat) } },
    assumptions: request.walk.nat.length === 0 ? assumptions : [...assumptions, `taken as the answer to ${asked}`],
  };
};

/** The packet that an ICMP error quotes, where its connection, which is the error's, is known. */
const quoteOf = ({ packet: { innerKind, inner }, index }: Seen): QuotedPacket | null => {
  const src = innerKind === INNER_QUOTED && inner !== null ? srcIp(inner) : null;
  const dst = inner === null ? null : dstIp(inner);
  if (src === null || dst === null || inner === null || inner.protocol < 0) return null;
  const id = inner.icmpId < 0 ? null : inner.icmpId;
  const tuple = tupleOf(inner, src, dst);
  if (!index?.find(inner.protocol, invertTuple(id === null ? tuple : { ...tuple, srcPort: id, dstPort: id }))) return null;
  return {
    src: formatIp(src),
    dst: formatIp(dst),
    proto: inner.protocol,
    ...(inner.srcPort < 0 ? {} : { sport: inner.srcPort }),
    ...(inner.dstPort < 0 ? {} : { dport: inner.dstPort }),
    ...(inner.icmpId < 0 ? {} : { icmpId: inner.icmpId }),
  };
};

/** A packet to the host itself that no socket and no DNAT rule awaits: the answer to something sent from this address. */
const mayAnswerHost = (model: HostModel, seen: Seen): boolean => {
  const { dst, dstPort } = seen.tuple;
  if (isLocalAddress(model, dst) !== true || dstPort === null) return false;
  const awaited = model.self.listeners === null || listenerFor(model.self.listeners, 'tcp', dst, dstPort, null) !== null;
  if (awaited) return false;
  const entry = entryOf(model, seen.src);
  if (entry.kind !== 'device') return false;
  const begun = judge(model, {
    in: entry.dev,
    src: formatIp(seen.src),
    dst: formatIp(dst),
    ...transportOf(seen),
    flags: 'SYN',
    state: 'NEW',
  });
  return begun.nat.length === 0;
};
