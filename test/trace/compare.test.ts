/** Verdicts beside recorded traces: agreement, and each way of differing. */
import { describe, expect, it } from 'vitest';
import type { Verdict, VerdictStep } from '../../src/path/verdict.ts';
import { type CompareOptions, compareTrace } from '../../src/trace/compare.ts';
import type { Passage } from '../../src/trace/passages.ts';
import { indexRules } from '../../src/trace/rule-index.ts';
import { legacyEvents, legacyIndex, nftEvents, passagesOf, text } from './recorded.ts';

type Hook = VerdictStep['hook'];
type Backend = 'nft' | 'legacy';

const step = (backend: Backend, hook: Hook, table: string, chain: string, rule: number | null, action: string): VerdictStep => ({
  hook,
  table,
  chain,
  rule,
  text: '',
  action,
  backend,
  family: 'ip',
});

const routed: VerdictStep = { hook: 'routing', table: null, chain: null, rule: null, text: '10.2.0.0/24 dev vb0', action: 'continue' };

/** The way of the SYN to 10.1.0.1:8080, which DNAT sends to 10.2.0.2:80. */
const steps = (backend: Backend): readonly VerdictStep[] => [
  ...(backend === 'legacy' ? [] : [step(backend, 'prerouting', 'raw', 'PREROUTING', null, 'policy')]),
  step(backend, 'prerouting', 'nat', 'PREROUTING', 1, 'dnat'),
  routed,
  step(backend, 'forward', 'filter', 'FORWARD', 1, 'jump'),
  step(backend, 'forward', 'filter', 'USER', 1, 'mark'),
  step(backend, 'forward', 'filter', 'USER', 2, 'accept'),
  step(backend, 'postrouting', 'nat', 'POSTROUTING', 1, 'masquerade'),
];

const verdict = (list: readonly VerdictStep[], change: Partial<Verdict> = {}): Verdict => ({
  outcome: 'accept',
  decidedBy: { kind: 'rule', text: '' },
  nat: [],
  out: 'vb0',
  steps: list,
  unknowns: [],
  evidence: 'predicted',
  ...change,
});

const nft = passagesOf(nftEvents(text('nft-monitor.txt')), indexRules(text('nft-ruleset.json'), []), 'own');
const legacy = passagesOf(legacyEvents('nflog.pcap'), legacyIndex());
const published = (passages: readonly Passage[]): Passage => passages.find(({ packet }) => packet.dstPort === 8080) as Passage;
const NFT: CompareOptions = { sources: ['nft'] };
const LEGACY: CompareOptions = { sources: ['legacy'] };
const rawPolicy = step('legacy', 'prerouting', 'raw', 'PREROUTING', null, 'policy');

describe('a verdict beside the trace', () => {
  it('agrees where every rule and policy is the same, routing being nothing that a trace shows', () => {
    const compared = compareTrace(verdict(steps('nft')), published(nft), NFT);
    expect(compared.result, compared.reason ?? '').toBe('agrees');
    expect(compared.matched).toBe(6);
    expect(compared.lines.map(({ state }) => state)).toEqual(['same', 'same', 'untraced', 'same', 'same', 'same', 'same']);
    expect(compareTrace(verdict([rawPolicy, ...steps('legacy')]), published(legacy), LEGACY)).toMatchObject({
      result: 'agrees',
      matched: 6,
    });
  });

  it('shows the first predicted step that the kernel did not come to', () => {
    const list = steps('nft').slice();
    list.splice(4, 0, step('nft', 'forward', 'filter', 'USER', 3, 'log'));
    const compared = compareTrace(verdict(list), published(nft), NFT);
    expect(compared).toMatchObject({ result: 'differs', matched: 6, firstDifference: { state: 'predicted', predicted: { rule: 3 } } });
    expect(compared.reason).toContain('predicted ip filter USER rule 3 (log), which the kernel did not show');
  });

  it('says nothing of a packet that was seen in no chain, or in those of the tracer alone', () => {
    const seen = published(nft);
    const ours = { ...NFT, ours: (table: string) => table === 'own' };
    const [visit] = seen.visits;
    if (visit === undefined) throw new Error('nothing was recorded');
    const nowhere = { result: 'nothing-seen', matched: 0, firstDifference: null };
    expect(compareTrace(verdict(steps('nft')), { ...seen, steps: [], visits: [] }, ours)).toMatchObject(nowhere);
    const own = [{ ...visit, table: 'own' }];
    expect(compareTrace(verdict(steps('nft')), { ...seen, steps: [], visits: own }, ours)).toMatchObject(nowhere);
    const one = [...own, { ...visit, table: 'raw' }];
    expect(compareTrace(verdict(steps('nft')), { ...seen, steps: [], visits: one }, ours).result).toBe('differs');
  });

  it('shows the first kernel step that was not predicted, in its place', () => {
    const list = steps('nft').filter(({ action }) => action !== 'mark');
    const compared = compareTrace(verdict(list), published(nft), NFT);
    expect(compared).toMatchObject({ result: 'differs', firstDifference: { state: 'kernel', kernel: { chain: 'USER', rule: 1 } } });
    expect(compared.lines[4]?.state).toBe('kernel');
    expect(compared.reason).toBe('the kernel came to ip filter USER rule 1 (continue), which was not predicted');
  });

  it('differs where the kernel goes on after a predicted drop', () => {
    const list = steps('nft').slice(0, 4);
    const compared = compareTrace(
      verdict([...list, step('nft', 'forward', 'filter', 'USER', 3, 'drop')], { outcome: 'drop' }),
      published(nft),
      NFT,
    );
    expect(compared).toMatchObject({ result: 'differs', firstDifference: { state: 'predicted' } });
    expect(compared.lines.filter(({ state }) => state === 'kernel')).toHaveLength(3);
  });

  it('leaves open what an undetermined verdict does not say', () => {
    const uncertain: VerdictStep = { ...step('nft', 'forward', 'filter', 'FORWARD', 2, 'drop'), uncertain: true };
    const list = [...steps('nft').slice(0, 3), uncertain];
    const compared = compareTrace(verdict(list, { outcome: 'undetermined' }), published(nft), NFT);
    expect(compared).toMatchObject({ result: 'open', matched: 2, firstDifference: null });
    expect(compared.lines.slice(3).every(({ state }) => state === 'open')).toBe(true);
  });

  it('does not ask a trace for the rules of a backend that was not traced', () => {
    const extra = step('legacy', 'forward', 'filter', 'FORWARD', 1, 'continue');
    expect(compareTrace(verdict([...steps('nft'), extra]), published(nft), NFT).result).toBe('agrees');
    expect(compareTrace(verdict([...steps('nft'), extra]), published(nft), { sources: ['nft', 'legacy'] }).result).toBe('differs');
  });

  it('takes a match that drops the packet itself for unseen by the legacy trace, and only there', () => {
    const hotdrop: VerdictStep = { ...step('legacy', 'postrouting', 'mangle', 'POSTROUTING', 1, 'drop'), note: 'a damaged header' };
    expect(compareTrace(verdict([rawPolicy, ...steps('legacy'), hotdrop]), published(legacy), LEGACY).result).toBe('agrees');
  });

  it('says when the kernel showed nothing', () => {
    expect(compareTrace(verdict(steps('nft')), null, NFT)).toMatchObject({ result: 'nothing-seen', matched: 0 });
  });
});
