/** CT and NOTRACK: what connection tracking shall do with the packet. xt_CT.c. Ignored where the packet has been tracked before. */
import type { IpAddress } from '../../base/ip-address.ts';
import { type CtView, ctWith, type Skb, skbWith } from '../skb.ts';
import { type CompiledTarget, changingTarget, findOption, type TargetModule } from './target.ts';

/**
 * Of two such rules the first holds, and a packet of this host that comes back through PREROUTING on `lo` has its connection still. Before
 * connection tracking has seen a packet it counts as INVALID; one that it refused on the way out has no connection either.
 */
export const seenBefore = ({ ct: { state } }: Skb): boolean => state !== 'INVALID';

const untracked = (skb: Skb): { readonly skb: Skb; readonly note: string } | null =>
  seenBefore(skb)
    ? null
    : { skb: skbWith(skb, { ct: ctWith(skb.ct, { state: 'UNTRACKED' }) }), note: 'not tracked: no connection, no NAT' };

export const notrack: TargetModule = changingTarget('NOTRACK', 'notrack', () => untracked);

/** What a rule does that only says so, ready to run. */
export const notTracked: CompiledTarget = {
  inert: false,
  run: (skb) => {
    const changed = untracked(skb);
    return changed === null ? { kind: 'continue', action: 'notrack', skb } : { kind: 'continue', action: 'notrack', ...changed };
  },
};

const tracking: TargetModule = changingTarget('CT', 'continue', (spec) => {
  const zone = findOption(spec, '--zone') ?? findOption(spec, '--zone-orig') ?? findOption(spec, '--zone-reply');
  if (zone === undefined) return () => null;
  const zoneOf = zone.name === '--zone' ? undefined : zone.name === '--zone-orig' ? 'original' : 'reply';
  const number = /^\d+$/.test(zone.values[0] ?? '') ? Number(zone.values[0]) : null;
  if (number === null) return null;
  return (skb) => (seenBefore(skb) ? null : { skb: skbWith(skb, { ct: template(skb, number, zoneOf) }), note: `conntrack zone ${number}` });
});

/**
 * nf_ct_tmpl_alloc: until connection tracking comes, the packet carries a connection that is none: new and confirmed, of no protocol and
 * with empty tuples.
 */
const template = ({ ct, family }: Skb, zone: number, zoneOf: CtView['zoneOf']): CtView => {
  const none: IpAddress = { version: family, a: 0, b: 0, c: 0, d: 0 };
  const tuple = { src: none, dst: none, srcPort: 0, dstPort: 0 };
  return ctWith(ct, {
    state: 'NEW',
    direction: 'original',
    original: tuple,
    reply: tuple,
    protocol: 0,
    confirmed: true,
    mark: 0,
    zone,
    ...(zoneOf === undefined ? {} : { zoneOf }),
  });
};

export const ct: TargetModule = {
  name: 'CT',
  compile: (spec, context) => (findOption(spec, '--notrack') === undefined ? tracking : notrack).compile(spec, context),
};
