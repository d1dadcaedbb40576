/**
 * Runs a packet through a base chain and the chains it calls: ipt_do_table in ip_tables.c, nft_do_chain for iptables-nft. Where a rule
 * cannot be decided both ways are followed, each as a world of its own; worlds that end alike become one again.
 */
import { assertNever } from '../base/assert-never.ts';
import type { ChainStep, HookOutcome, MatchEnv, NatAction, NearMiss } from './evaluation.ts';
import type { Condition } from './matches/condition.ts';
import { mergeOutcomes } from './merge.ts';
import { packetHas } from './packet-has.ts';
import type { Choice, Choose, CompiledChain, CompiledRule, Program, RuleEffect } from './program.ts';
import type { RuleRef } from './ruleset.ts';
import type { Skb } from './skb.ts';

/** How many ways are followed at most. */
export const MAX_WORLDS = 64;

interface Frame {
  readonly chain: CompiledChain;
  /** The rule to go on with. */
  readonly index: number;
  readonly below: Frame | null;
}

/** One way through the rules. Lists are its own, so that a fork copies them. */
interface World {
  chain: CompiledChain;
  index: number;
  stack: Frame | null;
  depth: number;
  skb: Skb;
  readonly steps: ChainStep[];
  readonly nearMisses: NearMiss[];
  readonly assumptions: string[];
  /** What was assumed of questions that have one answer for this packet. */
  answers: ReadonlyMap<string, boolean> | null;
  /** What the entries before this one, of the same rule, have done. */
  carried: Carried | null;
  /** What a map that could not be asked is taken to say, for the rule that comes next. */
  chosen: Chosen | null;
}

type Chosen = Exclude<Choice, { readonly kind: 'unknown' }>;

interface Carried {
  readonly notes: readonly string[];
  readonly action: ChainStep['action'];
  readonly uncertain: boolean;
}

/** What asking a rule's conditions gave. */
type Asked =
  | { readonly kind: 'match' }
  | { readonly kind: 'noMatch'; readonly failed: string }
  | { readonly kind: 'hotdrop'; readonly reason: string; readonly open: Open | null }
  | { readonly kind: 'unknown'; readonly open: Open };

interface Open {
  readonly reason: string;
  /** The questions left open, and what each must be answered for the rule to match. */
  readonly wanted: readonly { readonly question: string; readonly answer: boolean }[];
  /** There is one condition only: the opposite of its answer is what keeps the rule from matching. */
  readonly single: boolean;
}

const NO_WORDS: Pick<Condition, 'has'> = {};

const MATCHED: Asked = { kind: 'match' };

export const evaluateProgram = (program: Program, skb: Skb, env: MatchEnv, explain: boolean): readonly HookOutcome[] => {
  const first: World = {
    chain: program.entry,
    index: 0,
    stack: null,
    depth: 0,
    skb,
    steps: [],
    nearMisses: [],
    assumptions: [],
    answers: null,
    carried: null,
    chosen: null,
  };
  const run = new Run(program, env, explain, first);
  return run.outcomes();
};

class Run {
  readonly #program: Program;
  readonly #env: MatchEnv;
  readonly #explain: boolean;
  readonly #waiting: World[];
  readonly #ended: HookOutcome[] = [];

  constructor(program: Program, env: MatchEnv, explain: boolean, first: World) {
    this.#program = program;
    this.#env = env;
    this.#explain = explain;
    this.#waiting = [first];
  }

  outcomes(): readonly HookOutcome[] {
    for (let world = this.#waiting.pop(); world !== undefined; world = this.#waiting.pop()) this.#ended.push(this.#follow(world));
    return this.#ended.length === 1 ? this.#ended : mergeOutcomes(this.#ended);
  }

  #follow(world: World): HookOutcome {
    const { policy } = this.#program;
    for (;;) {
      // Who is to be told why rules did not match needs all of them asked.
      const { rules, index } = world.chain.compiled;
      if (index !== null && !this.#explain && world.chosen === null) world.index = index.next(world.index, world.skb);
      const rule = rules[world.index];
      if (rule === undefined) {
        if (this.#return(world)) continue;
        world.steps.push(policy.step);
        if (policy.verdict !== null) return end(world, policy.verdict, policy.ref);
        return unknownEnd(world, policy.ref, `the policy of ${describe(policy.ref)} is not known`);
      }
      world.index++;
      const isChosen = world.chosen !== null;
      const asked = isChosen ? MATCHED : this.#ask(rule, world);
      switch (asked.kind) {
        case 'noMatch':
          this.#miss(rule, world, asked.failed);
          continue;
        case 'hotdrop':
          if (asked.open !== null) this.#fork(world, rule, asked.open);
          world.steps.push({ ref: rule.ref, action: 'drop', note: asked.reason, ...(asked.open === null ? {} : { uncertain: true }) });
          return end(world, 'drop', rule.ref);
        case 'unknown':
          if (isInert(rule)) {
            this.#record(rule, world, rule.step.action, undefined, true);
            continue;
          }
          if (!this.#fork(world, rule, asked.open)) return tooMany(world, rule, asked.open.reason);
          break;
        case 'match':
          break;
        default:
          assertNever(asked);
      }
      const outcome = this.#take(rule, rule.effect, rule.step.action, world, isChosen || asked.kind === 'unknown');
      if (outcome !== null) return outcome;
    }
  }

  /** Does what a matching rule says; an outcome where that ends the chain. */
  #take(rule: CompiledRule, effect: RuleEffect, action: ChainStep['action'], world: World, uncertain: boolean): HookOutcome | null {
    switch (effect.kind) {
      case 'none':
        this.#record(rule, world, action, undefined, uncertain);
        return null;
      case 'call':
        this.#record(rule, world, action, undefined, uncertain);
        if (!effect.goto) {
          if (++world.depth > this.#program.maxDepth)
            return unknownEnd(world, rule.ref, 'chains call each other deeper than the kernel allows');
          world.stack = { chain: world.chain, index: world.index, below: world.stack };
        }
        world.chain = effect.chain;
        world.index = 0;
        return null;
      case 'choose':
        return this.#choose(rule, effect.choose, world, uncertain);
      case 'target': {
        const result = effect.target.run(world.skb, this.#env, this.#program.hook);
        switch (result.kind) {
          case 'return':
            this.#record(rule, world, action, undefined, uncertain);
            // In the base chain RETURN means the policy, which stands behind the last rule.
            if (!this.#return(world)) world.index = Number.POSITIVE_INFINITY;
            return null;
          case 'continue':
            this.#record(rule, world, result.action, result.note, uncertain);
            if (result.skb !== world.skb) {
              world.skb = result.skb;
              world.answers = null;
            }
            return null;
          case 'break':
            this.#miss(rule, world, result.failed);
            return null;
          case 'verdict': {
            this.#record(rule, world, result.action, result.note, uncertain);
            if (result.verdict === 'unknown') return unknownEnd(world, rule.ref, result.reason ?? 'what the target does is not known');
            return end(world, result.verdict, rule.ref, result.rejectWith ?? null, result.nat ?? null);
          }
          default:
            return assertNever(result);
        }
      }
      default:
        return assertNever(effect);
    }
  }

  /** Follows what a verdict map says; all that it may say, where its key is not known. */
  #choose(rule: CompiledRule, choose: Choose, world: World, uncertain: boolean): HookOutcome | null {
    const choice = world.chosen ?? choose(world.skb, this.#env, this.#program.hook);
    world.chosen = null;
    switch (choice.kind) {
      case 'none':
        this.#miss(rule, world, choice.failed);
        return null;
      case 'option':
        return this.#take(rule, choice.option.effect, choice.option.action, world, uncertain);
      case 'unknown': {
        const ways: Chosen[] = choice.options.map((option) => ({ kind: 'option', option }));
        if (!choice.complete || ways.length === 0) ways.push({ kind: 'none', failed: `${rule.ref.text}: ${choice.reason}` });
        const [sole] = ways;
        if (ways.length === 1 && sole !== undefined) {
          world.chosen = sole;
          return this.#choose(rule, choose, world, uncertain);
        }
        const where = `${rule.ref.text} (${describe(rule.ref)})`;
        const assumption = (way: Chosen): string =>
          way.kind === 'option' ? `${where} takes ${way.option.text}: ${choice.reason}` : `${where} does not match: ${choice.reason}`;
        if (this.#ended.length + this.#waiting.length + ways.length + 1 > MAX_WORLDS) return tooMany(world, rule, choice.reason);
        const [first, ...others] = ways as [Chosen, ...Chosen[]];
        for (const other of others) {
          this.#waiting.push({
            ...world,
            index: world.index - 1,
            steps: world.steps.slice(),
            nearMisses: world.nearMisses.slice(),
            assumptions: [...world.assumptions, assumption(other)],
            chosen: other,
          });
        }
        world.assumptions.push(assumption(first));
        world.chosen = first;
        return this.#choose(rule, choose, world, true);
      }
      default:
        return assertNever(choice);
    }
  }

  /** Goes on behind the rule, all its entries left out. */
  #miss(rule: CompiledRule, world: World, failed: string): void {
    if (this.#explain) {
      const { has } = rule.conditions.find(({ text }) => text === failed) ?? NO_WORDS;
      const words = has === undefined ? packetHas(failed, world.skb, this.#env) : has(world.skb, this.#env, this.#program.hook);
      world.nearMisses.push(words === null ? { ref: rule.ref, failed } : { ref: rule.ref, failed, has: words });
    }
    if (rule.rest !== undefined) world.index += rule.rest;
    if (world.carried !== null) world.carried = null;
  }

  #record(rule: CompiledRule, world: World, action: ChainStep['action'], note: string | undefined, uncertain: boolean): void {
    const { carried } = world;
    if (rule.rest === undefined && carried === null) {
      world.steps.push(stepOf(rule, action, note, uncertain));
      return;
    }
    const notes = [...(carried?.notes ?? []), ...(note === undefined ? [] : [note])];
    const told = action === 'continue' && carried !== null ? carried.action : action;
    const unsure = uncertain || carried?.uncertain === true;
    if (rule.rest !== undefined && rule.rest > 0) world.carried = { notes, action: told, uncertain: unsure };
    else {
      world.carried = null;
      world.steps.push(stepOf(rule, told, notes.length === 0 ? undefined : notes.join(', '), unsure));
    }
  }

  /** Back to the caller; false in the base chain, or in one that was reached from it by goto only. */
  #return(world: World): boolean {
    const frame = world.stack;
    if (frame === null) {
      world.chain = this.#program.entry;
      world.index = Number.POSITIVE_INFINITY;
      return false;
    }
    world.chain = frame.chain;
    world.index = frame.index;
    world.stack = frame.below;
    world.depth--;
    return true;
  }

  #ask(rule: CompiledRule, world: World): Asked {
    let open: Open | null = null;
    for (const condition of rule.conditions) {
      const result = condition.test(world.skb, this.#env, this.#program.hook);
      switch (result.kind) {
        case 'match':
          continue;
        case 'noMatch':
          return result;
        case 'hotdrop':
          return { kind: 'hotdrop', reason: result.reason, open };
        case 'unknown': {
          const { question } = condition;
          const assumed = question === null ? undefined : world.answers?.get(question);
          if (assumed === condition.negated) return { kind: 'noMatch', failed: condition.text };
          if (assumed !== undefined) continue;
          const wanted = question === null ? [] : [{ question, answer: !condition.negated }];
          open =
            open === null
              ? { reason: result.reason, wanted, single: true }
              : { reason: `${open.reason}; ${result.reason}`, wanted: [...open.wanted, ...wanted], single: false };
          continue;
        }
        default:
          assertNever(result);
      }
    }
    return open === null ? MATCHED : { kind: 'unknown', open };
  }

  /** Puts the world where the rule did not match aside, and makes this one the world where it did. False where there are too many. */
  #fork(world: World, rule: CompiledRule, open: Open): boolean {
    if (this.#ended.length + this.#waiting.length + 2 > MAX_WORLDS) return false;
    const where = `${rule.ref.text} (${describe(rule.ref)})`;
    const [only] = open.wanted;
    this.#waiting.push({
      ...world,
      steps: world.steps.slice(),
      nearMisses: world.nearMisses.slice(),
      assumptions: [...world.assumptions, `${where} does not match: ${open.reason}`],
      answers: open.single && only !== undefined ? withAnswer(world.answers, only.question, !only.answer) : world.answers,
    });
    world.assumptions.push(`${where} matches: ${open.reason}`);
    for (const { question, answer } of open.wanted) world.answers = withAnswer(world.answers, question, answer);
    return true;
  }
}

/** Whether it matched makes no difference to the packet. */
const isInert = ({ effect, rest }: CompiledRule): boolean =>
  (rest ?? 0) === 0 && (effect.kind === 'none' || (effect.kind === 'target' && effect.target.inert));

const tooMany = (world: World, rule: CompiledRule, reason: string): HookOutcome =>
  unknownEnd(world, rule.ref, `more than ${MAX_WORLDS} ways through the rules depend on what is not known; the last: ${reason}`);

const withAnswer = (answers: ReadonlyMap<string, boolean> | null, question: string, answer: boolean): ReadonlyMap<string, boolean> =>
  new Map(answers ?? []).set(question, answer);

const describe = (ref: RuleRef): string => (ref.rule === null ? `${ref.table} ${ref.chain}` : `${ref.table} ${ref.chain} ${ref.rule}`);

const stepOf = (rule: CompiledRule, action: ChainStep['action'], note: string | undefined, uncertain: boolean): ChainStep => {
  const { step } = rule;
  if (note === undefined && step.action === action) return uncertain ? rule.uncertainStep : step;
  return { ref: rule.ref, action, ...(note === undefined ? {} : { note }), ...(uncertain ? { uncertain: true } : {}) };
};

const end = (
  world: World,
  verdict: HookOutcome['verdict'],
  decided: RuleRef,
  rejectWith: string | null = null,
  nat: NatAction | null = null,
): HookOutcome => ({
  verdict,
  decided,
  rejectWith,
  skb: world.skb,
  nat,
  steps: world.steps,
  nearMisses: world.nearMisses,
  assumptions: world.assumptions,
});

const unknownEnd = (world: World, decided: RuleRef, reason: string): HookOutcome => {
  world.assumptions.push(reason);
  return end(world, 'unknown', decided);
};
