/** Walking chains: ipt_do_table in ip_tables.c; what is unknown is followed both ways. */
import { describe, expect, it } from 'vitest';
import { MAX_WORLDS } from '../../src/netfilter/evaluate.ts';
import type { HookOutcome } from '../../src/netfilter/evaluation.ts';
import { chainOf, compileRules, env, single, skb, udp } from './support.ts';

const USER_CHAINS = [':A - [0:0]', ':B - [0:0]', ':C - [0:0]'];

const forward = (lines: readonly string[], packet = skb(), policy = 'ACCEPT', explain = false): readonly HookOutcome[] =>
  chainOf(compileRules('filter', [`:FORWARD ${policy} [7:700]`, ...USER_CHAINS, ...lines]), 'FORWARD').evaluate(packet, env(), explain);

const trace = (outcome: HookOutcome): string[] =>
  outcome.steps.map(({ ref, action, uncertain }) => `${ref.chain}#${ref.rule ?? 'policy'} ${action}${uncertain ? '?' : ''}`);

describe('jump, goto, return', () => {
  it('records every rule that matched, in order', () => {
    const outcome = single(
      forward([
        '-A FORWARD -j A',
        '-A FORWARD -p tcp -j B',
        '-A A -p udp -j DROP',
        '-A A',
        '-A A -j RETURN',
        '-A A -j DROP',
        '-A B -o eth1 -j ACCEPT',
      ]),
    );
    expect(trace(outcome)).toEqual(['FORWARD#1 jump', 'A#2 continue', 'A#3 return', 'FORWARD#2 jump', 'B#1 accept']);
    expect(outcome.decided).toMatchObject({ table: 'filter', chain: 'B', rule: 1, text: '-A B -o eth1 -j ACCEPT' });
  });

  it('comes back behind the jump at the end of a chain', () => {
    expect(trace(single(forward(['-A FORWARD -j A', '-A FORWARD -j DROP'])))).toEqual(['FORWARD#1 jump', 'FORWARD#2 drop']);
  });

  it('comes back from a goto to the caller of the caller', () => {
    const lines = ['-A FORWARD -j A', '-A FORWARD -j ACCEPT', '-A A -g B', '-A A -j DROP', '-A B -p udp -j DROP'];
    expect(trace(single(forward(lines)))).toEqual(['FORWARD#1 jump', 'A#1 goto', 'FORWARD#2 accept']);
  });

  it('takes the policy after a goto from the built-in chain', () => {
    expect(trace(single(forward(['-A FORWARD -g A', '-A FORWARD -j ACCEPT', '-A A -j RETURN'], skb(), 'DROP')))).toEqual([
      'FORWARD#1 goto',
      'A#1 return',
      'FORWARD#policy policy',
    ]);
  });

  it('takes RETURN in a built-in chain as its policy', () => {
    const outcome = single(forward(['-A FORWARD -j RETURN', '-A FORWARD -j ACCEPT'], skb(), 'DROP'));
    expect(outcome).toMatchObject({
      verdict: 'drop',
      decided: { rule: null, text: '-P FORWARD DROP', counters: { packets: 7, bytes: 700 } },
    });
  });

  it('says that a loop is one', () => {
    const outcome = single(forward(['-A FORWARD -j A', '-A A -j B', '-A B -g A']));
    expect(outcome.verdict).toBe('unknown');
    expect(outcome.assumptions[0]).toMatch(/calls itself/);
  });

  it('stops where iptables-nft chains nest deeper than the kernel allows', () => {
    const chains = Array.from({ length: 20 }, (_, index) => `:N${index} - [0:0]`);
    const jumps = Array.from({ length: 19 }, (_, index) => `-A N${index} -j N${index + 1}`);
    const lines = [':FORWARD ACCEPT [0:0]', ...chains, '-A FORWARD -j N0', ...jumps];
    const run = (backend: 'nft' | 'legacy') =>
      single(chainOf(compileRules('filter', lines, { backend }), 'FORWARD').evaluate(skb(), env(), false));
    expect(run('nft').verdict).toBe('unknown');
    expect(run('legacy').verdict).toBe('accept');
  });

  it('does not take a built-in chain for a target', () => {
    expect(single(forward(['-A FORWARD -j FORWARD'])).verdict).toBe('unknown');
  });
});

describe('near misses', () => {
  it('names the first condition that failed, only when asked', () => {
    const lines = ['-A FORWARD -i docker0 -p udp -j DROP', '-A FORWARD -p tcp -m tcp --dport 81 -j DROP', '-A FORWARD -j ACCEPT'];
    expect(single(forward(lines, skb(), 'DROP', true)).nearMisses).toMatchObject([
      { ref: { rule: 1 }, failed: '-i docker0' },
      { ref: { rule: 2 }, failed: '--dport 81' },
    ]);
    expect(single(forward(lines)).nearMisses).toEqual([]);
  });
});

const MAYBE = '-m statistic --mode random --probability 0.50000000000';

describe('what is unknown', () => {
  it('is followed both ways where that matters', () => {
    const outcomes = forward([`-A FORWARD ${MAYBE} -j DROP`, '-A FORWARD -j ACCEPT']);
    expect(outcomes.map((outcome) => [outcome.verdict, trace(outcome)])).toEqual([
      ['drop', ['FORWARD#1 drop?']],
      ['accept', ['FORWARD#2 accept']],
    ]);
    expect(outcomes[0]?.assumptions).toEqual([`-A FORWARD ${MAYBE} -j DROP (filter FORWARD 1) matches: it is a matter of chance`]);
    expect(outcomes[1]?.assumptions).toEqual([`-A FORWARD ${MAYBE} -j DROP (filter FORWARD 1) does not match: it is a matter of chance`]);
  });

  it('does not matter where both ways end alike', () => {
    const outcome = single(forward([`-A FORWARD ${MAYBE} -j A`, '-A FORWARD -j DROP', '-A A -p udp -j ACCEPT']));
    expect(outcome).toMatchObject({ verdict: 'drop', decided: { rule: 2 }, assumptions: [] });
    expect(trace(outcome)).toEqual(['FORWARD#1 jump?', 'FORWARD#2 drop']);
  });

  it('does not matter for a rule that only logs or counts', () => {
    const many = Array.from({ length: 200 }, () => '-A FORWARD -m limit --limit 3/min -j LOG');
    const outcome = single(forward([...many, '-A FORWARD -m limit --limit 3/min', '-A FORWARD -j DROP']));
    expect(outcome.verdict).toBe('drop');
    expect(outcome.assumptions).toEqual([]);
    expect(outcome.steps.filter((step) => step.uncertain)).toHaveLength(201);
  });

  it('does not matter for a rule that does not match anyway', () => {
    expect(single(forward([`-A FORWARD ${MAYBE} -p udp -j DROP`])).verdict).toBe('accept');
  });

  it('gets the same answer when asked again for the same packet', () => {
    const owner = '-m owner --uid-owner 0';
    const packet = skb({ local: true });
    const outcomes = forward(
      [
        `-A FORWARD ${owner} -j A`,
        `-A FORWARD ! --uid-owner 0 -m owner -j DROP`.replace('! --uid-owner 0 -m owner', '-m owner ! --uid-owner 0'),
        '-A FORWARD -j ACCEPT',
        '-A A -j RETURN',
      ],
      packet,
    );
    expect(outcomes.map((outcome) => trace(outcome))).toEqual([['FORWARD#1 jump?', 'A#1 return', 'FORWARD#3 accept'], ['FORWARD#2 drop']]);
  });

  it('is asked anew of each rule where the answer may change', () => {
    expect(forward([`-A FORWARD ${MAYBE} -j DROP`, `-A FORWARD ${MAYBE} -j ACCEPT`, '-A FORWARD -j REJECT'])).toHaveLength(3);
  });

  it('keeps worlds apart that differ in the mark only', () => {
    const chains = compileRules('mangle', [':PREROUTING ACCEPT [0:0]', `-A PREROUTING ${MAYBE} -j MARK --set-xmark 0x1/0x1`]);
    const outcomes = chainOf(chains, 'PREROUTING').evaluate(skb(), env(), false);
    expect(outcomes.map((outcome) => outcome.skb.mark)).toEqual([1, 0]);
  });

  it('ends as unknown where there are too many ways', () => {
    const lines = Array.from({ length: 100 }, () => `-A FORWARD ${MAYBE} -j A`);
    const outcomes = forward([...lines, '-A A -j RETURN', '-A FORWARD -j DROP']);
    expect(
      outcomes.some(
        (outcome) => outcome.verdict === 'unknown' && outcome.assumptions.some((text) => text.includes(`more than ${MAX_WORLDS}`)),
      ),
    ).toBe(true);
  });

  it('is what a rule is that could not be read', () => {
    const outcomes = forward(['-A FORWARD --dport', '-A FORWARD -j DROP']);
    expect(outcomes.map((outcome) => [outcome.verdict, outcome.decided.rule])).toEqual([
      ['unknown', 1],
      ['drop', 2],
    ]);
  });

  it('is the policy of a built-in chain that the text does not declare', () => {
    const chains = compileRules('filter', ['-A FORWARD -p udp -j DROP']);
    expect(single(chainOf(chains, 'FORWARD').evaluate(skb(), env(), false)).verdict).toBe('unknown');
    expect(single(chainOf(chains, 'FORWARD').evaluate(udp(), env(), false)).verdict).toBe('drop');
  });
});

describe('hotdrop', () => {
  it('drops by the match itself', () => {
    const lines = [':FORWARD ACCEPT [0:0]', '-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT', '-A FORWARD -j ACCEPT'];
    const run = (backend: 'nft' | 'legacy') =>
      chainOf(compileRules('filter', lines, { backend }), 'FORWARD').evaluate(skb({ fragmentOffset: 8 }), env(), false);
    expect(single(run('legacy'))).toMatchObject({
      verdict: 'drop',
      decided: { rule: 1 },
      steps: [{ action: 'drop', note: expect.stringContaining('overwrite') }],
    });
  });
});
