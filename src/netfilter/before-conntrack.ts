/**
 * The raw table runs before connection tracking, so its rules find no connection: xt_conntrack calls that INVALID. Only a packet of this
 * host that comes back on `lo` still carries the one it got on its way out.
 */
import type { HookOutcome } from './evaluation.ts';
import type { Hook } from './ruleset.ts';
import { type CtView, ctWith, type Skb, skbWith } from './skb.ts';

export const seeingNoConnection = (skb: Skb, hook: Hook, evaluate: (skb: Skb) => readonly HookOutcome[]): readonly HookOutcome[] => {
  if (hook === 'prerouting' && skb.inDev === 'lo') return evaluate(skb);
  const bare = ctWith(skb.ct, { state: 'INVALID' });
  const outcomes = evaluate(skbWith(skb, { ct: bare }));
  return outcomes.map((outcome) => ({ ...outcome, skb: skbWith(outcome.skb, { ct: restored(skb.ct, outcome.skb.ct) }) }));
};

/** What CT decided stays; the connection itself is the one that will be looked up. */
const restored = (before: CtView, after: CtView): CtView => {
  if (after.state === 'UNTRACKED') return { ...before, state: 'UNTRACKED', zone: after.zone };
  if (after.zone === before.zone) return before;
  return { ...before, zone: after.zone, ...(after.zoneOf === undefined ? {} : { zoneOf: after.zoneOf }) };
};
