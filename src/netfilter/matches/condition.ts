/**
 * What a match is made of: conditions, one for each option, which all must hold. A condition asks one question about the packet and
 * gets one of: yes, no, a text (why it cannot be known), NEVER (no, whatever a `!` says) or a hotdrop.
 */
import type { MatchEnv, MatchResult } from '../evaluation.ts';
import { printOption } from '../print.ts';
import type { Hook, MatchSpec, RuleOption } from '../ruleset.ts';
import type { SetIndexes } from '../sets/set-index.ts';
import type { Skb } from '../skb.ts';

/** For matches that say no before they look at their `!`. */
export const NEVER: MatchResult = { kind: 'noMatch', failed: '' };

export const MATCH: MatchResult = { kind: 'match' };

/** What a `!` turns round is only a boolean. A text is the reason why nobody can know. */
export type Answer = boolean | string | MatchResult;

export type Ask = (skb: Skb, env: MatchEnv, hook: Hook) => Answer;

export interface Condition {
  /** As in the rule: `! --dport 80`. */
  readonly text: string;
  readonly negated: boolean;
  /**
   * The question without its `!`: two conditions with the same one get the same answer for the same packet. Null where each asking
   * may be answered anew (limit, statistic).
   */
  readonly question: string | null;
  readonly test: (skb: Skb, env: MatchEnv, hook: Hook) => MatchResult;
  /** What the packet has in place of it, in words; absent where the condition's text tells what to look at. */
  readonly has?: (skb: Skb, env: MatchEnv, hook: Hook) => string | null;
}

/** What the rule around a match tells it. */
export interface MatchContext {
  readonly family: 4 | 6;
  readonly backend: 'nft' | 'legacy';
  readonly sets: SetIndexes;
}

export interface MatchModule {
  /** As behind -m. */
  readonly name: string;
  readonly compile: (spec: MatchSpec, context: MatchContext) => readonly Condition[];
}

export const makeCondition = (text: string, negated: boolean, question: string | null, ask: Ask): Condition => {
  const noMatch: MatchResult = { kind: 'noMatch', failed: text };
  let lastUnknown: MatchResult | null = null;
  return {
    text,
    negated,
    question,
    test: (skb, env, hook) => {
      const answer = ask(skb, env, hook);
      if (answer === true) return negated ? noMatch : MATCH;
      if (answer === false) return negated ? MATCH : noMatch;
      if (answer === NEVER) return noMatch;
      if (typeof answer !== 'string') return answer;
      if (lastUnknown === null || lastUnknown.kind !== 'unknown' || lastUnknown.reason !== answer) {
        lastUnknown = { kind: 'unknown', reason: answer };
      }
      return lastUnknown;
    },
  };
};

/** A condition from an option of a rule. */
export const optionCondition = (match: string, option: RuleOption, ask: Ask, stateful = false): Condition => {
  const plain = printOption({ ...option, negated: false });
  return makeCondition(printOption(option), option.negated, stateful ? null : `-m ${match} ${plain}`, ask);
};

/** A condition that this program cannot decide. */
export const unknownCondition = (text: string, reason: string): Condition => makeCondition(text, false, null, () => reason);

/** How an option becomes a question; a text says why it does not. */
export type OptionCompiler = (option: RuleOption, context: MatchContext, spec: MatchSpec) => Ask | string;

/** The usual shape of a match: every option is one question of its own. An option that is not listed answers unknown. */
export const optionMatch = (name: string, options: Readonly<Record<string, OptionCompiler>>): MatchModule => ({
  name,
  compile: (spec, context) =>
    spec.options.map((option) => {
      const compiler = Object.hasOwn(options, option.name) ? options[option.name] : undefined;
      if (compiler === undefined)
        return unknownCondition(printOption(option), `the option ${option.name} of the match ${name} is not understood`);
      const ask = compiler(option, context, spec);
      if (typeof ask !== 'string') return optionCondition(name, option, ask);
      return unknownCondition(printOption(option), ask);
    }),
});

export const badValue = (option: RuleOption): string => `the value of ${printOption(option)} is not understood`;

/** The reason for a packet field that is not there. */
export const notKnown = (what: string): string => `the packet's ${what} is not known`;
