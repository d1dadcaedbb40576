/**
 * Connections as a question or a snapshot gives them; those that a first packet begins are made in netfilter/conntrack.
 * nf_conntrack_core.c, nf_conntrack_proto_{tcp,icmp,icmpv6}.c.
 */
import { invertTuple, newConnection, tupleOf } from '../netfilter/conntrack.ts';
import { type CtState, type CtView, ctWith, type Skb } from '../netfilter/skb.ts';
import { isRefusedInState } from '../netfilter/tcp-tracking.ts';
import type { Tuple } from '../netfilter/tuple.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, TH_ACK, TH_SYN } from '../packet/packet.ts';
import type { ConntrackHit } from './conntrack-index.ts';

/** A packet before conntrack has seen it, or one that it refuses: no connection at all. */
export const noConnection = (skb: Skb, state: 'INVALID' | 'UNTRACKED'): CtView => newConnection(tupleOf(skb), skb.protocol, state);

/** The connection that a first packet begins. */
export const beginningConnection = (skb: Skb): CtView => newConnection(tupleOf(skb), skb.protocol);

/** A connection that is said to exist while the snapshot knows nothing of it: its marks and translation are not known. */
export const establishedConnection = (skb: Skb, state: CtState, direction: 'original' | 'reply'): CtView => {
  const own = tupleOf(skb);
  const original = direction === 'original' ? own : invertTuple(own);
  return ctWith(beginningConnection(skb), {
    state,
    direction,
    original,
    reply: invertTuple(original),
    seenReply: state === 'ESTABLISHED',
    assured: state === 'ESTABLISHED' && skb.protocol === IPPROTO_TCP,
    confirmed: true,
    mark: null,
  });
};

export const connectionOf = (hit: ConntrackHit, state: CtState | null): CtView => {
  const { entry, direction } = hit;
  const seenReply = !entry.status.includes('UNREPLIED');
  return {
    // A second SYN before any answer is NEW still (nf_conntrack_in: IP_CT_NEW until IPS_SEEN_REPLY).
    state: state ?? (direction === 'reply' || seenReply ? 'ESTABLISHED' : 'NEW'),
    direction,
    original: entry.original,
    reply: entry.reply,
    protocol: entry.protocol,
    snat: differs(entry.original.src, entry.original.srcPort, entry.reply.dst, entry.reply.dstPort),
    dnat: differs(entry.original.dst, entry.original.dstPort, entry.reply.src, entry.reply.srcPort),
    // An answer counts from itself on; an error about the connection is none.
    seenReply: seenReply || (direction === 'reply' && state !== 'RELATED'),
    assured: entry.status.includes('ASSURED'),
    confirmed: true,
    expected: false,
    mark: entry.mark,
    zone: entry.zone ?? 0,
  };
};

/** What the packet is to a connection that the snapshot knows: of it, or INVALID where its state has no room for such a packet. */
export const connectionFor = (skb: Skb, hit: ConntrackHit): CtView => {
  const refused = skb.protocol === IPPROTO_TCP && skb.tcpFlags !== null && isRefusedInState(hit.entry.state, hit.direction, skb.tcpFlags);
  return refused ? noConnection(skb, 'INVALID') : connectionOf(hit, null);
};

const differs = (x: Tuple['src'], xPort: number | null, y: Tuple['src'], yPort: number | null): boolean =>
  x.a !== y.a || x.b !== y.b || x.c !== y.c || x.d !== y.d || (xPort !== null && yPort !== null && xPort !== yPort);

/** A reply by its looks, for packets of connections that are not known otherwise. */
export const looksLikeReply = (skb: Skb): boolean => {
  if (skb.protocol === IPPROTO_TCP) return skb.tcpFlags !== null && (skb.tcpFlags & (TH_SYN | TH_ACK)) === (TH_SYN | TH_ACK);
  if (skb.protocol === IPPROTO_ICMP) return skb.icmpType !== null && ICMP_REPLIES.has(skb.icmpType);
  if (skb.protocol === IPPROTO_ICMPV6) return skb.icmpType === 129;
  return false;
};

/** Echo reply, timestamp reply, information reply, address mask reply. */
const ICMP_REPLIES: ReadonlySet<number> = new Set([0, 14, 16, 18]);
/** Errors that quote a packet: nf_conntrack_icmpv4_error. */
const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

export const isIcmpError = (skb: Skb): boolean =>
  skb.icmpType !== null &&
  ((skb.protocol === IPPROTO_ICMP && ICMP_ERRORS.has(skb.icmpType)) || (skb.protocol === IPPROTO_ICMPV6 && skb.icmpType < 128));
