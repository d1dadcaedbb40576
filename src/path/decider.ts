/** What to name as the decider of an accepted packet: the rule that let it pass, before a policy, before the bare way itself. */
import type { Hook } from '../netfilter/ruleset.ts';
import type { DecidedBy } from './verdict.ts';
import { decidedByRef, type Pass, type Walk } from './walk.ts';

/** NF_IP_PRI_FILTER: chains from here on filter; those before prepare. */
const NF_IP_PRI_FILTER = 0;

export const acceptedBy = (walk: Walk, hook: Hook, otherwise: DecidedBy): DecidedBy => {
  const passes = walk.passes.filter((pass) => pass.hook === hook);
  const filters = passes.filter((pass) => pass.priority >= NF_IP_PRI_FILTER);
  const explicit = filters.filter((pass) => pass.ref.rule !== null);
  const chosen: Pass | undefined = explicit.at(-1) ?? filters.find((pass) => pass.priority === NF_IP_PRI_FILTER) ?? filters[0];
  return chosen === undefined ? otherwise : decidedByRef(chosen.ref);
};
