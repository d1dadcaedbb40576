import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { judgeBoth } from '../../src/path/judge.ts';
import { JudgeCache, replyOf, verdictOf } from '../../src/path/judge-cache.ts';
import { compileHost } from '../../src/path/model.ts';
import { PortClasses } from '../../src/path/port-classes.ts';
import type { PacketSpec } from '../../src/path/verdict.ts';

const documentOf = (engine: string, rules: readonly string[] = []): ReturnType<typeof parseSnapshot> => {
  const document = parseSnapshot(readFileSync(new URL(`../fixtures/snapshots/scene-${engine}.json`, import.meta.url), 'utf8'));
  const command = 'iptables-nft-save -c';
  const raw = { ...document.raw };
  raw[command] = (raw[command] ?? '').replace(
    /(\[\d+:\d+\] -A FORWARD -j DOCKER-USER\n)/,
    `${rules.map((rule) => `[0:0] ${rule}\n`).join('')}$1`,
  );
  return { ...document, raw };
};

const modelOf = (engine: string, rules: readonly string[] = []) => compileHost(readFacts(documentOf(engine, rules)));

/** Rules that look at source ports, at ports of answers, and at ranges of them. */
const PORT_RULES = [
  '-A FORWARD -p tcp -m tcp --sport 40000:40010 -j DROP',
  '-A FORWARD -p udp -m multiport --sports 53,5000:5100 -j DROP',
  '-A FORWARD -p tcp -m tcp --dport 50000:50005 -j REJECT --reject-with icmp-port-unreachable',
  '-A FORWARD -p tcp -m conntrack --ctorigsrcport 45000 -j DROP',
];

const port = fc.oneof(
  fc.integer({ min: 1, max: 65_535 }),
  fc.constantFrom(80, 8080, 53, 5000, 5100, 5101, 39_999, 40_000, 40_010, 40_011, 45_000, 50_003, 50_006),
);

const specArbitrary: fc.Arbitrary<PacketSpec> = fc
  .record({
    way: fc.constantFrom(
      { in: 'eth0', src: '203.0.113.2', dst: '203.0.113.1' },
      { in: 'docker0', src: '172.17.0.2', dst: '203.0.113.2' },
      { in: 'docker0', src: '172.17.0.2', dst: '172.17.0.3' },
      { in: 'docker0', src: '172.17.0.2', dst: '198.18.20.2' },
      { in: null, src: '203.0.113.1', dst: '172.17.0.2' },
    ),
    proto: fc.constantFrom('tcp', 'udp'),
    sport: port,
    dport: fc.constantFrom(80, 8080, 443, 40_005),
  })
  .map(({ way, proto, sport, dport }) => ({ ...way, proto, sport, dport, length: 60, ttl: 64 }));

describe('JudgeCache', () => {
  for (const [name, engine, rules] of [
    ['Docker 20.10', '20.10', []],
    ['Docker 28.5', '28.5', []],
    ['rules that look at source ports', '28.5', PORT_RULES],
  ] as const) {
    it(`answers as judging does, whatever was asked before: ${name}`, () => {
      const model = modelOf(engine, rules);
      fc.assert(
        fc.property(fc.array(specArbitrary, { minLength: 1, maxLength: 25 }), (specs) => {
          const cache = new JudgeCache(model);
          for (const spec of specs) {
            const answer = cache.judge(spec);
            expect({ verdict: verdictOf(answer), reply: replyOf(answer) }).toEqual(judgeBoth(model, spec));
          }
        }),
        { numRuns: 30 },
      );
    });
  }

  it('does not share with a port that another connection has already', () => {
    const document = documentOf('28.5');
    const taken =
      'ipv4     2 udp      17 100 src=172.17.0.9 dst=203.0.113.2 sport=40002 dport=443 src=203.0.113.2 dst=203.0.113.1 sport=443 dport=40002 mark=0 use=1';
    const cache = new JudgeCache(compileHost(readFacts({ ...document, raw: { ...document.raw, 'conntrack -L -o extended': taken } })));
    const ask = (sport: number, proto: string) =>
      verdictOf(cache.judge({ in: 'docker0', src: '172.17.0.2', dst: '203.0.113.2', proto, sport, dport: 443 })).nat[0]?.to;
    expect([ask(40_001, 'udp'), ask(40_002, 'udp'), ask(40_002, 'tcp')]).toEqual(['203.0.113.1:40001', '203.0.113.1', '203.0.113.1:40002']);
  });

  it('shares an answer among source ports, with each port in its own translation', () => {
    const cache = new JudgeCache(modelOf('28.5'));
    const ask = (sport: number) =>
      verdictOf(cache.judge({ in: 'docker0', src: '172.17.0.2', dst: '203.0.113.2', proto: 'tcp', sport, dport: 443 }));
    const [first, second] = [ask(40_001), ask(40_002)];
    expect(second.decidedBy).toBe(first.decidedBy);
    expect([first, second].map((verdict) => verdict.nat[0]?.to)).toEqual(['203.0.113.1:40001', '203.0.113.1:40002']);
  });
});

describe('PortClasses', () => {
  it('parts ports where a rule does', () => {
    const classes = new PortClasses(readFacts(documentOf('28.5', PORT_RULES)).self);
    expect(classes.classOf(39_999)).not.toBe(classes.classOf(40_000));
    expect(classes.classOf(40_000)).toBe(classes.classOf(40_010));
    expect(classes.classOf(40_010)).not.toBe(classes.classOf(40_011));
    expect(classes.classOf(45_000)).not.toBe(classes.classOf(45_001));
  });

  it('does not class ports where a rule may look at them in other ways', () => {
    const rule = '-A FORWARD -m u32 --u32 "0x0&0xff=0x4" -j DROP';
    expect(new PortClasses(readFacts(documentOf('28.5', [rule])).self).classOf(80)).toBe(-1);
  });
});
