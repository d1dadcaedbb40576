/** Later fragments against the kernel, where no connection tracking puts them together first. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeLab } from '../../lab/root.ts';
import { Battery } from './battery.ts';
import type { PacketPlan } from './craft.ts';
import { type NamespacePair, openPair } from './namespaces.ts';

const RULES: readonly string[] = [
  '',
  '-f',
  '! -f',
  '-p tcp',
  '-p udp -m udp --dport 80',
  '-p udp -m udp ! --dport 80',
  '-p udp -m multiport --dports 80',
  '-p udp -m multiport ! --dports 80',
  '-p icmp -m icmp --icmp-type 8',
  '-p icmp -m icmp ! --icmp-type 8',
  '-p icmp -m icmp --icmp-type any',
  '-p tcp -m tcp --dport 80',
  '-p tcp -m tcp ! --dport 80',
  '-p tcp -m tcp ! --tcp-flags SYN SYN',
  '-p tcp -m multiport --dports 80',
  '-m length --length 28',
];

const base = { src: '10.77.0.1', dst: '10.77.0.2', payload: [0, 80, 0, 80, 0, 0, 0, 0] } as const;

const FRAGMENTS: readonly PacketPlan[] = [
  { ...base, name: 'a later fragment of UDP', protocol: 17, fragmentOffset: 1480 },
  { ...base, name: 'a later fragment of ICMP', protocol: 1, fragmentOffset: 1480 },
  { ...base, name: 'a later fragment of TCP', protocol: 6, fragmentOffset: 1480 },
  { ...base, name: 'a fragment of UDP at offset 8', protocol: 17, fragmentOffset: 8 },
  { ...base, name: 'a fragment of TCP that would overwrite the flags', protocol: 6, fragmentOffset: 8 },
  { ...base, name: 'the first fragment of UDP', protocol: 17, sport: 5000, dport: 80, moreFragments: true },
];

describeLab('counters of the kernel, fragments', () => {
  let pair: NamespacePair;
  let battery: Battery;
  beforeAll(async () => {
    pair = await openPair('fr');
    battery = new Battery(pair, 'ip', [{ table: 'mangle', chain: 'PREROUTING', rules: RULES }]);
  });
  afterAll(() => pair?.close());

  it.each(FRAGMENTS.map((plan) => [plan.name, plan] as const))('%s', async (_name, plan) => {
    expect(await battery.differences(plan)).toEqual([]);
  });
});
