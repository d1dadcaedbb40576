/** Native nftables made ready to run: base chains with the same machine as iptables' (nft_do_chain in net/netfilter/nf_tables_core.c). */
import { seeingNoConnection } from '../before-conntrack.ts';
import { evaluateProgram } from '../evaluate.ts';
import type { BaseChain, StepAction } from '../evaluation.ts';
import { type Condition, makeCondition } from '../matches/condition.ts';
import { type Choice, CompiledChain, type CompiledRule, makeStep, type Option, type Program, type RuleEffect } from '../program.ts';
import type { Hook, RuleFamily, RuleRef } from '../ruleset.ts';
import { accept, drop, returnTarget } from '../targets/standard.ts';
import { type CompiledTarget, unknownTarget } from '../targets/target.ts';
import type { Datatype } from './datatypes.ts';
import { isObject, namedBody, textOf } from './json.ts';
import { askParts, BREAK, partsOf } from './operand.ts';
import { pinsOf } from './pins.ts';
import { printKey } from './print-constants.ts';
import { baseText } from './print-rules.ts';
import { printValue } from './print-values.ts';
import type { NftBase, NftChain, NftFamily, NftRule, NftRuleset, NftTable } from './ruleset.ts';
import type { SetIndex } from './set-index.ts';
import { type CompiledStatement, verdictText } from './statement.ts';

/** NFT_JUMP_STACK_SIZE in nf_tables.h. */
const NFT_JUMP_STACK_SIZE = 16;

/** NF_IP_PRI_CONNTRACK: chains before it find no connection. */
const NF_IP_PRI_CONNTRACK = -200;

const HOOKS: readonly string[] = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress', 'egress'];

export const compileNftables = (ruleset: Pick<NftRuleset, 'tables'>): readonly BaseChain[] =>
  ruleset.tables.flatMap((table) => (table.family === 'arp' || table.dormant ? [] : compileTable(table, table.family)));

const compileTable = (table: NftTable, family: RuleFamily): readonly BaseChain[] => {
  const chains = new Map<string, CompiledChain>();
  for (const chain of table.chains) {
    chains.set(
      chain.name,
      new CompiledChain(chain.name, () =>
        chain.rules.flatMap((rule) => new RuleCompiler(rule, refOf(rule, chain, family, table), chains, table.family).compile()),
      ),
    );
  }
  return table.chains.flatMap((chain) => {
    const { base } = chain;
    return base === null || !HOOKS.includes(base.hook)
      ? []
      : [baseChain(chain, base, table, family, chains.get(chain.name) as CompiledChain)];
  });
};

const baseChain = (chain: NftChain, base: NftBase, table: NftTable, family: RuleFamily, entry: CompiledChain): BaseChain => {
  const hook = base.hook as Hook;
  const ref: RuleRef = {
    backend: 'nftables',
    family,
    table: table.name,
    chain: chain.name,
    rule: null,
    text: baseText(table.family, base),
    counters: null,
  };
  const program: Program = {
    entry,
    hook,
    maxDepth: NFT_JUMP_STACK_SIZE,
    policy: { verdict: base.policy, ref, step: makeStep(ref, 'policy') },
  };
  const isEarly = (hook === 'prerouting' || hook === 'output') && base.priority < NF_IP_PRI_CONNTRACK;
  let asks: boolean | null = isEarly ? null : false;
  return {
    backend: 'nftables',
    family,
    table: table.name,
    name: chain.name,
    hook,
    priority: base.priority,
    type: base.type === 'nat' || base.type === 'route' ? base.type : 'filter',
    ...(base.devices.length === 0 ? {} : { devices: base.devices }),
    evaluate: (skb, env, explain) => {
      asks ??= asksConntrack(table);
      return asks
        ? seeingNoConnection(skb, hook, (bare) => evaluateProgram(program, bare, env, explain))
        : evaluateProgram(program, skb, env, explain);
    },
  };
};

const asksConntrack = (table: NftTable): boolean =>
  table.chains.some((chain) => chain.rules.some((rule) => rule.compiled.some((statement) => statement.asksConntrack === true)));

/** A rule of native nftables in a chain of iptables-nft. */
export const compileNativeRule = (
  rule: NftRule,
  ref: RuleRef,
  chains: ReadonlyMap<string, CompiledChain>,
  family: NftFamily,
): readonly CompiledRule[] => new RuleCompiler(rule, ref, chains, family).compile();

const refOf = (rule: NftRule, chain: NftChain, family: RuleFamily, table: NftTable): RuleRef => ({
  backend: 'nftables',
  family,
  table: table.name,
  chain: chain.name,
  rule: rule.number,
  text: rule.text,
  counters: rule.counters,
});

/** One rule as one or more entries of its chain: a new one begins behind each statement that does something. */
class RuleCompiler {
  readonly #rule: NftRule;
  readonly #ref: RuleRef;
  readonly #chains: ReadonlyMap<string, CompiledChain>;
  readonly #family: NftFamily;
  readonly #entries: { readonly conditions: readonly Condition[]; readonly effect: RuleEffect; readonly action: StepAction }[] = [];
  #conditions: Condition[] = [];
  readonly #asked = new Set<string>();

  constructor(rule: NftRule, ref: RuleRef, chains: ReadonlyMap<string, CompiledChain>, family: NftFamily) {
    this.#rule = rule;
    this.#chains = chains;
    this.#family = family;
    this.#ref = ref;
  }

  compile(): readonly CompiledRule[] {
    const { problem } = this.#rule;
    const statements = problem === undefined ? this.#rule.compiled : [];
    const unknown = problem ?? statements.map(problemOf).find((reason) => reason !== null) ?? null;
    if (unknown !== null) this.#unreadable(unknown);
    else for (const statement of statements) this.#add(statement);
    if (this.#conditions.length > 0 || this.#entries.length === 0) this.#end({ kind: 'none' }, 'continue');
    const notes = statements.flatMap(({ note }) => (note === null || note === undefined ? [] : [note]));
    const count = this.#entries.length;
    // What the first of several entries does may be what the others' pins ask for.
    const pins = count === 1 && unknown === null ? pinsOf(this.#rule.statements, this.#family) : null;
    return this.#entries.map(({ conditions, effect, action }, at) => {
      const step = makeStep(this.#ref, action, at === count - 1 && notes.length > 0 ? notes.join(', ') : undefined);
      return {
        ref: this.#ref,
        conditions,
        effect,
        step,
        uncertainStep: { ...step, uncertain: true },
        pins,
        ...(count === 1 ? {} : { rest: count - 1 - at }),
      };
    });
  }

  /** A rule with a statement that is not understood may match or not, and do anything. */
  #unreadable(problem: string): void {
    const reason = `the rule is not understood (${problem})`;
    this.#conditions.push(makeCondition(this.#rule.text, false, null, () => reason));
    this.#end({ kind: 'target', target: unknownTarget(reason) }, 'continue');
  }

  #add(statement: CompiledStatement): void {
    switch (statement.kind) {
      case 'conditions':
        this.#ask(statement.conditions);
        return;
      case 'beside':
        this.#ask(statement.needs);
        return;
      case 'target': {
        this.#ask(statement.needs);
        const target = statement.target(this.#ref);
        this.#end({ kind: 'target', target }, statement.text === 'return' ? 'return' : 'continue');
        return;
      }
      case 'call':
        this.#end(this.#call(statement.chain, statement.goto), statement.goto ? 'goto' : 'jump');
        return;
      case 'vmap':
        this.#ask(statement.key.needs);
        this.#end(this.#verdictMap(statement), 'continue');
        return;
      case 'unknown':
        return;
    }
  }

  /** What is implied is asked once a rule. */
  #ask(conditions: readonly Condition[]): void {
    for (const condition of conditions) {
      if (this.#asked.has(condition.text) && condition.question !== null) continue;
      this.#asked.add(condition.text);
      this.#conditions.push(condition);
    }
  }

  #end(effect: RuleEffect, action: StepAction): void {
    this.#entries.push({ conditions: this.#conditions, effect, action });
    this.#conditions = [];
    // What has been asked may have changed.
    if (effect.kind === 'target' && !effect.target.inert) this.#asked.clear();
  }

  #call(chain: string, goto: boolean): RuleEffect {
    const called = this.#chains.get(chain);
    if (called !== undefined) return { kind: 'call', chain: called, goto };
    return { kind: 'target', target: unknownTarget(`there is no chain ${chain}`) };
  }

  #verdictMap({ key, index, text }: Extract<CompiledStatement, { kind: 'vmap' }>): RuleEffect {
    const parts = partsOf(key);
    const types = parts.map((part) => part.type);
    const options = new Map<unknown, Option>();
    const optionOf = (keyJson: unknown, data: unknown): Option => {
      const known = options.get(data);
      if (known !== undefined) return known;
      const option: Option = { text: `${printKey(types, keyJson)} : ${verdictText(data)}`, ...this.#verdict(data) };
      options.set(data, option);
      return option;
    };
    return {
      kind: 'choose',
      choose: (skb, env, hook): Choice => {
        const values = askParts(parts, skb, env, hook);
        if (values === BREAK) return { kind: 'none', failed: `${text}: there is nothing to look up` };
        if ('unknown' in values) return allOptions(index(), values.unknown, key.modulus ?? null, optionOf);
        const found = index().find(values);
        if (found.kind === 'none')
          return {
            kind: 'none',
            failed: `${text}: no element for ${values.map((value, at) => printValue(types[at] as Datatype, value)).join(' . ')}`,
          };
        if (found.kind === 'unknown') return allOptions(index(), found.reason, null, optionOf);
        return { kind: 'option', option: optionOf(found.element.key, found.element.data) };
      },
    };
  }

  #verdict(data: unknown): { readonly action: StepAction; readonly effect: RuleEffect } {
    const named = namedBody(data);
    const target = (action: StepAction, compiled: CompiledTarget) => ({ action, effect: { kind: 'target', target: compiled } as const });
    const context = { family: 4, ref: this.#ref } as const;
    switch (named?.name) {
      case 'accept':
        return target('accept', accept.compile({ name: 'accept', goto: false, options: [] }, context));
      case 'drop':
        return target('drop', drop.compile({ name: 'drop', goto: false, options: [] }, context));
      case 'return':
        return target('return', returnTarget.compile({ name: 'return', goto: false, options: [] }, context));
      case 'continue':
        return { action: 'continue', effect: { kind: 'none' } };
      case 'jump':
      case 'goto': {
        const chain = (isObject(named.body) ? textOf(named.body['target']) : null) ?? '';
        return { action: named.name, effect: this.#call(chain, named.name === 'goto') };
      }
      case 'queue':
        return target('queue', unknownTarget('a program that listens on the queue decides', 'queue'));
      default:
        return target('continue', unknownTarget(`the verdict ${verdictText(data)} is not understood`));
    }
  }
}

const problemOf = (statement: CompiledStatement): string | null => (statement.kind === 'unknown' ? statement.problem : null);

/** Elements that do the same are one way. */
const allOptions = (
  index: SetIndex,
  reason: string,
  modulus: { readonly mod: number; readonly offset: number } | null,
  optionOf: (key: unknown, data: unknown) => Option,
): Choice => {
  const ways = new Map<string, Option>();
  for (const { key, data } of index.elements) {
    const text = verdictText(data);
    if (!ways.has(text)) ways.set(text, optionOf(key, data));
  }
  return { kind: 'unknown', reason, options: [...ways.values()], complete: modulus !== null && index.covers(modulus.offset, modulus.mod) };
};
