/** Whole hosts with native nftables against the kernel's trace: each step of the way, the rule that decides, and what comes of it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { judge } from '../../../src/path/judge.ts';
import type { HostModel } from '../../../src/path/model.ts';
import type { PacketSpec } from '../../../src/path/verdict.ts';
import { compareTrace } from '../../../src/trace/compare.ts';
import { Passages } from '../../../src/trace/passages.ts';
import { indexRules } from '../../../src/trace/rule-index.ts';
import { describeLab } from '../../lab/root.ts';
import { dockerTables, firewalldTable, handTable, kubeProxyTable, type Network, netavarkTable } from './hosts.ts';
import { type FirstPacket, PEOPLE, type Person, World } from './world.ts';

const NETWORKS: readonly Network[] = [
  {
    bridge: 'br1',
    subnet: '192.0.2.0/24',
    icc: false,
    published: [
      { address: '192.0.2.2', port: 80, hostPort: 8080 },
      { address: '192.0.2.3', port: 80, hostPort: 8081, hostIp: '127.0.0.1' },
    ],
  },
  { bridge: 'br0', subnet: '172.17.0.0/16', icc: true, published: [] },
];
const INTERNAL: readonly Network[] = [
  { bridge: 'br1', subnet: '192.0.2.0/24', icc: true, internal: true, published: [] },
  { bridge: 'br0', subnet: '172.17.0.0/16', icc: true, published: [{ address: '172.17.0.2', port: 80, hostPort: 8080 }] },
];

const RULESETS: Readonly<Record<string, string>> = {
  'Docker 29': dockerTables(NETWORKS),
  'Docker 29, internal': dockerTables(INTERNAL),
  firewalld: firewalldTable(['br0'], 'eth0'),
  'Docker 29 and firewalld': `${dockerTables(NETWORKS)}${firewalldTable(['br1'], 'eth0')}`,
  netavark: netavarkTable('192.0.2.0/24', '192.0.2.2', 80, 8080),
  'by hand': handTable(['br0', 'br1']),
  'by hand beside Docker 29': `${handTable(['br0'])}${dockerTables(NETWORKS)}`,
  'kube-proxy': kubeProxyTable('10.96.0.10', 80, ['192.0.2.2', '192.0.2.3']),
  'kube-proxy, one endpoint': kubeProxyTable('10.96.0.10', 80, ['192.0.2.2']),
};

type Question = readonly [Person | 'host', 'tcp' | 'udp', string, number];

const QUESTIONS: readonly Question[] = [
  ['web', 'tcp', '203.0.113.2', 80],
  ['outside', 'tcp', '203.0.113.1', 8080],
  ['outside', 'tcp', '203.0.113.1', 22],
  ['outside', 'tcp', '203.0.113.1', 23],
  ['outside', 'tcp', '203.0.113.1', 7005],
  ['outside', 'udp', '203.0.113.1', 9],
  ['outside', 'udp', '203.0.113.1', 53],
  ['outside', 'tcp', '192.0.2.2', 80],
  ['outside', 'tcp', '192.0.2.3', 81],
  ['outside', 'tcp', '172.17.0.2', 443],
  ['outside', 'tcp', '10.96.0.10', 80],
  ['outside', 'tcp', '10.96.0.10', 81],
  ['app', 'tcp', '192.0.2.2', 80],
  ['app', 'udp', '192.0.2.3', 5000],
  ['app', 'udp', '172.17.0.1', 53],
  ['app', 'tcp', '172.17.0.1', 8080],
  ['web', 'tcp', '192.0.2.1', 8080],
  ['web', 'tcp', '192.0.2.3', 81],
  ['web', 'tcp', '192.0.2.3', 80],
  ['web', 'tcp', '10.96.0.10', 80],
  ['web', 'tcp', '172.17.0.3', 80],
  ['host', 'tcp', '192.0.2.2', 80],
  ['host', 'tcp', '192.0.2.2', 82],
  ['host', 'tcp', '203.0.113.1', 8080],
  ['host', 'tcp', '127.0.0.1', 8081],
  ['host', 'tcp', '203.0.113.2', 99],
];

const sourceOf = (from: Person | 'host', dst: string): string => {
  if (from !== 'host') return PEOPLE[from].address;
  return dst.startsWith('192.0.2.') ? '192.0.2.1' : dst.startsWith('127.') ? '127.0.0.1' : '203.0.113.1';
};

const specOf = ({ from, protocol, sport, dst, dport }: FirstPacket): PacketSpec => {
  const person = from === 'host' ? null : PEOPLE[from];
  return {
    in: person === null ? null : (person.bridge ?? 'eth0'),
    ...(person === null || person.bridge === null ? {} : { port: `v${from}` }),
    src: sourceOf(from, dst),
    dst,
    proto: protocol,
    sport,
    dport,
    ...(protocol === 'tcp' ? { flags: 'SYN' } : {}),
    state: 'NEW',
  };
};

describeLab('hosts with native nftables and the kernel’s trace', () => {
  const world = new World();
  let sport = 30000;
  beforeAll(() => {
    world.open();
  }, 60_000);
  afterAll(() => world.close());

  it.each(Object.keys(RULESETS))('%s', { timeout: 60_000 }, async (name) => {
    const model: HostModel = world.load(RULESETS[name] ?? '');
    const index = indexRules(world.rules(), []);
    const wrong: string[] = [];
    let agreed = 0;
    const open: string[] = [];
    const packets = QUESTIONS.map(([from, protocol, dst, dport]) => ({ from, protocol, sport: ++sport, dst, dport }));
    const passages = new Passages(
      () => index,
      (event) => event.table === 'vstrace',
    );
    for (const event of await world.send(packets)) passages.add(event);
    const seen = passages.take();
    for (const packet of packets) {
      const verdict = judge(model, specOf(packet), { explain: true });
      const passage = seen.find((each) => each.packet.srcPort === packet.sport) ?? null;
      const compared = compareTrace({ ...verdict, steps: verdict.steps.filter((step) => step.table !== 'vstrace') }, passage, {
        sources: ['nft'],
      });
      const label = `${packet.from} ${packet.protocol} ${packet.dst} ${packet.dport} (${verdict.outcome}: ${verdict.decidedBy.text})`;
      // Where one of several ways is shown, the kernel may have taken another.
      const isOneOfMany = verdict.steps.some((step) => step.uncertain === true);
      if (compared.result === 'differs' && !isOneOfMany) {
        const steps = passage?.steps.map((step) => `${step.family} ${step.table} ${step.chain} ${step.rule ?? 'policy'} ${step.verdict}`);
        wrong.push(`${label}: ${compared.reason ?? ''}\n    kernel: ${steps?.join('; ') ?? ''}`);
      } else if (compared.result === 'agrees') agreed++;
      else open.push(label);
    }
    expect(wrong.join('\n')).toBe('');
    process.stderr.write(`${name}: ${agreed} agree, open or unseen: ${open.join(', ')}\n`);
    expect(agreed).toBeGreaterThan(QUESTIONS.length / 2);
  });
});
