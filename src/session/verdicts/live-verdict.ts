/**
 * A flow's verdict as it is kept: the answer that many flows share, and what is this flow's own. The verdict itself is made
 * when somebody looks, so that fifty thousand flows cost little more than their packets' counts.
 */
import type { SharedAnswer } from '../../path/sharing/judge-cache.ts';
import type { Verdict } from '../../path/verdict.ts';
import type { Contradiction, FlowVerdict, RuleCount } from '../state/flow-verdict.ts';

export const NONE: readonly never[] = Object.freeze([]);

/** What counters and answers say beside the prediction. */
export interface SeenBeside {
  readonly counted: number | null;
  readonly nat: readonly RuleCount[];
  readonly contradiction: Contradiction | null;
}

export const NOTHING_SEEN: SeenBeside = Object.freeze({ counted: null, nat: NONE, contradiction: null });

export class LiveVerdict implements FlowVerdict {
  readonly answer: SharedAnswer;
  readonly seen: SeenBeside;
  readonly changes: FlowVerdict['changes'];

  constructor(answer: SharedAnswer, seen: SeenBeside, changes: FlowVerdict['changes']) {
    this.answer = answer;
    this.seen = seen;
    this.changes = changes.length === 0 ? NONE : changes;
  }

  get verdict(): Verdict {
    const { verdict } = this.answer;
    const { counted, contradiction } = this.seen;
    const isCounted = counted !== null && counted > 0 && contradiction === null && verdict.outcome !== 'undetermined';
    return isCounted ? { ...verdict, evidence: 'counted' } : verdict;
  }

  get assumptions(): readonly string[] {
    return this.answer.assumptions;
  }

  get counted(): number | null {
    return this.seen.counted;
  }

  get natCounted(): readonly RuleCount[] {
    return this.seen.nat;
  }

  get contradiction(): Contradiction | null {
    return this.seen.contradiction;
  }

  get reply(): Verdict | null {
    return this.answer.reply;
  }

  /** The verdict that this one shares with others: outcome and rules are the same, addresses and ports may be another packet's. */
  get template(): Verdict {
    return this.answer.shared.answer.verdict;
  }

  get outcome(): Verdict['outcome'] {
    return this.template.outcome;
  }

  get replyOutcome(): Verdict['outcome'] | null {
    return this.answer.shared.answer.reply?.outcome ?? null;
  }
}
