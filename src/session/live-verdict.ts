/**
 * A flow's verdict as it is kept: the answer that many flows share, and what is this flow's own. The verdict itself is made
 * when somebody looks, so that fifty thousand flows cost little more than their packets' counts.
 */
import { replyOf, type SharedAnswer, verdictOf } from '../path/judge-cache.ts';
import type { Verdict } from '../path/verdict.ts';
import type { FlowVerdict } from './state.ts';

export const NONE: readonly never[] = Object.freeze([]);

export class LiveVerdict implements FlowVerdict {
  readonly answer: SharedAnswer;
  readonly assumptions: readonly string[];
  readonly counted: number | null;
  readonly changes: FlowVerdict['changes'];

  constructor(answer: SharedAnswer, assumptions: readonly string[], counted: number | null, changes: FlowVerdict['changes']) {
    this.answer = answer;
    this.assumptions = assumptions.length === 0 ? NONE : assumptions;
    this.counted = counted;
    this.changes = changes.length === 0 ? NONE : changes;
  }

  get verdict(): Verdict {
    const verdict = verdictOf(this.answer);
    return this.counted !== null && this.counted > 0 && verdict.outcome !== 'undetermined' ? { ...verdict, evidence: 'counted' } : verdict;
  }

  get reply(): Verdict | null {
    return replyOf(this.answer);
  }

  /** Without making the verdict: which outcome it is. */
  get outcome(): Verdict['outcome'] {
    return this.answer.answer.verdict.outcome;
  }
}
