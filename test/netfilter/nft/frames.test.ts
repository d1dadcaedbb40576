/**
 * Chains of bridges and devices against the kernel: rules that count at every hook, drop, accept and mark at some, packets between all
 * ports, the host and outside, with br_netfilter showing frames to the IP hooks and not. Counters are compared, not the trace: that does
 * not show every chain that a routed frame passes.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseNftables } from '../../../src/netfilter/nft/parse.ts';
import { judge } from '../../../src/path/judge.ts';
import type { PacketSpec, Verdict } from '../../../src/path/verdict.ts';
import { describeLab } from '../../lab/root.ts';
import { type FirstPacket, PEOPLE, type Person, pause, World } from './world.ts';

const BRIDGE_HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
const IP_HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;
const DEVICES = ['vweb', 'vdb', 'vapp', 'br1', 'eth0'] as const;

const chain = (name: string, base: string, rules: readonly string[]): string =>
  `chain c_${name} { type filter ${base};\n${rules.join('\n')}\n}\n`;

/** What is told apart at each hook: marks that others set, and the devices as that hook shows them. */
const ASKED = [
  'udp dport 5000-5999 counter',
  'meta mark 0x10 udp dport 5000-5999 counter',
  'udp dport 5000-5999 iifname "vweb" counter',
  'udp dport 5000-5999 oifname "vdb" counter',
  'udp dport 5000-5999 iifname "br1" counter',
  'udp dport 5000-5999 oifname "br1" counter',
  'udp dport 5000-5999 meta protocol ip ip ttl 63 counter',
];

/** Each hook does something to a port of its own, and every chain behind it counts whether the packet came. */
const acting = (port: number): readonly string[] => [
  `udp dport ${port} counter drop`,
  `udp dport ${port + 1} counter meta mark set 0x10`,
  `udp dport ${port + 2} counter accept`,
  ...ASKED,
];

const PORT = { bridge: 5000, ingress: 5100, egress: 5200, inet: 5300 } as const;
const BRIDGE_PRIORITIES = [-250, 0, 250];
const portOf = (hook: number, priority: number): number => PORT.bridge + hook * 20 + priority * 3;

const RULES = `
table bridge frames {
  ${BRIDGE_HOOKS.flatMap((hook, at) =>
    BRIDGE_PRIORITIES.map((priority, level) => chain(`${hook}_${level}`, `hook ${hook} priority ${priority}`, acting(portOf(at, level)))),
  ).join('')}
}
table inet packets {
  ${IP_HOOKS.map((hook, at) => chain(hook, `hook ${hook} priority ${hook === 'prerouting' ? -150 : 10}`, acting(PORT.inet + at * 3))).join('')}
  ${chain('in', 'hook ingress device "eth0" priority 5', acting(PORT.inet + 30))}
}
table netdev ports {
  ${DEVICES.map((device, at) => chain(`in_${device}`, `hook ingress device "${device}" priority -10`, acting(PORT.ingress + at * 3))).join('')}
  ${DEVICES.map((device, at) => chain(`out_${device}`, `hook egress device "${device}" priority 0`, acting(PORT.egress + at * 3))).join('')}
  ${chain('both', 'hook ingress devices = { "vweb", "vdb" } priority 20', ['udp dport 5000-5999 counter'])}
}
table ip addresses {
  chain c_dst { type nat hook prerouting priority -100; ip daddr 10.96.0.10 dnat to 192.0.2.3; }
}
`;

type Question = readonly [Person | 'host', string];

const QUESTIONS: readonly Question[] = [
  ['web', '192.0.2.3'],
  ['web', '192.0.2.1'],
  ['web', '203.0.113.2'],
  ['web', '172.17.0.2'],
  ['web', '10.96.0.10'],
  ['outside', '192.0.2.3'],
  ['app', '192.0.2.3'],
  ['host', '192.0.2.3'],
  ['host', '203.0.113.2'],
];

const PORTS: readonly number[] = [
  5999,
  ...BRIDGE_HOOKS.flatMap((_hook, at) =>
    BRIDGE_PRIORITIES.flatMap((_priority, level) => [0, 1, 2].map((more) => portOf(at, level) + more)),
  ),
  ...DEVICES.flatMap((_device, at) => [0, 1, 2].flatMap((more) => [PORT.ingress + at * 3 + more, PORT.egress + at * 3 + more])),
  ...IP_HOOKS.flatMap((_hook, at) => [0, 1, 2].map((more) => PORT.inet + at * 3 + more)),
  ...[0, 1, 2].map((more) => PORT.inet + 30 + more),
];

const counted = (world: World): ReadonlyMap<string, number> => {
  const parsed = parseNftables(world.rules());
  if ('problem' in parsed) throw new Error(parsed.problem);
  const counts = new Map<string, number>();
  for (const { family, name, chains } of parsed.tables)
    for (const { name: own, rules } of chains)
      for (const { number, counters, text } of rules)
        if (counters !== null) counts.set(`${family} ${name} ${own} ${number}: ${text}`, counters.packets);
  return counts;
};

const countSteps = (verdict: Verdict, into: Map<string, number>): void => {
  for (const step of verdict.steps) {
    if (step.rule === null || step.table === 'addresses') continue;
    const key = `${step.family} ${step.table} ${step.chain} ${step.rule}: ${step.text}`;
    into.set(key, (into.get(key) ?? 0) + 1);
  }
};

const specOf = ({ from, protocol, sport, dst, dport }: FirstPacket): PacketSpec => {
  const person = from === 'host' ? null : PEOPLE[from];
  return {
    in: person === null ? null : (person.bridge ?? 'eth0'),
    ...(person === null || person.bridge === null ? {} : { port: `v${from}` }),
    src: person?.address ?? (dst.startsWith('192.0.2.') ? '192.0.2.1' : '203.0.113.1'),
    dst,
    proto: protocol,
    sport,
    dport,
    ttl: 64,
    state: 'NEW',
  };
};

describeLab('chains of bridges and devices, and the kernel’s counters', () => {
  const world = new World();
  let sport = 20000;
  beforeAll(async () => {
    world.open();
    // So that the host knows everybody's MAC address, and behind which port it is.
    for (const { address } of Object.values(PEOPLE))
      world.put('host', [{ from: 'host', protocol: 'udp', sport: ++sport, dst: address, dport: 9 }]);
    await pause(200);
    // A frame that is turned back into its bridge passes the bridge's egress while the entry of its receiver is not valid.
    const [, mac] = /lladdr (\S+)/.exec(world.host('ip', ['neigh', 'show', PEOPLE.db.address, 'dev', 'br1'])) ?? [];
    world.host('ip', ['neigh', 'replace', PEOPLE.db.address, 'lladdr', mac ?? '', 'dev', 'br1', 'nud', 'permanent']);
  }, 60_000);
  afterAll(() => world.close());

  it.each([0, 1])('with bridge-nf-call-iptables %s', { timeout: 120_000 }, async (shown) => {
    world.host('sysctl', ['-qw', `net.bridge.bridge-nf-call-iptables=${shown}`]);
    const model = world.arrange(RULES);
    let before = counted(world);
    const wrong: string[] = [];
    let moved = 0;
    for (const [from, dst] of QUESTIONS) {
      const packets = PORTS.map((dport): FirstPacket => ({ from, protocol: 'udp', sport: ++sport, dst, dport }));
      world.put(from, packets);
      const wanted = new Map<string, number>();
      for (const packet of packets) {
        const verdict = judge(model, specOf(packet));
        countSteps(verdict, wanted);
        if (verdict.unknowns.length > 0) wrong.push(`${from} ${dst} ${packet.dport}: ${verdict.outcome}, ${verdict.unknowns.join('; ')}`);
      }
      const compare = (after: ReadonlyMap<string, number>): string[] =>
        [...after].flatMap(([key, count]) => {
          const [own, told] = [count - (before.get(key) ?? 0), wanted.get(key) ?? 0];
          return own === told ? [] : [`${from} to ${dst}: the kernel ${own}, foretold ${told}: ${key}`];
        });
      let after = counted(world);
      // A busy machine lets frames wait.
      for (let tries = 0; tries < 20 && compare(after).length > 0; tries++) {
        await pause(50);
        after = counted(world);
      }
      wrong.push(...compare(after));
      moved += [...wanted.values()].reduce((sum, count) => sum + count, 0);
      before = after;
    }
    expect(wrong).toEqual([]);
    expect(moved).toBeGreaterThan(QUESTIONS.length * PORTS.length);
  });
});
