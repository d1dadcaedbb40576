/** What the rules of a capture have met so far. */
import type { RuleUses } from '../../report/rule-use.ts';

export interface RuleCounting {
  /** As of now. */
  uses(): RuleUses;
}
