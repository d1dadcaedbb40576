/** What a base chain's answer makes of the packet: its steps, its end, what was assumed. */
import type { BaseChain, HookOutcome } from '../netfilter/evaluation.ts';
import type { Hook } from '../netfilter/ruleset.ts';
import type { VerdictStep } from './verdict.ts';
import { addressPort, assume, decidedByRef, finish, nearMissOf, type Recorded, record, stepOf, type Walk, walkWith } from './walk.ts';

export const applyOutcome = (walk: Walk, hook: Hook, chain: BaseChain, outcome: HookOutcome): Walk => {
  const steps = walk.steps.slice();
  for (const step of outcome.steps) steps.push(stepOf(hook, step));
  let next = walkWith(walk, {
    skb: outcome.skb,
    steps,
    nearMisses:
      outcome.nearMisses.length === 0 ? walk.nearMisses : [...walk.nearMisses, ...outcome.nearMisses.map((miss) => nearMissOf(hook, miss))],
    passes: outcome.verdict === 'accept' ? [...walk.passes, { hook, priority: chain.priority, ref: outcome.decided }] : walk.passes,
  });
  if (walk.phases !== null) next = record(next, chainPhase(hook, chain, outcome), walk);
  if (outcome.assumptions.length > 0) {
    const by = decidedByRef(outcome.steps.find((step) => step.uncertain === true)?.ref ?? outcome.decided);
    for (const text of outcome.assumptions) next = assume(next, text, by);
  }
  if (outcome.verdict === 'accept') return next;
  const decidedBy = decidedByRef(outcome.decided);
  switch (outcome.verdict) {
    case 'drop':
      return finish(next, { outcome: 'drop', decidedBy, out: null });
    case 'reject':
      return finish(next, {
        outcome: 'reject',
        decidedBy,
        ...(outcome.rejectWith === null ? {} : { rejectWith: outcome.rejectWith }),
        out: null,
      });
    case 'unknown':
      return finish(next, { outcome: 'undetermined', decidedBy, out: null });
  }
};

/** What a base chain said: also that none of its rules matched. */
const chainPhase = (hook: Hook, chain: BaseChain, outcome: HookOutcome): Recorded => {
  const matched = outcome.steps.filter((step) => step.ref.rule !== null).length;
  return {
    kind: chain.type === 'nat' ? 'nat' : 'rules',
    hook,
    backend: chain.backend,
    family: chain.family,
    table: chain.table,
    chain: chain.name,
    asked: matched + outcome.nearMisses.length,
    matched,
    result: outcome.nat !== null ? 'nat' : outcome.verdict === 'accept' ? 'allow' : outcome.verdict,
    text: outcome.decided.text,
  };
};

/** What later hooks see of the walks, for telling whether two orders differ. */
export const summary = (walks: readonly Walk[]): string =>
  walks
    .map(
      ({ skb, end }) =>
        `${end?.outcome ?? 'on'} ${skb.mark} ${skb.ct.state} ${skb.ct.mark} ${skb.tos} ${skb.ttl} ${addressPort(skb.src, skb.srcPort)} ${addressPort(skb.dst, skb.dstPort)}`,
    )
    .sort()
    .join('|');

/** Two orders that end alike: the one that tells more, with the steps that only it has being uncertain. */
export const eitherOrder = (walks: readonly Walk[], others: readonly Walk[]): readonly Walk[] =>
  stepsIn(others) > stepsIn(walks) ? markDoubtful(others, walks) : markDoubtful(walks, others);

const stepsIn = (walks: readonly Walk[]): number => walks.reduce((sum, { steps }) => sum + steps.length, 0);

const markDoubtful = (walks: readonly Walk[], others: readonly Walk[]): readonly Walk[] => {
  const keyOf = ({ backend, table, chain, rule, action }: VerdictStep): string => `${backend} ${table} ${chain} ${rule} ${action}`;
  const known = new Set(others.flatMap(({ steps }) => steps.map(keyOf)));
  const isCertain = (step: VerdictStep): boolean => step.table === null || known.has(keyOf(step));
  return walks.map((walk) =>
    walk.steps.every(isCertain)
      ? walk
      : walkWith(walk, { steps: walk.steps.map((step) => (isCertain(step) ? step : { ...step, uncertain: true as const })) }),
  );
};
