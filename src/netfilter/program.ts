/** Rules made ready to run: conditions, target and the steps to record, per chain. Built by compile.ts, run by evaluate.ts. */
import { ChainIndex, type RulePins } from './chain-index.ts';
import type { ChainStep, MatchEnv, StepAction } from './evaluation.ts';
import type { Condition } from './matches/condition.ts';
import type { Hook, RuleRef } from './ruleset.ts';
import type { Skb } from './skb.ts';
import type { CompiledTarget } from './targets/target.ts';

export type RuleEffect =
  /** A rule without target: it counts. */
  | { readonly kind: 'none' }
  | { readonly kind: 'call'; readonly chain: CompiledChain; readonly goto: boolean }
  /** nft's verdict maps: which effect it is depends on the packet. */
  | { readonly kind: 'choose'; readonly choose: Choose }
  | { readonly kind: 'target'; readonly target: CompiledTarget };

export type Choose = (skb: Skb, env: MatchEnv, hook: Hook) => Choice;

export interface Option {
  /** As the map prints it: `"eth0" : jump web`. */
  readonly text: string;
  readonly action: StepAction;
  readonly effect: RuleEffect;
}

export type Choice =
  | { readonly kind: 'option'; readonly option: Option }
  /** The map has nothing for the packet: the rule does not match. */
  | { readonly kind: 'none'; readonly failed: string }
  /** Any of the options; unless `complete` none at all, too. */
  | { readonly kind: 'unknown'; readonly reason: string; readonly options: readonly Option[]; readonly complete: boolean };

export interface CompiledRule {
  readonly ref: RuleRef;
  readonly conditions: readonly Condition[];
  readonly effect: RuleEffect;
  /** What is recorded when the rule matches and there is nothing more to say. */
  readonly step: ChainStep;
  readonly uncertainStep: ChainStep;
  /** What its first conditions pin it to; null where nothing, or nothing that is always known. */
  readonly pins: RulePins | null;
  /**
   * nft's rules may do one thing, ask on, and do another: then one rule is several entries that follow each other, and here stands how
   * many are left. They are one step, recorded with the last.
   */
  readonly rest?: number;
}

/** A chain's rules, and which of them a packet can meet; null where all are asked. */
export interface CompiledRules {
  readonly rules: readonly CompiledRule[];
  readonly index: ChainIndex | null;
}

/** A chain whose rules are compiled when the first packet comes to it: of a host's thousands of chains few are ever entered. */
export class CompiledChain {
  readonly name: string;
  readonly #compile: () => readonly CompiledRule[];
  #compiled: CompiledRules | null = null;

  constructor(name: string, compile: () => readonly CompiledRule[]) {
    this.name = name;
    this.#compile = compile;
  }

  get compiled(): CompiledRules {
    return this.#compiled ?? this.#compileNow();
  }

  #compileNow(): CompiledRules {
    const rules = this.#compile();
    this.#compiled = { rules, index: ChainIndex.of(rules.map(({ pins }) => pins)) };
    return this.#compiled;
  }
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
