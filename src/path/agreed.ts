/**
 * One answer from those on each way that a packet may have taken. Where all end the same way it stands; else it is undetermined, and
 * says what each way would have come to.
 */
import { isUnknownDevice } from '../netfilter/skb.ts';
import type { World, Worlds } from './model.ts';
import type { DecidedBy, Verdict } from './verdict.ts';

interface Both {
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
}

interface Told {
  readonly words: string;
  readonly verdict: Verdict;
}

export const agreed = ({ ways, unknown }: Worlds, judge: (world: World) => Both): Both => {
  const answers = ways.map((world) => ({ words: world.words, both: judge(world) }));
  const verdict = oneOf(
    answers.map(({ words, both }) => ({ words, verdict: both.verdict })),
    unknown,
  );
  const replies = answers.flatMap(({ words, both: { reply } }) => (reply === null ? [] : [{ words, verdict: reply }]));
  // Where one of the ways has no answer, nothing is foretold of it.
  const hasReply = verdict.outcome === 'accept' && replies.length === answers.length;
  return { verdict, reply: hasReply ? oneOf(replies, unknown) : null };
};

const oneOf = (told: readonly Told[], unknown: string): Verdict => {
  const first = told[0];
  if (first === undefined) return undetermined({ kind: 'default', text: unknown }, [unknown]);
  const verdicts = told.map(({ words, verdict }) => ({ words, verdict: withoutInventions(verdict) }));
  const { outcome, decidedBy } = first.verdict;
  if (told.length === 1) return (verdicts[0] as Told).verdict;
  if (told.every(({ verdict }) => verdict.outcome === outcome) && outcome !== 'undetermined') {
    const shown = (verdicts[0] as Told).verdict;
    if (told.every(({ verdict }) => keyOf(verdict.decidedBy) === keyOf(decidedBy))) return shown;
    return { ...shown, unknowns: [...shown.unknowns, `${unknown}; ${waysInWords(told)}`] };
  }
  return undetermined({ kind: 'default', text: unknown }, [`${unknown}; ${waysInWords(told)}`, ...unknownsOf(verdicts)]);
};

/** Routes and devices that stand in for those that are not known are nobody's facts. */
const withoutInventions = ({ way: _way, phases: _phases, ...verdict }: Verdict): Verdict => ({
  ...verdict,
  out: verdict.out !== null && isUnknownDevice(verdict.out) ? null : verdict.out,
  steps: verdict.steps.filter(({ hook }) => hook !== 'routing' && hook !== 'bridge'),
});

const keyOf = ({ table, chain, text }: DecidedBy): string => `${table} ${chain} ${text}`;

const waysInWords = (told: readonly Told[]): string =>
  told.map(({ words, verdict: { outcome, decidedBy } }) => `${words}: ${outcome} by ${placeOf(decidedBy)}`).join('; ');

const placeOf = ({ table, chain, rule, text }: DecidedBy): string =>
  table === undefined ? text : `${table} ${chain}${rule === undefined ? ' policy' : ` #${rule}`}`;

const unknownsOf = (told: readonly Told[]): readonly string[] => [...new Set(told.flatMap(({ verdict }) => verdict.unknowns))];

const undetermined = (decidedBy: DecidedBy, unknowns: readonly string[]): Verdict => ({
  outcome: 'undetermined',
  decidedBy,
  nat: [],
  out: null,
  steps: [],
  unknowns,
  evidence: 'predicted',
});
