/** What counts as another verdict, and which changes matter most. */
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/path/verdict.ts';
import { type BothWays, effectOf, verdictChange, weightOf } from '../../src/path/verdict-change.ts';

const verdict = (outcome: Verdict['outcome'], text: string, more: Partial<Verdict> = {}): Verdict => ({
  outcome,
  decidedBy: { kind: 'rule', table: 'filter', chain: 'FORWARD', rule: 1, text },
  nat: [],
  out: null,
  steps: [],
  unknowns: [],
  evidence: 'predicted',
  ...more,
});
const both = (outcome: Verdict['outcome'], text: string, reply: Verdict | null = null): BothWays => ({
  verdict: verdict(outcome, text),
  reply,
});
const dnat = (to: string): Verdict['nat'] => [
  { kind: 'dnat', from: '203.0.113.1:80', to, by: { table: 'nat', chain: 'PREROUTING', rule: 1, text: `-j DNAT --to-destination ${to}` } },
];

describe('two verdicts', () => {
  it('are the same where the rule only moved in its chain', () => {
    const moved = verdict('accept', '-A FORWARD -j ACCEPT', {
      decidedBy: { kind: 'rule', table: 'filter', chain: 'FORWARD', rule: 7, text: '-A FORWARD -j ACCEPT' },
    });
    expect(verdictChange(both('accept', '-A FORWARD -j ACCEPT'), { verdict: moved, reply: null })).toBeNull();
  });

  it('differ by outcome, by translation and by rule', () => {
    expect(verdictChange(both('accept', 'a'), both('drop', 'b'))).toEqual({ kinds: ['outcome', 'rule'], before: 'accept', after: 'drop' });
    expect(verdictChange(both('accept', 'a'), both('accept', 'b'))).toEqual({ kinds: ['rule'], before: 'accept', after: 'accept' });
    const one = { verdict: verdict('accept', 'a', { nat: dnat('172.17.0.2:80') }), reply: null };
    const other = { verdict: verdict('accept', 'a', { nat: dnat('172.17.0.3:80') }), reply: null };
    expect(verdictChange(one, other)?.kinds).toEqual(['nat', 'rule']);
  });

  it('differ where only the answer is lost', () => {
    const after = both('accept', 'a', verdict('drop', 'r'));
    expect(effectOf(after)).toBe('no reply');
    expect(verdictChange(both('accept', 'a', verdict('accept', 'r')), after)).toMatchObject({
      kinds: ['outcome'],
      after: 'no reply',
    });
  });

  it('differ where docker-proxy no longer gets through', () => {
    const proxiedTo = {
      container: 'pub',
      address: '172.17.0.2:80',
      from: null,
      outcome: 'drop',
      client: 'closed',
      verdict: verdict('drop', 'x'),
      reply: null,
    } as const;
    expect(verdictChange(both('accept', 'a'), { verdict: verdict('accept', 'a', { proxiedTo }), reply: null })?.after).toBe('drop');
  });

  it('weigh most where something stops, then where something opens, least where only the rule is another', () => {
    const weights = [
      [both('accept', 'a'), both('drop', 'b')],
      [both('drop', 'b'), both('accept', 'a')],
      [both('accept', 'a'), both('undetermined', 'b')],
      [both('drop', 'a'), both('reject', 'b')],
      [both('drop', 'a'), both('drop', 'b')],
    ].map(([before, after]) => {
      const change = verdictChange(before as BothWays, after as BothWays);
      return change === null ? Number.NaN : weightOf(change);
    });
    expect(weights).toEqual([...weights].sort((x, y) => x - y));
    expect(new Set(weights).size).toBe(weights.length);
  });
});
