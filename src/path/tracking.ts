/**
 * Connection tracking as the packet passes it: which connection it belongs to, and whether there is room for a new one.
 * nf_conntrack_in, resolve_normal_ct and __nf_conntrack_alloc in net/netfilter/nf_conntrack_core.c.
 */
import { hasConnection, isTemplate, stateOfFirstPacket } from '../netfilter/conntrack.ts';
import { type CtView, ctWith, skbWith } from '../netfilter/skb.ts';
import { beginningConnection, noConnection } from './classify.ts';
import { zoneIn } from './conntrack-index.ts';
import type { HostModel } from './model.ts';
import type { DecidedBy, VerdictStep } from './verdict.ts';
import { assume, type CtPlan, drop, record, type Walk, walkWith } from './walk.ts';

/** A packet that has been seen (through lo) or is exempt keeps what it has; one that was INVALID has nothing, and is looked at again. */
export const track = (model: HostModel, walk: Walk, hook: VerdictStep['hook']): readonly Walk[] => {
  const { skb } = walk;
  if ((walk.tracked && hasConnection(skb.ct) && !isTemplate(skb.ct)) || skb.ct.state === 'UNTRACKED')
    return [walkWith(walk, { tracked: true })];
  const plan = planInZone(walk);
  const seen = (ct: CtView): readonly Walk[] => {
    const source = plan.kind === 'connection' ? plan.source : 'first-sight';
    const tracked = told(hook, walkWith(walk, { skb: skbWith(skb, { ct }), tracked: true }), source);
    const begins = !ct.confirmed && (ct.state === 'NEW' || ct.state === 'RELATED');
    return begins ? withRoom(model, tracked, hook) : [tracked];
  };
  if (plan.kind === 'connection') return seen(plan.ct);
  if (!model.tracks[skb.family]) {
    const untracked = walkWith(walk, { skb: skbWith(skb, { ct: noConnection(skb, 'UNTRACKED') }), tracked: true });
    return [
      record(untracked, { kind: 'conntrack', hook, result: 'skip', text: 'UNTRACKED', note: 'no rule asks for connection tracking' }),
    ];
  }
  // nf_conntrack_tcp_loose is 1 unless somebody changed it.
  const state = stateOfFirstPacket(skb, model.sysctls.number('net.netfilter.nf_conntrack_tcp_loose') !== 0);
  const begun = (): CtView => {
    const { zone, zoneOf } = skb.ct;
    const ct = beginningConnection(skb);
    return zone === 0 && zoneOf === undefined ? ct : ctWith(ct, zoneOf === undefined ? { zone } : { zone, zoneOf });
  };
  if (state === 'INVALID' || state === 'UNTRACKED') return seen(noConnection(skb, state));
  if (typeof state === 'string') return seen(begun());
  const by: DecidedBy = { kind: 'default', text: state.unknown };
  return [
    ...seen(begun()).map((each) => assume(each, `${state.unknown}: taken as one that begins a connection`, by)),
    ...seen(noConnection(skb, 'INVALID')).map((each) => assume(each, `${state.unknown}: taken as one that belongs to no connection`, by)),
  ];
};

/**
 * A packet that CT --zone has put into another zone meets the connections of that zone, not those that were found for it before; and an
 * answer that no such rule puts where its request was is not found to belong to it (nf_ct_zone_equal in resolve_normal_ct).
 */
const planInZone = ({ skb, plan }: Walk): CtPlan => {
  if (plan.kind === 'connection' && plan.source === 'request') {
    const { zone, zoneOf, direction } = plan.ct;
    return zoneIn(zone, zoneOf, direction) === zoneIn(skb.ct.zone, skb.ct.zoneOf, direction) ? plan : { kind: 'first-sight' };
  }
  return skb.ct.zone === 0 ? plan : (plan.inZone?.(skb.ct.zone, skb.ct.zoneOf) ?? plan);
};

/** The count is the namespace's own, the maximum is one for all. A full table may still evict entries that are not ASSURED (early_drop). */
const withRoom = (model: HostModel, walk: Walk, hook: VerdictStep['hook']): readonly Walk[] => {
  const most = 'net.netfilter.nf_conntrack_max';
  const count = model.sysctls.number('net.netfilter.nf_conntrack_count');
  const max = model.sysctls.number(most);
  if (count === null || max === null || max === 0 || count < max) return [walk];
  const by: DecidedBy = { kind: 'sysctl', text: model.sysctls.line(most), reason: 'conntrack-full', about: { sysctl: most } };
  const text = `the table of connections is full: nf_conntrack_count = ${count}`;
  const place = hook === 'output' ? 'output' : 'prerouting';
  const full = (each: Walk): Walk => drop(each, place, by, `${text}, and no rule is asked`);
  const evictable = model.self.conntrack === null || model.self.conntrack.some((entry) => !entry.status.includes('ASSURED'));
  if (!evictable) return [full(walk)];
  return [
    full(assume(walk, `${text}: taken to find none near its place that may be evicted`, by)),
    assume(walk, `${text}: taken to evict an entry that is not ASSURED`, by),
  ];
};

const told = (hook: VerdictStep['hook'], walk: Walk, source: Extract<CtPlan, { kind: 'connection' }>['source'] | 'first-sight'): Walk =>
  record(walk, { kind: 'conntrack', hook, result: 'allow', text: walk.skb.ct.state, note: CT_SOURCES[source] });

const CT_SOURCES = {
  given: 'as the question says',
  snapshot: 'as conntrack lists it',
  request: 'the connection of the request',
  'first-sight': 'not seen before',
} as const;
