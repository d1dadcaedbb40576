/**
 * Every match against the kernel: rules that only count, in INPUT and PREROUTING of a private namespace, loaded through iptables-nft and
 * iptables-legacy at once; real packets; and for each packet which counters moved.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stateOfFirstPacket } from '../../../src/netfilter/conntrack.ts';
import type { IpSet } from '../../../src/netfilter/ipset.ts';
import { parseIpsetSave } from '../../../src/netfilter/parse/ipset-save.ts';
import { describeLab } from '../../lab/root.ts';
import { Battery, type Family } from './battery.ts';
import { hostEnv } from './counters.ts';
import { arriving, craft } from './craft.ts';
import { INPUT_RULES, PREROUTING_RULES, SETS } from './input-rules.ts';
import { loadSets } from './loading.ts';
import { HOST_DEVICE, type NamespacePair, openPair } from './namespaces.ts';
import { PACKETS } from './packets.ts';

/** The first rule counts every packet: a packet that never came would be a difference. It also turns connection tracking on. */
const SENTINEL = '-m conntrack --ctstate NEW,ESTABLISHED,RELATED,INVALID,UNTRACKED';

describeLab('counters of the kernel, rules that only count', () => {
  let pair: NamespacePair;
  let sets: readonly IpSet[] = [];
  const batteries = new Map<Family, Battery>();

  beforeAll(async () => {
    pair = await openPair('in');
    loadSets(pair, SETS);
    sets = parseIpsetSave(pair.host('ipset', ['save'])).sets;
    for (const family of ['ip', 'ip6'] as const) {
      const chains = [
        { table: 'filter', chain: 'INPUT', rules: [SENTINEL, ...INPUT_RULES[family]] },
        { table: 'raw', chain: 'PREROUTING', rules: PREROUTING_RULES[family] },
      ];
      batteries.set(family, new Battery(pair, family, chains));
    }
  });
  afterAll(() => pair?.close());

  it('the states that the battery finds are those foretold for packets of no known connection', () => {
    for (const plan of PACKETS) {
      const state = plan.ct?.state ?? 'NEW';
      const isLater = plan.ct?.confirmed === true;
      if (isLater) continue;
      const packet = arriving(plan, craft(plan), HOST_DEVICE, 0);
      expect(stateOfFirstPacket(packet, true), plan.name).toBe(state);
    }
  });

  it.each(PACKETS.map((plan) => [plan.name, plan] as const))('%s', async (_name, plan) => {
    const battery = batteries.get(plan.src.includes(':') ? 'ip6' : 'ip');
    expect(await battery?.differences(plan, hostEnv(sets))).toEqual([]);
  });
});
