/** Two answers about the same packet, by different rules: what became another, and how much that matters to whoever sends it. */
import { wholeOutcome } from './proxied-leg.ts';
import type { DecidedBy, Verdict, VerdictNat, VerdictOutcome } from './verdict.ts';

export interface BothWays {
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
}

/** What the sender finds: as the outcome, with what docker-proxy dials and the answer taken into it. */
export type Effect = VerdictOutcome | 'no reply' | 'reply undetermined';

/** `outcome`: another effect; `nat`: other translations; `rule`: the same effect by another decision. */
export type ChangeKind = 'outcome' | 'nat' | 'rule';

export interface VerdictChange {
  /** The strongest first; never empty. */
  readonly kinds: readonly ChangeKind[];
  readonly before: Effect;
  readonly after: Effect;
}

/** Null where both are the same decision, wherever in its chain the rule stands. */
export const verdictChange = (before: BothWays, after: BothWays): VerdictChange | null => {
  const effects = { before: effectOf(before), after: effectOf(after) };
  const kinds: ChangeKind[] = [];
  if (effects.before !== effects.after || before.verdict.outcome !== after.verdict.outcome || isRejectedOtherwise(before, after))
    kinds.push('outcome');
  if (!sameWays(before, after, natKey)) kinds.push('nat');
  if (!sameWays(before, after, ruleKey)) kinds.push('rule');
  return kinds.length === 0 ? null : { kinds, ...effects };
};

export const effectOf = ({ verdict, reply }: BothWays): Effect => {
  const outcome = wholeOutcome(verdict);
  if (outcome !== 'accept' || reply === null || reply.outcome === 'accept') return outcome;
  return reply.outcome === 'undetermined' ? 'reply undetermined' : 'no reply';
};

const isRejectedOtherwise = (before: BothWays, after: BothWays): boolean => before.verdict.rejectWith !== after.verdict.rejectWith;

const sameWays = (before: BothWays, after: BothWays, keyOf: (verdict: Verdict) => string): boolean => {
  if (keyOf(before.verdict) !== keyOf(after.verdict)) return false;
  // Where only one is answered, that is the effect's business.
  if (before.reply === null || after.reply === null) return true;
  return keyOf(before.reply) === keyOf(after.reply);
};

const natKey = ({ nat }: Verdict): string => nat.map(({ kind, from, to }) => `${kind} ${from} ${to}`).join('\n');

/** Rules go by their text: one that only moved in its chain decides as before. */
const ruleKey = (verdict: Verdict): string => `${deciderKey(verdict.decidedBy)}\n${verdict.nat.map(translatorKey).join('\n')}`;

const deciderKey = ({ kind, namespace, table, chain, text }: DecidedBy): string =>
  `${namespace ?? ''} ${table === undefined ? kind : `${table} ${chain}`} ${text}`;

const translatorKey = ({ by, namespace }: VerdictNat): string => `${namespace ?? ''} ${by.table} ${by.chain} ${by.text}`;

/** How much a change matters: what stops working first, then what opens, then what cannot be told any more. */
export const weightOf = ({ kinds, before, after }: VerdictChange): number => {
  if (kinds[0] !== 'outcome') return kinds[0] === 'nat' ? 7 : 8;
  if (before === after) return 6;
  if (works(before)) return after === 'undetermined' || after === 'reply undetermined' ? 3 : 1;
  if (works(after)) return before === 'undetermined' || before === 'reply undetermined' ? 4 : 2;
  return 5;
};

const works = (effect: Effect): boolean => effect === 'accept';
