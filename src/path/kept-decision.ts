/**
 * A connection that conntrack knows keeps the translation it began with, or that it has none: rules that came later are not asked
 * (nf_nat_inet_fn). Where they would decide otherwise, the entry is what decides.
 */
import { sameIp } from '../base/ip-address.ts';
import { describeTuple } from '../netfilter/conntrack.ts';
import { hasPorts } from '../netfilter/protocols.ts';
import type { CtView } from '../netfilter/skb.ts';
import { IPPROTO_TCP } from '../packet/packet.ts';
import { protocolName } from '../packet/protocols.ts';
import { mergeWalks } from './merge.ts';
import type { HostModel } from './model.ts';
import { startWalk } from './start.ts';
import { travel } from './travel.ts';
import type { PacketSpec, Verdict } from './verdict.ts';
import type { Walk } from './walk.ts';

/** `began`: the walk as it set out. */
export const withKeptDecision = (model: HostModel, spec: PacketSpec, began: Walk, verdict: Verdict): Verdict => {
  const ct = entryOf(spec, began);
  if (ct === null || verdict.outcome !== 'accept') return verdict;
  const { connection: _connection, flags: _flags, ...rest } = spec;
  const first: PacketSpec = { ...rest, state: 'NEW', ...(ct.protocol === IPPROTO_TCP ? { flags: 'SYN' } : {}) };
  const { verdict: fresh, shown } = mergeWalks(model, travel({ model, explain: false }, first, startWalk(model, first)), false);
  if (fresh.outcome === 'undetermined' || sameTranslation(ct, shown, fresh)) return verdict;
  const text = `conntrack entry ${protocolName(ct.protocol)} ${describeTuple(ct.original, ct.protocol)}, answered by ${describeTuple(ct.reply, ct.protocol)}`;
  const now = fresh.nat.map((nat) => `${nat.kind} to ${nat.to}`).join(', ');
  const told = `the rules of now would give a new connection ${now === '' ? 'no translation' : now}: this one keeps what it began with`;
  return { ...verdict, decidedBy: { kind: 'default', text, reason: 'conntrack-entry' }, unknowns: [...verdict.unknowns, told] };
};

/** The connection, where conntrack's own list says so and the packet goes the way of its first one. */
const entryOf = (spec: PacketSpec, { plan }: Walk): CtView | null => {
  if (plan.kind !== 'connection' || !plan.ct.confirmed || plan.ct.direction !== 'original') return null;
  if (plan.source === 'given' || plan.ct.state === 'RELATED') return null;
  if (plan.source === 'request' && (spec.connection?.nat.dst !== null || spec.connection.nat.src !== null)) return null;
  return plan.ct;
};

/** Ports of sources are the kernel's choice; all else must agree. */
const sameTranslation = (kept: CtView, walk: Walk, fresh: Verdict): boolean => {
  const { reply } = walk.skb.ct;
  // A new one that is stopped on its way has the translations of the hooks that it passed.
  const passed = fresh.outcome === 'accept';
  if (!passed && !fresh.nat.some((nat) => nat.kind === 'dnat' || nat.kind === 'redirect')) return true;
  const sameTarget = sameIp(kept.reply.src, reply.src) && (!hasPorts(kept.protocol) || kept.reply.srcPort === reply.srcPort);
  return sameTarget && (!passed || sameIp(kept.reply.dst, reply.dst));
};
