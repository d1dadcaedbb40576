/**
 * Jumps, gotos, returns, policies and targets that change the packet, against the kernel: random rulesets in mangle and filter, the same
 * in iptables-nft and iptables-legacy, and every counter of every chain.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseMac } from '../../../src/base/ip-address.ts';
import { compileRuleset } from '../../../src/netfilter/compile.ts';
import type { BaseChain, HookOutcome } from '../../../src/netfilter/evaluation.ts';
import type { Skb } from '../../../src/netfilter/skb.ts';
import { describeLab } from '../../lab/root.ts';
import { type Backend, countersOf, differences, hostEnv, readRules } from './counters.ts';
import { arriving, craft, type PacketPlan } from './craft.ts';
import { randomRules } from './generate.ts';
import { restore } from './loading.ts';
import { HOST_DEVICE, type NamespacePair, openPair, SENDER_MAC } from './namespaces.ts';

const A = '10.77.0.1';
const B = '10.77.0.2';

const packets = (round: number): readonly PacketPlan[] => [
  { name: 'echo request', src: A, dst: B, protocol: 1, icmpType: 8, icmpId: round },
  { name: 'tcp 80', src: A, dst: B, protocol: 6, sport: 30000 + round, dport: 80 },
  { name: 'tcp 81, ttl 10', src: A, dst: B, protocol: 6, sport: 31000 + round, dport: 81, ttl: 10, tos: 0x10 },
  { name: 'udp 53', src: A, dst: B, protocol: 17, sport: 32000 + round, dport: 53 },
  { name: 'udp 54, long', src: A, dst: B, protocol: 17, sport: 33000 + round, dport: 54, payload: new Array<number>(60).fill(1) },
];

/** mangle PREROUTING, mangle INPUT, filter INPUT: until one drops the packet. */
const walk = (
  chains: readonly BaseChain[],
  first: Skb,
): { readonly outcomes: readonly (readonly HookOutcome[])[]; readonly skb: Skb | null } => {
  const outcomes: (readonly HookOutcome[])[] = [];
  let skb: Skb | null = first;
  for (const [table, name] of [
    ['mangle', 'PREROUTING'],
    ['mangle', 'INPUT'],
    ['filter', 'INPUT'],
  ] as const) {
    const base = chains.find((chain) => chain.table === table && chain.name === name);
    if (skb === null || base === undefined) break;
    const ended: readonly HookOutcome[] = base.evaluate(skb, hostEnv(), false);
    outcomes.push(ended);
    const [only] = ended;
    if (ended.length !== 1 || only === undefined) throw new Error(`${table} ${name} has ${ended.length} outcomes`);
    skb = only.verdict === 'accept' ? only.skb : null;
  }
  return { outcomes, skb };
};

describeLab('counters of the kernel, random chains', () => {
  let pair: NamespacePair;
  beforeAll(async () => {
    pair = await openPair('wk');
  });
  afterAll(() => pair?.close());

  const cases = (['nft', 'legacy'] as const).flatMap((backend) => Array.from({ length: 25 }, (_, seed) => [backend, seed] as const));

  it.each(cases)('%s, ruleset %i', async (backend: Backend, seed: number) => {
    restore(pair, backend === 'nft' ? 'legacy' : 'nft', 'ip', '*filter\nCOMMIT\n*mangle\nCOMMIT\n');
    restore(pair, backend, 'ip', randomRules(seed));
    for (const plan of packets(seed + (backend === 'nft' ? 100 : 200))) {
      const ruleset = readRules(pair, backend, 'ip');
      const chains = compileRuleset(ruleset);
      const bytes = craft(plan);
      await pair.send(bytes);
      const { outcomes } = walk(chains, arriving(plan, bytes, HOST_DEVICE, parseMac(SENDER_MAC) as number));
      const after = countersOf(readRules(pair, backend, 'ip'));
      const isAsked = (key: string): boolean => !/ (OUTPUT|FORWARD|POSTROUTING) /.test(key);
      expect(differences(countersOf(ruleset), after, outcomes, isAsked), plan.name).toEqual([]);
    }
  });
});
