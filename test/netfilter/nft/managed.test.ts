/**
 * Native rules inside the tables of iptables-nft against the kernel: iptables-nft-save prints some of them as something else, and leaves
 * base chains out that have other names than its own. Rules of iptables stand among them, as on a host where both are used.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseNftables } from '../../../src/netfilter/nft/parse.ts';
import { judge } from '../../../src/path/judge.ts';
import { describeLab } from '../../lab/root.ts';
import { type FirstPacket, pause, World } from './world.ts';

/** Each of these is printed by iptables-nft-save 1.8.9 as something that it does not mean. */
const RULES: readonly string[] = [
  'ip saddr @listed udp dport 6001 counter drop',
  'ip saddr { 203.0.113.9, 203.0.113.10 } counter drop',
  'udp dport { 6002, 6003 } counter drop',
  'ip saddr 203.0.113.3-203.0.113.9 counter drop',
  'ip saddr . udp dport { 203.0.113.2 . 6004 } counter drop',
  'udp dport != 6005 udp dport 6004-6006 counter drop',
  'udp dport vmap { 6007 : drop, 6008 : jump others }',
  'meta l4proto { tcp, sctp } counter drop',
  'ip protocol > udp counter drop',
  'ip daddr > 192.0.2.2 udp dport 6009 counter drop',
  'ip frag-off & 0x4000 == 0 udp dport 6010 counter drop',
];

const TABLES = `
table ip filter {
  set listed { type ipv4_addr; elements = { 203.0.113.2, 198.51.100.1 } }
  chain others { udp dport 6008 counter drop; }
}
${RULES.map((rule) => `add rule ip filter FORWARD ${rule}`).join('\n')}
add rule ip filter FORWARD udp dport 6020-6030 counter
table ip nat {
  chain published { type nat hook prerouting priority dstnat; udp dport 6011 counter dnat to 192.0.2.2:6012; }
  chain hidden { type nat hook postrouting priority srcnat; udp dport 6012 counter; }
}
table ip mangle {
  chain late { type filter hook forward priority -140; udp dport 6013 counter drop; }
}
`;

describeLab('native rules in the tables of iptables-nft', () => {
  const world = new World();
  let sport = 25000;
  beforeAll(async () => {
    world.open();
    world.put('outside', [{ from: 'outside', protocol: 'udp', sport: ++sport, dst: '192.0.2.2', dport: 9 }]);
    await pause(200);
    world.host('nft', ['flush', 'ruleset']);
    for (const rule of [
      '-A FORWARD -p udp --dport 6000 -m conntrack --ctstate NEW -j DROP',
      '-A FORWARD -p udp -m multiport --dports 6021,6022 -j DROP',
      '-A FORWARD ! -s 203.0.113.0/24 -i eth0 -m comment --comment spoofed -j DROP',
    ])
      world.host('iptables-nft', rule.split(' '));
  }, 60_000);
  afterAll(() => world.close());

  it('are evaluated as nft has them', { timeout: 60_000 }, async () => {
    world.host('iptables-nft', ['-t', 'nat', '-A', 'POSTROUTING', '-p', 'udp', '--dport', '6030', '-j', 'ACCEPT']);
    world.host('nft', ['-f', '-'], TABLES);
    const model = world.model();
    const saved = model.self.rulesets.flatMap(({ tables }) => tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules)));
    expect(saved.filter(({ native }) => native !== undefined).map(({ text }) => text)).toEqual(
      RULES.map((rule) => rule.replace('ip frag-off & 0x4000', 'ip frag-off & 16384')),
    );
    expect(saved.filter(({ native }) => native === undefined)).toHaveLength(6);
    let before = counted(world);
    const wrong: string[] = [];
    let drops = 0;
    for (let dport = 6000; dport <= 6031; dport++) {
      const packet: FirstPacket = {
        from: 'outside',
        protocol: 'udp',
        sport: ++sport,
        dst: dport % 2 === 0 ? '192.0.2.2' : '192.0.2.3',
        dport,
      };
      world.put('outside', [packet]);
      const verdict = judge(model, {
        in: 'eth0',
        src: '203.0.113.2',
        dst: packet.dst,
        proto: 'udp',
        sport: packet.sport,
        dport,
        state: 'NEW',
        length: 29,
      });
      if (verdict.outcome === 'drop') drops++;
      const compare = (after: ReadonlyMap<string, number>): string[] =>
        [...after].flatMap(([key, count]) => {
          const moved = count - (before.get(key) ?? 0);
          const told = verdict.steps.filter((step) => `${step.table} ${step.chain} ${step.rule}` === key && step.uncertain !== true).length;
          return moved === told ? [] : [`${packet.dst} ${dport}: the kernel ${moved}, foretold ${told}: ${key}`];
        });
      let after = counted(world);
      // A busy machine lets packets wait.
      for (let tries = 0; tries < 20 && compare(after).length > 0; tries++) {
        await pause(50);
        after = counted(world);
      }
      wrong.push(...compare(after));
      before = after;
    }
    expect(wrong).toEqual([]);
    expect(drops).toBe(12);
  });
});

const counted = (world: World): ReadonlyMap<string, number> => {
  const parsed = parseNftables(world.rules());
  if ('problem' in parsed) throw new Error(parsed.problem);
  const counts = new Map<string, number>();
  for (const { name, chains } of parsed.tables)
    for (const { name: own, rules } of chains)
      for (const { number, counters } of rules) if (counters !== null) counts.set(`${name} ${own} ${number}`, counters.packets);
  return counts;
};
