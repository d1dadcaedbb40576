/** Each expression of nft against the kernel: rules that only count, packets of every kind, and which counters moved. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseMac } from '../../../src/base/ip-address.ts';
import type { HookOutcome } from '../../../src/netfilter/evaluation.ts';
import { compileNftables } from '../../../src/netfilter/nft/compile.ts';
import { parseNftables } from '../../../src/netfilter/nft/parse.ts';
import type { NftRuleset } from '../../../src/netfilter/nft/ruleset.ts';
import { describeLab } from '../../lab/root.ts';
import { hostEnv } from '../kernel/counters.ts';
import { arriving, craft } from '../kernel/craft.ts';
import { loadable } from '../kernel/loading.ts';
import { HOST_DEVICE, type NamespacePair, openPair, SENDER_MAC } from '../kernel/namespaces.ts';
import { PACKETS } from '../kernel/packets.ts';
import { EXPRESSIONS, loadableForm } from './expressions.ts';

const SETS = `
  set named { type ipv4_addr; elements = { 10.77.0.2, 10.77.0.255 } }
  set ranges { type ipv4_addr; flags interval; elements = { 10.76.0.0-10.77.0.1, 192.0.2.0/24 } }
  set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.77.0.1 . 80-81, 10.1.0.0/16 . 1-65535 } }
`;

const CHAINS = [
  ['raw', 'type filter hook prerouting priority raw;'],
  ['pre', 'type filter hook prerouting priority mangle;'],
  ['in', 'type filter hook input priority filter;'],
] as const;

/** Only the test's own packets come to the rules, and none that the namespaces send by themselves. */
const OWN = [
  'iifname "vshost0" meta nfproto ipv4',
  'iifname "vshost0" ip6 nexthdr { tcp, udp }',
  'iifname "vshost0" icmpv6 type { echo-request, echo-reply }',
];

const rulesetOf = (rules: readonly string[]): string => {
  const chains = CHAINS.map(
    ([name, base]) =>
      `chain ${name}-rules {\n${rules.map((rule) => `${rule} counter`).join('\n')}\n}\nchain ${name} { ${base}\n${OWN.map((own) => `${own} goto ${name}-rules`).join('\n')}\n}`,
  );
  return `flush ruleset\ntable inet vs {${SETS}${chains.join('\n')}\n}\n`;
};

const counted = (ruleset: NftRuleset): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const { chains } of ruleset.tables) {
    for (const chain of chains) for (const rule of chain.rules) counts.set(`${chain.name} ${rule.number}`, rule.counters?.packets ?? -1);
  }
  return counts;
};

const answerOf = (outcome: HookOutcome, number: number): boolean | null => {
  const step = outcome.steps.find(({ ref }) => ref.rule === number && ref.chain.endsWith('-rules'));
  if (step !== undefined) return step.uncertain === true ? null : true;
  return false;
};

describeLab('nft expressions and the kernel', () => {
  let pair: NamespacePair;
  let rules: readonly string[] = [];
  beforeAll(async () => {
    pair = await openPair('nx');
    rules = loadable(EXPRESSIONS.map(loadableForm), (some) => {
      pair.host('nft', ['-f', '-'], rulesetOf(some));
    });
  });
  afterAll(() => pair?.close());

  it('understands all that this kernel can load', () => {
    expect(rules.length).toBeGreaterThan(EXPRESSIONS.length - 10);
  });

  it('says of each rule and packet what the kernel says', async () => {
    pair.host('nft', ['-f', '-'], rulesetOf(rules));
    const read = (): NftRuleset => {
      const parsed = parseNftables(pair.host('nft', ['-j', 'list', 'ruleset']));
      if ('problem' in parsed) throw new Error(parsed.problem);
      return parsed;
    };
    let before = counted(read());
    const wrong: string[] = [];
    let undecided = 0;
    let asked = 0;
    for (const plan of PACKETS) {
      const chains = compileNftables(read());
      const bytes = craft(plan);
      await pair.send(bytes, plan.frame);
      const after = counted(read());
      const skb = arriving(plan, bytes, HOST_DEVICE, parseMac(SENDER_MAC) as number);
      for (const chain of chains) {
        const seen = [...after].some(([key, count]) => key.startsWith(`${chain.name}-rules `) && count !== before.get(key));
        if (!seen) continue;
        const outcomes = chain.evaluate(skb, hostEnv(), true);
        const [outcome] = outcomes;
        if (outcome === undefined || outcomes.length !== 1) {
          wrong.push(`${chain.name}: ${plan.name} has ${outcomes.length} outcomes`);
          continue;
        }
        for (const [at, rule] of rules.entries()) {
          const moved = (after.get(`${chain.name}-rules ${at + 1}`) ?? 0) > (before.get(`${chain.name}-rules ${at + 1}`) ?? 0);
          const answer = answerOf(outcome, at + 1);
          asked++;
          if (answer === null) undecided++;
          else if (answer !== moved) wrong.push(`${chain.name}: ${rule}: ${plan.name}: the kernel says ${moved}`);
        }
      }
      before = after;
    }
    expect(wrong).toEqual([]);
    process.stderr.write(`${asked} asked, ${undecided} undecided\n`);
    expect(undecided / asked).toBeLessThan(0.03);
  });
});
