/** From the ends of all walks to one verdict. Where all end the same way it stands; else it is undetermined and says why. */
import type { HostModel } from './model.ts';
import type { DecidedBy, ProxiedConnection, Verdict, VerdictOutcome } from './verdict.ts';
import type { Assumption, End, ProxyTarget, Walk } from './walk.ts';
import { wayOf } from './way.ts';

interface Ended {
  readonly walk: Walk;
  readonly end: End;
}

/** The walk that the verdict shows, for what follows from it (the reply). */
export interface Merged {
  readonly verdict: Verdict;
  readonly shown: Walk;
}

export const mergeWalks = (model: HostModel, walks: readonly Walk[], explain: boolean): Merged => {
  const ended = walks.map((walk) => settle(model, walk));
  const first = ended[0] as Ended;
  if (ended.length === 1 && first.end.outcome !== 'undetermined')
    return { verdict: verdictOf(first, first.end, textsOf(ended), explain), shown: first.walk };
  const outcomes = new Set<VerdictOutcome>(ended.map(({ end }) => end.outcome));
  const texts = textsOf(ended);
  if (outcomes.size === 1 && !outcomes.has('undetermined')) {
    return { verdict: verdictOf(first, first.end, texts, explain), shown: first.walk };
  }
  const depends = ended.length === 1 ? null : dividing(ended);
  // A single undetermined world names its own reason; otherwise what divides the worlds is what it depends on.
  const own = ended.find(({ end }) => end.outcome === 'undetermined');
  const decidedBy: DecidedBy = outcomes.size === 1 || depends === null ? (own ?? first).end.decidedBy : depends.by;
  const shown = own ?? first;
  const end: End = { outcome: 'undetermined', decidedBy, out: null };
  return { verdict: verdictOf(shown, end, texts, explain), shown: shown.walk };
};

/** What was assumed and noted on any of the ways, each once. */
const textsOf = (ended: readonly Ended[]): readonly string[] => {
  const [only] = ended;
  if (ended.length === 1 && only !== undefined && only.walk.assumptions.length === 0 && only.walk.notes.length < 2) return only.walk.notes;
  const texts = new Set<string>();
  for (const { walk } of ended) {
    for (const { text } of walk.assumptions) texts.add(text);
    for (const text of walk.notes) texts.add(text);
  }
  return [...texts];
};

/** An accepted packet that met something which was not evaluated is not accepted for sure; a dropped one stays dropped. */
const settle = (model: HostModel, walk: Walk): Ended => {
  const end = walk.end ?? {
    outcome: 'undetermined',
    decidedBy: { kind: 'default', text: 'the way of the packet ended nowhere' },
    out: null,
  };
  const family = walk.skb.family;
  const doubt = walk.doubts.find((entry) => entry.mayChange || end.outcome === 'accept' || end.outcome === 'reject');
  // What was walked leg by leg has told of each namespace's own.
  const gaps = walk.legs === null ? model.firewallGaps[family] : NO_GAPS;
  const noted = gaps.length === 0 || end.outcome === 'drop' ? walk : { ...walk, notes: [...walk.notes, ...gaps] };
  if (doubt === undefined || end.outcome === 'undetermined') return { walk: noted, end };
  // Whatever rejects the packet stops it too; only an answer may differ, which the notes tell.
  if (end.outcome === 'reject' && !doubt.mayChange) return { walk: { ...noted, notes: [...noted.notes, doubt.text] }, end };
  return { walk: { ...noted, notes: [...noted.notes, doubt.text] }, end: { outcome: 'undetermined', decidedBy: doubt.by, out: null } };
};

const NO_GAPS: readonly string[] = [];

/** The first assumption of one world that a world with another outcome does not share. */
const dividing = (ended: readonly Ended[]): Assumption | null => {
  for (const { walk, end } of ended) {
    for (const assumption of walk.assumptions) {
      const others = ended.filter((other) => other.end.outcome !== end.outcome);
      if (others.some((other) => !other.walk.assumptions.some((entry) => entry.text === assumption.text))) return assumption;
    }
  }
  return null;
};

const verdictOf = ({ walk }: Ended, end: End, unknowns: readonly string[], explain: boolean): Verdict => {
  const { outcome, decidedBy, rejectWith, out, deliveredTo, proxiedTo } = end;
  const { nat, steps } = walk;
  const reached = outcome === 'accept';
  const verdict: Verdict = { outcome, decidedBy, nat, out, steps, unknowns, evidence: 'predicted' };
  if (walk.legs !== null) Object.assign(verdict, { way: wayOf(walk.way) });
  // What is seldom there is added: literals are made much faster than spread.
  if (rejectWith !== undefined) Object.assign(verdict, { rejectWith });
  if (reached && deliveredTo !== undefined) Object.assign(verdict, { deliveredTo });
  if (explain) Object.assign(verdict, { nearMisses: walk.nearMisses, phases: walk.phases ?? [] });
  if (reached && proxiedTo !== undefined) Object.assign(verdict, { proxiedTo: notAsked(proxiedTo) });
  return verdict;
};

/** Before its second connection is judged. */
const notAsked = ({ container, address }: ProxyTarget): ProxiedConnection => ({
  container,
  address,
  from: null,
  outcome: 'undetermined',
  client: 'unknown',
  verdict: null,
  reply: null,
});
