/** An answer that is shared equals the one that asking for the packet itself gives: on recorded hosts, and under random rules. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMac, parseIp, parseMac } from '../../../src/base/ip-address.ts';
import { decodePacket } from '../../../src/packet/decode.ts';
import { LINKTYPE_ETHERNET, Packet, TH_ACK, TH_SYN } from '../../../src/packet/packet.ts';
import { saveText } from '../../oracle/case.ts';
import { randomRuleset, SETS4 } from '../../oracle/grammar.ts';
import { Random } from '../../oracle/random.ts';
import { type Frame, packetOf } from '../frames.ts';
import { ENGINES, IPTABLES, insertRules, type Scene, type SceneChange, scene } from '../scene.ts';
import { Asker, askAlone, pointAt } from './asking.ts';

const OUTSIDE_MAC = '02:00:00:00:00:fe';

interface Seen {
  readonly device: string;
  readonly frame: Frame;
}

/** Packets of few kinds with many addresses and ports, at every device of the host: entering, leaving, answers, and what belongs nowhere. */
const seenAt = (world: Scene): fc.Arbitrary<Seen> => {
  const { places } = world.model;
  const inside = places.all.flatMap(({ container, endpoint, mac, port, bridge }) =>
    endpoint.ipv4 === null || mac === null || port === null || bridge === null
      ? []
      : [{ ip: world.ip(container.name, endpoint.network), mac: formatMac(mac), port, bridge }],
  );
  const deviceMac = (device: string): string => world.model.links?.get(device)?.mac ?? OUTSIDE_MAC;
  const outside = fc.oneof(
    fc.integer({ min: 1, max: 254 }).map((host) => `198.51.100.${host}`),
    fc.integer({ min: 1, max: 254 }).map((host) => `203.0.113.${host}`),
    fc.tuple(fc.integer({ min: 1, max: 223 }), fc.nat(255), fc.nat(255)).map(([a, b, c]) => `${a}.${b}.${c}.7`),
    fc.constantFrom('172.18.0.77', '172.18.0.255', '10.20.0.2', '10.30.0.12', '127.0.0.1', '224.0.0.5', '255.255.255.255'),
  );
  const address = fc.oneof(outside, fc.constantFrom(...inside.map(({ ip }) => ip), '203.0.113.1', '172.18.0.1'));
  const port = fc.oneof(
    fc.integer({ min: 32_768, max: 60_999 }),
    fc.integer({ min: 1, max: 65_535 }),
    fc.constantFrom(22, 53, 80, 443, 1023, 5000, 8080, 40_000, 45_000, 50_003),
  );
  const target = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(53, 80, 443, 8080) }, { weight: 1, arbitrary: port });
  const transport = fc.oneof(
    fc.record({ sport: port, dport: target, flags: fc.constantFrom(TH_SYN, TH_SYN, TH_SYN | TH_ACK, TH_ACK) }).map((tcp) => ({ tcp })),
    fc.record({ sport: port, dport: target }).map((udp) => ({ udp })),
    fc.record({ type: fc.constantFrom(8, 8, 0), id: fc.nat(0xffff) }).map((icmp) => ({ icmp })),
  );
  const where = fc.oneof(
    fc
      .constantFrom(...inside)
      .map((from) => ({ device: from.port, srcMac: from.mac, dstMac: deviceMac(from.bridge), src: from.ip, dst: null })),
    fc
      .constantFrom(...inside)
      .map((from) => ({ device: from.bridge, srcMac: from.mac, dstMac: deviceMac(from.bridge), src: from.ip, dst: null })),
    fc.constantFrom(...inside).map((to) => ({ device: to.port, srcMac: deviceMac(to.bridge), dstMac: to.mac, src: null, dst: to.ip })),
    fc.constantFrom(...inside).map((to) => ({ device: to.bridge, srcMac: deviceMac(to.bridge), dstMac: to.mac, src: null, dst: to.ip })),
    fc.constant({ device: 'eth0', srcMac: OUTSIDE_MAC, dstMac: deviceMac('eth0'), src: null, dst: '203.0.113.1' }),
    fc.constant({ device: 'eth0', srcMac: OUTSIDE_MAC, dstMac: deviceMac('eth0'), src: null, dst: null }),
    fc.constant({ device: 'eth0', srcMac: deviceMac('eth0'), dstMac: OUTSIDE_MAC, src: '203.0.113.1', dst: null }),
  );
  return fc
    .record({ where, a: address, b: address, transport, ttl: fc.constantFrom(64, 64, 63, 128, 50, 1, 2) })
    .map(({ where: { device, srcMac, dstMac, src, dst }, a, b, transport: layer, ttl }) => ({
      device,
      frame: { srcMac, dstMac, src: src ?? a, dst: dst ?? b, ttl, ...layer },
    }));
};

/** The same kind of packet again, from other addresses and ports beside it. */
const again = ({ device, frame }: Seen): fc.Arbitrary<readonly Seen[]> => {
  const near = (address: string) =>
    fc.integer({ min: 1, max: 254 }).map((host) => (/^(198|203)/.test(address) ? address.replace(/\d+$/, String(host)) : address));
  const port = fc.oneof(fc.integer({ min: 41_000, max: 44_999 }), fc.integer({ min: 39_995, max: 40_015 }));
  const other = fc.record({ src: near(frame.src), dst: near(frame.dst), port, moves: fc.boolean() }).map(
    ({ src, dst, port: sport, moves }): Seen => ({
      device,
      frame: {
        ...frame,
        // The host's own address stays what it is.
        src: frame.src === '203.0.113.1' ? frame.src : src,
        dst: frame.dst === '203.0.113.1' ? frame.dst : dst,
        ...(frame.tcp === undefined ? {} : { tcp: { ...frame.tcp, sport, dport: moves ? sport + 5000 : frame.tcp.dport } }),
        ...(frame.udp === undefined ? {} : { udp: { ...frame.udp, sport } }),
        ...(frame.icmp === undefined ? {} : { icmp: { ...frame.icmp, id: sport } }),
      },
    }),
  );
  return fc.array(other, { minLength: 4, maxLength: 16 }).map((others) => [{ device, frame }, ...others]);
};

/** How often the cache asked, of all packets. */
const compare = (world: Scene, runs: { readonly numRuns: number; readonly seed?: number }): { asked: number; all: number } => {
  const counts = { asked: 0, all: 0 };
  fc.assert(
    fc.property(fc.array(seenAt(world).chain(again), { minLength: 4, maxLength: 12 }), (kinds) => {
      const seen = kinds.flat();
      const asker = new Asker(world.model);
      for (const { device, frame } of seen) {
        const packet = packetOf(frame);
        const point = pointAt(world.topology, device);
        const { verdict, reply, assumptions } = asker.ask(packet, point);
        const alone = askAlone(world.model, packet, point);
        expect({ verdict, reply, assumptions }, JSON.stringify({ device, frame })).toEqual({
          verdict: alone.verdict,
          reply: alone.reply,
          assumptions: alone.assumptions,
        });
      }
      counts.asked += asker.asked;
      counts.all += seen.length;
    }),
    { ...runs, endOnFailure: true },
  );
  return counts;
};

/** Rules that look at ports and addresses in all the ways that classes are made for. */
const RULES = [
  '-A FORWARD -p tcp -m tcp --sport 40000:40010 -j DROP',
  '-A FORWARD -p udp -m multiport --sports 53,5000:5100 -j DROP',
  '-A FORWARD -p tcp -m tcp --dport 50000:50005 -j REJECT --reject-with icmp-port-unreachable',
  '-A FORWARD -p tcp -m conntrack --ctorigsrcport 45000 -j DROP',
  '-A FORWARD -s 198.51.100.128/25 -j DROP',
  '-A FORWARD -m iprange --dst-range 198.51.100.10-198.51.100.20 -j REJECT --reject-with icmp-admin-prohibited',
  '-A FORWARD -m ttl --ttl-lt 60 -j DROP',
  '-A FORWARD -m length --length 0:40 -m tcp -p tcp --dport 443 -j DROP',
];

const CONNECTIONS = [
  'ipv4     2 udp      17 100 src=172.17.0.9 dst=203.0.113.2 sport=40002 dport=443 src=203.0.113.2 dst=203.0.113.1 sport=443 dport=40002 mark=0 use=1',
  'ipv4     2 tcp      6 100 ESTABLISHED src=172.18.0.2 dst=198.51.100.7 sport=45000 dport=443 src=198.51.100.7 dst=203.0.113.1 sport=443 dport=45000 [ASSURED] mark=0 use=1',
  'ipv4     2 icmp     1 29 src=172.18.0.2 dst=203.0.113.2 type=8 code=0 id=77 src=203.0.113.2 dst=203.0.113.1 type=0 code=0 id=77 mark=0 use=1',
].join('\n');

const KNOWN: SceneChange = { raw: { 'conntrack -L -o extended': CONNECTIONS } };

const matching = (left: object, right: unknown, op = '=='): object => ({ match: { op, left, right } });
const field = (protocol: string, name: string): object => ({ payload: { protocol, field: name } });

/** `ip saddr @some drop; tcp sport 42000-42999 drop; ip daddr 198.51.100.64/26 reject; th dport vmap { … }`, and a mark by address. */
const NATIVE = JSON.stringify({
  nftables: [
    { table: { family: 'inet', name: 'own', handle: 1 } },
    {
      set: {
        family: 'inet',
        name: 'some',
        table: 'own',
        type: 'ipv4_addr',
        handle: 2,
        flags: ['interval'],
        elem: ['198.51.100.7', { range: ['203.0.113.100', '203.0.113.120'] }],
      },
    },
    { chain: { family: 'inet', table: 'own', name: 'through', handle: 3, type: 'filter', hook: 'forward', prio: 5, policy: 'accept' } },
    ...[
      [matching(field('ip', 'saddr'), '@some'), { drop: null }],
      [matching(field('tcp', 'sport'), { range: [42_000, 42_999] }), { drop: null }],
      [
        matching(field('ip', 'daddr'), { prefix: { addr: '198.51.100.64', len: 26 } }),
        { reject: { type: 'icmp', expr: 'admin-prohibited' } },
      ],
      [
        {
          mangle: {
            key: { meta: { key: 'mark' } },
            value: {
              map: {
                key: field('ip', 'saddr'),
                data: {
                  set: [
                    ['198.51.100.9', 7],
                    ['172.17.0.2', 8],
                  ],
                },
              },
            },
          },
        },
      ],
      [matching({ meta: { key: 'mark' } }, 7), { drop: null }],
      [
        {
          vmap: {
            key: field('udp', 'dport'),
            data: {
              set: [
                [53, { accept: null }],
                [{ range: [43_000, 43_100] }, { drop: null }],
              ],
            },
          },
        },
      ],
    ].map((expr, at) => ({ rule: { family: 'inet', table: 'own', chain: 'through', handle: 10 + at, expr } })),
  ],
});

const HOST6 = fc.integer({ min: 0x4000, max: 0x7fff }).map((host) => host.toString(16));
const ADDRESS6 = fc.oneof(
  HOST6.map((host) => `2001:db8:1::${host}`),
  HOST6.map((host) => `2001:db8:1:ff::${host}`),
  HOST6.map((host) => `2001:db8:2::${host}`),
  fc.constantFrom('2001:db8:2::10', '2001:db8:2::11', '::1', 'fe80::1', 'ff02::1', '::ffff:10.0.0.1'),
);

interface Frame6 {
  readonly srcMac: string;
  readonly dstMac: string;
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
}

/** UDP without data. */
const packetOf6 = ({ srcMac, dstMac, src, dst, sport, dport }: Frame6): Packet => {
  const bytes = Buffer.alloc(62);
  bytes.writeUIntBE(parseMac(dstMac) ?? 0, 0, 6);
  bytes.writeUIntBE(parseMac(srcMac) ?? 0, 6, 6);
  bytes.writeUInt16BE(0x86dd, 12);
  bytes[14] = 0x60;
  bytes.writeUInt16BE(8, 18);
  bytes.writeUInt16BE(0x1140, 20);
  for (const [at, text] of [
    [22, src],
    [38, dst],
  ] as const) {
    const ip = parseIp(text);
    for (const [word, value] of [ip?.a, ip?.b, ip?.c, ip?.d].entries()) bytes.writeUInt32BE(value ?? 0, at + 4 * word);
  }
  bytes.writeUInt16BE(sport, 54);
  bytes.writeUInt16BE(dport, 56);
  bytes.writeUInt16BE(8, 58);
  const packet = new Packet();
  decodePacket(packet, bytes, 0, bytes.length, bytes.length, LINKTYPE_ETHERNET);
  return packet;
};

/** The grammar's host has devices and addresses of its own. */
const atHome = (world: Scene, text: string): string =>
  text
    .replaceAll('10.20.0.', '172.18.0.')
    .replaceAll('10.40.0.', '172.17.0.')
    .replace(/(?<= )(r1|br1)(?= )/g, 'docker0')
    .replace(/(?<= )br0(?= )/g, world.bridge('test_net1'));

describe('JudgeCache', () => {
  it.each(ENGINES)('answers as asking alone does, whatever was asked before: engine %s', (engine) => {
    const { asked, all } = compare(scene(engine), { numRuns: 8 });
    expect(asked / all).toBeLessThan(0.7);
  });

  it('answers so where rules look at ports, addresses, lengths and hop limits', () => {
    compare(scene('28.5', { raw: { [IPTABLES]: insertRules('filter', ...RULES) } }), { numRuns: 8 });
  });

  it('answers so where connections are known', () => {
    compare(scene('28.5', KNOWN), { numRuns: 8 });
  });

  it('answers so under random rules', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const plain = scene('28.5');
        const ruleset = atHome(plain, saveText(randomRuleset(new Random(seed), 'nft', 4)));
        const world = scene('28.5', {
          raw: { [IPTABLES]: ruleset, 'ipset save': `${SETS4.join('\n')}\n`, 'nft -j list ruleset': '{"nftables":[]}' },
        });
        compare(world, { numRuns: 2, seed });
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  it('answers so under native rules with sets, ranges and maps', () => {
    const { asked, all } = compare(scene('28.5', { raw: { 'nft -j list ruleset': NATIVE } }), { numRuns: 8 });
    expect(asked / all).toBeLessThan(0.8);
  });

  it('answers so for IPv6', () => {
    const rules = [
      '-A FORWARD -s 2001:db8:1::/48 -j DROP',
      '-A FORWARD -d 2001:db8:2::10 -p udp -m udp --dport 53 -j REJECT',
      '-A INPUT -s 2001:db8:1:ff::/64 -j DROP',
    ];
    const world = scene('28.5', { raw: { 'ip6tables-nft-save -c': insertRules('filter', ...rules) } });
    const point = pointAt(world.topology, 'eth0');
    const host = world.model.links?.get('eth0')?.mac ?? '';
    const counts = { asked: 0, all: 0 };
    fc.assert(
      fc.property(
        fc.array(fc.record({ src: ADDRESS6, dst: ADDRESS6, sport: fc.integer({ min: 41_000, max: 44_000 }) }), {
          minLength: 150,
          maxLength: 200,
        }),
        (packets) => {
          const asker = new Asker(world.model);
          for (const each of packets) {
            const packet = packetOf6({ ...each, srcMac: OUTSIDE_MAC, dstMac: host, dport: 53 });
            const { verdict, reply, assumptions } = asker.ask(packet, point);
            const alone = askAlone(world.model, packet, point);
            expect({ verdict, reply, assumptions }).toEqual({ verdict: alone.verdict, reply: alone.reply, assumptions: alone.assumptions });
          }
          counts.asked += asker.asked;
          counts.all += packets.length;
        },
      ),
      { numRuns: 8 },
    );
    expect(counts.asked / counts.all).toBeLessThan(0.8);
  });

  const syn = (world: Scene, container: string, dst: string, sport: number, dport = 443): Frame => ({
    srcMac: formatMac(world.model.places.all.find((place) => place.container.name === container)?.mac ?? 0),
    dstMac: world.model.links?.get('docker0')?.mac ?? '',
    src: world.ip(container),
    dst,
    tcp: { sport, dport, flags: TH_SYN },
  });

  it('does not share with a port that another connection has already', () => {
    const taken =
      'ipv4     2 tcp      6 100 ESTABLISHED src=172.17.0.9 dst=203.0.113.2 sport=40002 dport=443 src=203.0.113.2 dst=203.0.113.1 sport=443 dport=40002 [ASSURED] mark=0 use=1\n';
    const world = scene('28.5', { raw: { 'conntrack -L -o extended': taken } });
    const asker = new Asker(world.model);
    const to = (sport: number) =>
      asker.ask(packetOf(syn(world, 'pub', '203.0.113.2', sport)), pointAt(world.topology, 'docker0')).verdict.nat[0]?.to;
    expect([40_011, 40_003, 40_002, 40_004].map(to)).toEqual([
      '203.0.113.1:40011',
      '203.0.113.1:40003',
      '203.0.113.1',
      '203.0.113.1:40004',
    ]);
  });

  it('asks twice about thousands of connections to as many addresses, each of which has its own in the words', () => {
    const world = scene('28.5');
    const asker = new Asker(world.model);
    const point = pointAt(world.topology, 'docker0');
    const answers = Array.from({ length: 2_000 }, (_, at) =>
      asker.ask(packetOf(syn(world, 'pub', `198.51.100.${1 + (at % 250)}`, 41_000 + at)), point),
    );
    expect(asker.asked).toBe(2);
    expect(answers.map(({ verdict }) => verdict.nat[0]?.to)).toEqual(answers.map((_, at) => `203.0.113.1:${41_000 + at}`));
    expect(answers[7]?.verdict.way?.at(-1)).toMatchObject({ dst: '198.51.100.8', sport: 41_007 });
    expect(answers[7]?.verdict.decidedBy).toBe(answers[0]?.verdict.decidedBy);
  });

  it.each([
    ['bytes', '-A FORWARD -m u32 --u32 "0x0&0xff=0x4" -j DROP'],
    ['parts of addresses', '-A FORWARD -s 10.0.0.2/255.0.0.255 -j DROP'],
    ['whole nets that are mapped', '-A FORWARD -j NETMAP --to 10.9.0.0/16'],
  ])('shares nothing where a rule looks at %s', (_what, rule) => {
    const world = scene('28.5', { raw: { [IPTABLES]: insertRules('filter', rule) } });
    const asker = new Asker(world.model);
    for (const sport of [41_000, 41_001, 41_002])
      asker.ask(packetOf(syn(world, 'pub', '198.51.100.9', sport)), pointAt(world.topology, 'docker0'));
    expect(asker.asked).toBe(3);
  });
});
