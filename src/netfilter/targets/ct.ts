/** CT and NOTRACK: what connection tracking shall do with the packet. xt_CT.c. Ignored where the packet has been tracked before. */
import type { Skb } from '../skb.ts';
import { type CompiledTarget, changingTarget, findOption, type TargetModule } from './target.ts';

/** A packet of this host comes back through PREROUTING on `lo` with its connection still on it. */
export const seenBefore = (skb: Skb, hook: string): boolean => hook === 'prerouting' && skb.inDev === 'lo';

const untracked = (skb: Skb, hook: string): { readonly skb: Skb; readonly note: string } | null =>
  seenBefore(skb, hook) ? null : { skb: { ...skb, ct: { ...skb.ct, state: 'UNTRACKED' } }, note: 'not tracked: no connection, no NAT' };

export const notrack: TargetModule = changingTarget('NOTRACK', 'notrack', () => untracked);

/** What a rule does that only says so, ready to run. */
export const notTracked: CompiledTarget = {
  inert: false,
  run: (skb, _env, hook) => {
    const changed = untracked(skb, hook);
    return changed === null ? { kind: 'continue', action: 'notrack', skb } : { kind: 'continue', action: 'notrack', ...changed };
  },
};

const tracking: TargetModule = changingTarget('CT', 'continue', (spec) => {
  const zone = findOption(spec, '--zone') ?? findOption(spec, '--zone-orig') ?? findOption(spec, '--zone-reply');
  if (zone === undefined) return () => null;
  const number = /^\d+$/.test(zone.values[0] ?? '') ? Number(zone.values[0]) : null;
  if (number === null) return null;
  return (skb, hook) =>
    seenBefore(skb, hook) ? null : { skb: { ...skb, ct: { ...skb.ct, zone: number } }, note: `conntrack zone ${number}` };
});

export const ct: TargetModule = {
  name: 'CT',
  compile: (spec, context) => (findOption(spec, '--notrack') === undefined ? tracking : notrack).compile(spec, context),
};
