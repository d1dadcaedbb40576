/** What a packet has in place of what native rules want, and that rules left out for their pins are those that do not match. */
import { describe, expect, it } from 'vitest';
import type { BaseChain } from '../../../src/netfilter/evaluation.ts';
import { compileNftables } from '../../../src/netfilter/nft/compile.ts';
import { parseNftables } from '../../../src/netfilter/nft/parse.ts';
import { env, type SkbChange, skb } from '../support.ts';

const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const meta = (key: string) => ({ meta: { key } });
const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });

const chainOf = (rules: readonly (readonly object[])[]): BaseChain => {
  const place = { family: 'inet', table: 't' };
  const parsed = parseNftables(
    JSON.stringify({
      nftables: [
        { set: { ...place, name: 'known', type: 'ipv4_addr', elem: ['192.0.2.1'] } },
        { chain: { ...place, name: 'base', type: 'filter', hook: 'forward', prio: 0, policy: 'accept' } },
        ...rules.map((expr) => ({ rule: { ...place, chain: 'base', expr } })),
      ],
    }),
  );
  if ('problem' in parsed) throw new Error(parsed.problem);
  return compileNftables(parsed)[0] as BaseChain;
};

describe('near misses of native rules', () => {
  const missOf = (rule: readonly object[], change: SkbChange = {}) => {
    const [outcome] = chainOf([[...rule, { drop: null }]]).evaluate(skb(change), env(), true);
    const miss = outcome?.nearMisses[0];
    return [miss?.failed, miss?.has];
  };
  const concat = { concat: [payload('ip', 'saddr'), payload('tcp', 'dport')] };

  it.each<[string, readonly object[], SkbChange, string, string | undefined]>([
    ['an address', [match(payload('ip', 'saddr'), '10.9.9.9')], {}, 'ip saddr 10.9.9.9', 'ip saddr 10.0.0.1'],
    ['a port', [match(payload('tcp', 'dport'), 81)], { dstPort: 80 }, 'tcp dport 81', 'tcp dport 80'],
    ['another protocol', [match(payload('tcp', 'dport'), 81)], { protocol: 17 }, 'meta l4proto tcp', 'meta l4proto udp'],
    ['another family', [match(payload('ip6', 'saddr'), 'fd00::1')], {}, 'meta nfproto ipv6', 'IPv4'],
    ['a device', [match(meta('oifname'), 'eth9')], { outDev: 'eth1' }, 'oifname "eth9"', 'oifname "eth1"'],
    ['no device', [match(meta('oifname'), 'eth9')], { outDev: null }, 'oifname "eth9"', 'oifname ""'],
    ['a mark', [match(meta('mark'), 5)], { mark: 0x10 }, 'meta mark 0x00000005', 'meta mark 0x00000010'],
    ['a state', [match({ ct: { key: 'state' } }, ['established', 'related'], 'in')], {}, 'ct state established,related', 'ct state new'],
    ['a set', [match(payload('ip', 'saddr'), '@known')], {}, 'ip saddr @known', 'ip saddr 10.0.0.1'],
    [
      'a concatenation',
      [match(concat, { set: [{ concat: ['10.0.0.9', 80] }] })],
      { dstPort: 80 },
      'ip saddr . tcp dport { 10.0.0.9 . 80 }',
      'ip saddr 10.0.0.1, tcp dport 80',
    ],
    ['nothing to compare', [match(meta('length'), 5)], { length: 60 }, 'meta length 5', 'meta length 60'],
    [
      'a verdict map',
      [{ vmap: { key: concat, data: { set: [[{ concat: ['10.0.0.9', 80] }, { drop: null }]] } } }],
      { dstPort: 80 },
      'ip saddr . tcp dport vmap { 10.0.0.9 . 80 : drop }: no element for 10.0.0.1 . 80',
      undefined,
    ],
  ])('%s', (_name, rule, change, failed, has) => {
    const [outcome] = rule.some((statement) => 'vmap' in statement) ? chainOf([rule]).evaluate(skb(change), env(), true) : [];
    const miss = outcome?.nearMisses[0];
    expect(outcome === undefined ? missOf(rule, change) : [miss?.failed, miss?.has]).toEqual([failed, has]);
  });
});

describe('long chains of native rules', () => {
  const address = (index: number): string => `10.0.${index >> 4}.${index & 15}`;
  const kinds = (index: number): readonly object[] => {
    switch (index % 6) {
      case 0:
        return [
          match(payload('ip', 'saddr'), { prefix: { addr: `10.0.${index >> 4}.0`, len: 24 } }),
          match(payload('tcp', 'dport'), index),
        ];
      case 1:
        return [match(payload('ip', 'saddr'), address(index)), { mangle: { key: meta('mark'), value: index } }, match(meta('mark'), 7)];
      case 2:
        return [match(payload('ip', 'saddr'), address(index), '!='), match(payload('tcp', 'dport'), index)];
      case 3:
        return [match(meta('iifname'), `eth${index}`), match(payload('ip', 'saddr'), address(index))];
      case 4:
        return [match(meta('iifname'), 'eth*'), match(payload('ip', 'saddr'), address(index))];
      default:
        return [match(payload('ip', 'saddr'), address(index))];
    }
  };
  const chain = chainOf(Array.from({ length: 240 }, (_, index) => [...kinds(index), index % 5 === 0 ? { drop: null } : { counter: null }]));

  it('say the same whether all rules are asked or those that the packet can meet', () => {
    let matched = 0;
    for (let index = 0; index < 240; index++)
      matched += same(chain, { src: address(index), inDev: `eth${index}`, dstPort: (index * 7) % 240 });
    expect(matched).toBeGreaterThan(300);
  });

  it('say the same of ports, also where the packet shows none', () => {
    const ports = chainOf(
      Array.from({ length: 60 }, (_, index) => [
        match(payload(['tcp', 'udp', 'th'][index % 3] as string, 'dport'), index),
        index % 7 === 0 ? { drop: null } : { counter: null },
      ]),
    );
    let matched = 0;
    for (let dstPort = 0; dstPort < 60; dstPort++)
      for (const change of [{}, { protocol: 17 }, { protocol: 1, dstPort: null, srcPort: null }, { fragmentOffset: 8 }])
        matched += same(ports, { dstPort, ...change });
    expect(matched).toBeGreaterThan(60);
  });

  const same = (of: BaseChain, change: SkbChange): number => {
    const [asked, found] = [true, false].map((explain) =>
      of.evaluate(skb(change), env(), explain).map(({ verdict, steps, decided }) => ({ verdict, steps, decided })),
    );
    expect(found).toEqual(asked);
    return found?.[0]?.steps.length ?? 0;
  };
});
