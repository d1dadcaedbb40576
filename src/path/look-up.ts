/** Asks the routes about a packet as it is at that moment: with its mark, and what rules by protocol and port see of it. */
import type { Skb } from '../netfilter/skb.ts';
import type { FibAnswer, FibQuery } from './fib.ts';
import type { HostModel } from './model.ts';

/** fib4_rules_early_flow_dissect; for the way back source and destination are exchanged. Later fragments show no ports. */
export const transportFor = (skb: Skb, way: 'there' | 'back'): NonNullable<FibQuery['transport']> => ({
  protocol: skb.protocol,
  sport: way === 'there' ? skb.srcPort : skb.dstPort,
  dport: way === 'there' ? skb.dstPort : skb.srcPort,
});

/** `iif` is `lo` for packets made here. */
export const routesFor = (model: HostModel, skb: Skb, iif: string): readonly FibAnswer[] =>
  model.fib.lookup({
    dst: skb.dst,
    src: skb.src,
    iif,
    oif: null,
    mark: skb.mark,
    markUnknown: skb.markUnknown,
    tos: skb.tos,
    transport: transportFor(skb, 'there'),
  });
