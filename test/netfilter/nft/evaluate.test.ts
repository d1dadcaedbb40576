/** How native rules run: rules that do several things, verdict maps, sets that change, what is not understood. */
import { describe, expect, it } from 'vitest';
import type { HookOutcome } from '../../../src/netfilter/evaluation.ts';
import { compileNftables } from '../../../src/netfilter/nft/compile.ts';
import { parseNftables } from '../../../src/netfilter/nft/parse.ts';
import { env, type SkbChange, skb, udp } from '../support.ts';

const dport = { payload: { protocol: 'tcp', field: 'dport' } };
const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });
const mark = (value: unknown) => ({ mangle: { key: { meta: { key: 'mark' } }, value } });

interface Given {
  readonly rules: readonly object[][];
  readonly chains?: Readonly<Record<string, readonly object[][]>>;
  readonly sets?: readonly object[];
  readonly policy?: string;
  readonly base?: object;
}

const outcomes = ({ rules, chains = {}, sets = [], policy = 'accept', base = {} }: Given, packet = skb()): readonly HookOutcome[] => {
  const place = { family: 'inet', table: 't' };
  const all = Object.entries({ base: rules, ...chains });
  const parsed = parseNftables(
    JSON.stringify({
      nftables: [
        ...sets,
        ...all.map(([name]) => ({
          chain: { ...place, name, ...(name === 'base' ? { type: 'filter', hook: 'forward', prio: 0, policy, ...base } : {}) },
        })),
        ...all.flatMap(([chain, list]) => list.map((expr) => ({ rule: { ...place, chain, expr } }))),
      ],
    }),
  );
  if ('problem' in parsed) throw new Error(parsed.problem);
  const [chain] = compileNftables(parsed);
  return chain?.evaluate(packet, env(), true) ?? [];
};

const only = (given: Given, change: SkbChange = {}): HookOutcome => {
  const list = outcomes(given, skb(change));
  expect(list).toHaveLength(1);
  return list[0] as HookOutcome;
};

describe('rules that do several things', () => {
  it('are one step, with all that they did', () => {
    const { verdict, steps, skb: after } = only({ rules: [[{ log: { prefix: 'x' } }, match(dport, 80), mark(5), { drop: null }]] });
    expect(verdict).toBe('drop');
    expect(after.mark).toBe(5);
    expect(steps).toMatchObject([{ ref: { rule: 1 }, action: 'drop', note: 'x, mark 0x0 -> 0x5' }]);
  });

  it('have done what stands before the condition that fails', () => {
    const given = {
      rules: [
        [mark(5), match(dport, 81), { drop: null }],
        [match({ meta: { key: 'mark' } }, 5), { accept: null }],
      ],
      policy: 'drop',
    };
    const { verdict, decided, nearMisses } = only(given);
    expect({ verdict, rule: decided.rule, nearMisses }).toMatchObject({
      verdict: 'accept',
      rule: 2,
      nearMisses: [{ ref: { rule: 1 }, failed: 'tcp dport 81' }],
    });
  });

  it('ask for the protocol that they imply', () => {
    expect(outcomes({ rules: [[match(dport, 53), { drop: null }]] }, udp({ dstPort: 53 }))).toMatchObject([
      { verdict: 'accept', nearMisses: [{ failed: 'meta l4proto tcp' }] },
    ]);
    // The other ports of other protocols are no reason for != to hold.
    expect(outcomes({ rules: [[match(dport, 80, '!='), { drop: null }]] }, udp({ dstPort: 53 }))).toMatchObject([{ verdict: 'accept' }]);
  });
});

describe('verdict maps', () => {
  const vmap = (key: object, elements: readonly unknown[]) => ({ vmap: { key, data: { set: elements } } });
  const jump = (target: string) => ({ jump: { target } });

  it('do what the element says, and nothing where there is none', () => {
    const given: Given = {
      rules: [
        [
          vmap(dport, [
            [22, { drop: null }],
            [{ range: [79, 81] }, jump('web')],
          ]),
        ],
      ],
      chains: { web: [[match({ meta: { key: 'iifname' } }, 'eth0'), { accept: null }]] },
      policy: 'drop',
    };
    expect(only(given)).toMatchObject({
      verdict: 'accept',
      decided: { chain: 'web', rule: 1 },
      steps: [{ action: 'jump' }, { action: 'accept' }],
    });
    expect(only(given, { dstPort: 22 })).toMatchObject({ verdict: 'drop', decided: { chain: 'base', rule: 1 } });
    expect(only(given, { dstPort: 23 })).toMatchObject({ verdict: 'drop', decided: { rule: null }, nearMisses: [{ ref: { rule: 1 } }] });
  });

  it('are followed all ways where the key is a matter of chance, and only these where it covers them all', () => {
    const numgen = { numgen: { mode: 'random', mod: 2, offset: 0 } };
    const both = outcomes({
      rules: [
        [
          vmap(numgen, [
            [0, { accept: null }],
            [1, { drop: null }],
          ]),
        ],
      ],
    });
    expect(both.map(({ verdict }) => verdict).sort()).toEqual(['accept', 'drop']);
    expect(both.every(({ decided }) => decided.rule === 1)).toBe(true);
    expect(
      outcomes({
        rules: [
          [
            vmap(numgen, [
              [0, { drop: null }],
              [1, { drop: null }],
            ]),
          ],
        ],
      }),
    ).toMatchObject([{ verdict: 'drop', assumptions: [] }]);
    const some = outcomes({ rules: [[vmap(numgen, [[0, { drop: null }]])]] });
    expect(some.map(({ verdict }) => verdict).sort()).toEqual(['accept', 'drop']);
  });
});

describe('sets', () => {
  const place = { family: 'inet', table: 't' };
  const saddr = { payload: { protocol: 'ip', field: 'saddr' } };

  it('of ten thousand elements are looked up, ranges and concatenations too', () => {
    const elem = Array.from({ length: 10_000 }, (_, at) => `10.${at >> 8}.${at & 255}.0`).map((addr) => ({ prefix: { addr, len: 25 } }));
    const sets = [{ set: { ...place, name: 's', type: 'ipv4_addr', flags: ['interval'], elem } }];
    const given = { rules: [[match(saddr, '@s'), { drop: null }]], sets };
    expect(only(given, { src: '10.5.7.127' }).verdict).toBe('drop');
    expect(only(given, { src: '10.5.7.128' }).verdict).toBe('accept');
  });

  it('to which rules add elements do not tell what is not in them', () => {
    const sets = [{ set: { ...place, name: 's', type: 'ipv4_addr', timeout: 60, elem: ['10.0.0.9'] } }];
    const rules = [[match(saddr, '@s'), { drop: null }], [{ set: { op: 'add', elem: saddr, set: '@s' } }]];
    expect(
      outcomes({ rules, sets })
        .map(({ verdict }) => verdict)
        .sort(),
    ).toEqual(['accept', 'drop']);
    expect(only({ rules, sets }, { src: '10.0.0.9' }).verdict).toBe('drop');
  });
});

describe('what is not understood', () => {
  it('is kept as JSON and followed both ways, with its reason', () => {
    const list = outcomes({ rules: [[{ novelty: { of: 1 } }, { accept: null }]], policy: 'drop' });
    expect(list.map(({ verdict }) => verdict).sort()).toEqual(['drop', 'unknown']);
    expect(list[0]?.assumptions[0]).toContain('{"novelty":{"of":1}} accept');
    expect(list[0]?.assumptions[0]).toContain('the statement novelty is not understood');
  });

  it('includes options of iptables, which nft does not show', () => {
    expect(
      outcomes({ rules: [[{ xt: null }, { drop: null }]] })
        .map(({ verdict }) => verdict)
        .sort(),
    ).toEqual(['accept', 'unknown']);
  });
});

describe('chains before connection tracking', () => {
  it('see no connection', () => {
    const rules = [[match({ ct: { key: 'state' } }, 'invalid', 'in'), { drop: null }]];
    expect(only({ rules, base: { hook: 'prerouting', prio: -300 } }).verdict).toBe('drop');
    expect(only({ rules, base: { hook: 'prerouting', prio: -150 } }).verdict).toBe('accept');
  });
});
