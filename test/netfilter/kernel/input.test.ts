/**
 * Every match against the kernel: rules that only count, in INPUT and PREROUTING of a private namespace, loaded through iptables-nft and
 * iptables-legacy at once; real packets; and for each packet which counters moved.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseMac } from '../../../src/base/ip-address.ts';
import { compileRuleset } from '../../../src/netfilter/compile.ts';
import type { BaseChain } from '../../../src/netfilter/evaluation.ts';
import type { IpSet } from '../../../src/netfilter/ipset.ts';
import { parseIpsetSave } from '../../../src/netfilter/parse/ipset-save.ts';
import { describeLab } from '../../lab/root.ts';
import { type Backend, type CounterMap, countersOf, differences, evaluateAll, hostEnv, readRules } from './counters.ts';
import { arriving, craft, type PacketPlan } from './craft.ts';
import { INPUT_RULES, PREROUTING_RULES, SETS } from './input-rules.ts';
import { loadable, loadSets, restore } from './loading.ts';
import { HOST_DEVICE, type NamespacePair, openPair, SENDER_MAC } from './namespaces.ts';
import { PACKETS } from './packets.ts';

const BACKENDS: readonly Backend[] = ['nft', 'legacy'];

type Family = 'ip' | 'ip6';

const tableText = (table: string, chain: string, rules: readonly string[]): string =>
  [`*${table}`, `:${chain} ACCEPT [0:0]`, ...rules.map((rule) => `-A ${chain} ${rule}`), 'COMMIT', ''].join('\n');

describeLab('counters of the kernel, rules that only count', () => {
  let pair: NamespacePair;
  let sets: readonly IpSet[] = [];
  const chains = new Map<string, readonly BaseChain[]>();

  beforeAll(async () => {
    pair = await openPair('in');
    loadSets(pair, SETS);
    sets = parseIpsetSave(pair.host('ipset', ['save'])).sets;
    for (const family of ['ip', 'ip6'] as const) {
      let input = ['-m conntrack --ctstate NEW,ESTABLISHED,RELATED,INVALID,UNTRACKED', ...INPUT_RULES[family]] as readonly string[];
      let prerouting = PREROUTING_RULES[family];
      for (const backend of BACKENDS) {
        input = loadable(input, (rules) => restore(pair, backend, family, tableText('filter', 'INPUT', rules)));
        prerouting = loadable(prerouting, (rules) => restore(pair, backend, family, tableText('raw', 'PREROUTING', rules)));
      }
      for (const backend of BACKENDS) {
        restore(pair, backend, family, tableText('filter', 'INPUT', input) + tableText('raw', 'PREROUTING', prerouting));
        chains.set(`${backend} ${family}`, compileRuleset(readRules(pair, backend, family)));
      }
    }
  });
  afterAll(() => pair?.close());

  const counters = (family: Family): ReadonlyMap<Backend, CounterMap> =>
    new Map(BACKENDS.map((backend) => [backend, countersOf(readRules(pair, backend, family))]));

  const asked = (key: string): boolean => key.startsWith('filter INPUT') || key.startsWith('raw PREROUTING');

  const compare = async (plan: PacketPlan): Promise<void> => {
    const family = plan.src.includes(':') ? 'ip6' : 'ip';
    const bytes = craft(plan);
    const before = counters(family);
    await pair.send(bytes, plan.frame);
    const after = counters(family);
    const packet = arriving(plan, bytes, HOST_DEVICE, parseMac(SENDER_MAC) as number);
    const found = BACKENDS.flatMap((backend) => {
      const bases = (chains.get(`${backend} ${family}`) ?? []).filter((base) => asked(`${base.table} ${base.name}`));
      const outcomes = evaluateAll(bases, packet, hostEnv(sets));
      return differences(before.get(backend) as CounterMap, after.get(backend) as CounterMap, outcomes, asked).map(
        (line) => `${backend}: ${line}`,
      );
    });
    expect(found).toEqual([]);
  };

  it.each(PACKETS.map((plan) => [plan.name, plan] as const))('%s', async (_name, plan) => compare(plan));
});
