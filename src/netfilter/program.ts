/** Rules made ready to run: conditions, target and the steps to record, per chain. Built once by compile.ts, run by evaluate.ts. */
import type { ChainStep, StepAction } from './evaluation.ts';
import type { Condition } from './matches/condition.ts';
import type { Hook, RuleRef } from './ruleset.ts';
import type { CompiledTarget } from './targets/target.ts';

export type RuleEffect =
  /** A rule without target: it counts. */
  | { readonly kind: 'none' }
  | { readonly kind: 'call'; readonly chain: CompiledChain; readonly goto: boolean }
  | { readonly kind: 'target'; readonly target: CompiledTarget };

export interface CompiledRule {
  readonly ref: RuleRef;
  readonly conditions: readonly Condition[];
  /** Filled in after all chains exist, because chains call each other. */
  effect: RuleEffect;
  /** What is recorded when the rule matches and there is nothing more to say. */
  step: ChainStep;
  uncertainStep: ChainStep;
}

export interface CompiledChain {
  readonly name: string;
  readonly rules: CompiledRule[];
}

export interface Program {
  readonly entry: CompiledChain;
  readonly hook: Hook;
  /** How deep -j may nest. */
  readonly maxDepth: number;
  readonly policy: {
    /** Null where the text names no policy for a built-in chain. */
    readonly verdict: 'accept' | 'drop' | null;
    readonly ref: RuleRef;
    readonly step: ChainStep;
  };
}

export const makeStep = (ref: RuleRef, action: StepAction, note?: string): ChainStep =>
  note === undefined ? { ref, action } : { ref, action, note };
