/** Rules as data into base chains that can be asked: hooks, priorities and types as the kernel's tables have them. ip_tables.c; iptables' nft.c. */

import { parsePrefix } from '../base/ip-address.ts';
import { seeingNoConnection } from './before-conntrack.ts';
import { HOOK_OF_CHAIN, isBuiltin, priorityOf } from './builtin.ts';
import type { RulePins } from './chain-index.ts';
import { evaluateProgram } from './evaluate.ts';
import type { BaseChain, StepAction } from './evaluation.ts';
import { type Condition, type MatchContext, type MatchModule, makeCondition } from './matches/condition.ts';
import { MATCHES } from './matches/index.ts';
import { compileNativeRule } from './nft/compile.ts';
import { CompiledChain, type CompiledRule, makeStep, type Program, type RuleEffect } from './program.ts';
import { registryOf } from './registry.ts';
import type { Chain, Hook, Rule, RuleRef, Ruleset, Table } from './ruleset.ts';
import { SetIndexes } from './sets/set-index.ts';
import { TARGETS } from './targets/index.ts';
import { type TargetModule, unknownTarget } from './targets/target.ts';

/** NFT_JUMP_STACK_SIZE in nf_tables.h: deeper rulesets are refused by the kernel. */
const NFT_JUMP_STACK_SIZE = 16;

interface Context {
  readonly ruleset: Ruleset;
  readonly matches: ReadonlyMap<string, MatchModule>;
  readonly targets: ReadonlyMap<string, TargetModule>;
  readonly match: MatchContext;
}

/** A table's chains by name, for the rules that call them. */
interface TableScope {
  readonly table: Table;
  readonly chains: ReadonlyMap<string, CompiledChain>;
  /** Calls that lead back to their caller. */
  readonly looping: () => ReadonlySet<string>;
}

export const compileRuleset = (ruleset: Ruleset): readonly BaseChain[] => {
  const context: Context = {
    ruleset,
    matches: registryOf(MATCHES),
    targets: registryOf(TARGETS),
    match: { family: ruleset.family === 'ip' ? 4 : 6, backend: ruleset.backend, sets: new SetIndexes() },
  };
  return ruleset.tables.flatMap((table) => compileTable(table, context));
};

const compileTable = (table: Table, context: Context): readonly BaseChain[] => {
  const chains = new Map<string, CompiledChain>();
  const scope: TableScope = { table, chains, looping: once(() => loopingChains(table)) };
  for (const chain of table.chains) {
    chains.set(chain.name, new CompiledChain(chain.name, () => chain.rules.flatMap((rule) => compileRule(rule, chain, scope, context))));
  }
  return table.chains.flatMap((chain) => {
    const base = baseChain(chain, table, chains.get(chain.name) as CompiledChain, context);
    return base === null ? [] : [base];
  });
};

const once = <Value>(make: () => Value): (() => Value) => {
  let made: { readonly value: Value } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

const baseChain = (chain: Chain, table: Table, entry: CompiledChain, { ruleset }: Context): BaseChain | null => {
  const { backend, family } = ruleset;
  const hook = isBuiltin(table.name, chain.name) ? (HOOK_OF_CHAIN[chain.name] as Hook) : undefined;
  const priority = hook === undefined ? null : priorityOf(backend, table.name, hook);
  if (hook === undefined || priority === null) return null;
  const { policy, counters } = chain;
  const text = policy === null ? `-P ${chain.name}` : `-P ${chain.name} ${policy}`;
  // nf_tables counts for a policy only where the chain was made with a counter; iptables-nft-save prints the lack of one as [0:0].
  const counted = backend === 'nft' && counters?.packets === 0 ? null : counters;
  const ref: RuleRef = { backend, family, table: table.name, chain: chain.name, rule: null, text, counters: counted };
  const program: Program = {
    entry,
    hook,
    maxDepth: backend === 'nft' ? NFT_JUMP_STACK_SIZE : table.chains.length,
    policy: { verdict: policy === null ? null : policy === 'ACCEPT' ? 'accept' : 'drop', ref, step: makeStep(ref, 'policy') },
  };
  const beforeConntrack = table.name === 'raw' && asksConntrack(table);
  return {
    backend,
    family,
    table: table.name,
    name: chain.name,
    hook,
    priority,
    type: table.name === 'nat' ? 'nat' : table.name === 'mangle' && hook === 'output' ? 'route' : 'filter',
    evaluate: (skb, env, explain) =>
      beforeConntrack
        ? seeingNoConnection(skb, hook, (bare) => evaluateProgram(program, bare, env, explain))
        : evaluateProgram(program, skb, env, explain),
  };
};

const CONNTRACK_MATCHES: readonly string[] = ['conntrack', 'state', 'connmark'];

const asksConntrack = (table: Table): boolean =>
  table.chains.some((chain) =>
    chain.rules.some(
      (rule) =>
        rule.native !== undefined ||
        rule.target?.name === 'CONNMARK' ||
        rule.matches.some((match) => CONNTRACK_MATCHES.includes(match.name)),
    ),
  );

const compileRule = (rule: Rule, chain: Chain, scope: TableScope, context: Context): CompiledRule | readonly CompiledRule[] => {
  const { backend, family } = context.ruleset;
  const { number, text, counters, native } = rule;
  const ref: RuleRef = { backend, family, table: scope.table.name, chain: chain.name, rule: number, text, counters };
  if (native !== undefined) return compileNativeRule(native, ref, scope.chains, family);
  const effect = effectOf(ref, rule, chain, scope, context);
  const step = makeStep(ref, stepAction(effect, rule));
  return { ref, conditions: conditionsOf(rule, context), effect, step, uncertainStep: { ...step, uncertain: true }, pins: pinsOf(rule) };
};

/** The generic part stands first in every rule, and of it the kernel asks all before it asks any -m. */
const pinsOf = (rule: Rule): RulePins | null => {
  const [first] = rule.matches;
  if (rule.problem !== undefined || first === undefined || first.name !== '') return null;
  const value = (name: string): string | null => {
    const option = first.options.find((candidate) => candidate.name === name);
    return option === undefined || option.negated ? null : (option.values[0] ?? null);
  };
  const device = (name: string): string | null => {
    const pattern = value(name);
    return pattern === null || pattern === '' || pattern.endsWith('+') ? null : pattern;
  };
  const src = value('-s');
  const dst = value('-d');
  const pins: RulePins = {
    inDev: device('-i'),
    outDev: device('-o'),
    src: src === null ? null : parsePrefix(src),
    dst: dst === null ? null : parsePrefix(dst),
    dport: null,
  };
  return pins.inDev === null && pins.outDev === null && pins.src === null && pins.dst === null ? null : pins;
};

const conditionsOf = (rule: Rule, { matches, match }: Context): readonly Condition[] => {
  if (rule.problem !== undefined) {
    const { problem } = rule;
    return [makeCondition(rule.text, false, null, () => `the rule could not be read (${problem})`)];
  }
  return rule.matches.flatMap((spec) => {
    const module = matches.get(spec.name);
    if (module !== undefined) return module.compile(spec, match);
    return [makeCondition(`-m ${spec.name}`, false, null, () => `the match ${spec.name} is not understood`)];
  });
};

const effectOf = (ref: RuleRef, rule: Rule, chain: Chain, { table, chains, looping }: TableScope, context: Context): RuleEffect => {
  if (rule.problem !== undefined) return { kind: 'target', target: unknownTarget(`the rule could not be read (${rule.problem})`) };
  const { target } = rule;
  if (target === null) return { kind: 'none' };
  const called = chains.get(target.name);
  if (called !== undefined && !isBuiltin(table.name, target.name)) {
    if (!looping().has(`${chain.name} ${target.name}`)) return { kind: 'call', chain: called, goto: target.goto };
    return { kind: 'target', target: unknownTarget(`the chain ${target.name} calls itself, which the kernel would refuse`) };
  }
  const module = target.goto ? undefined : context.targets.get(target.name);
  if (module === undefined) {
    return {
      kind: 'target',
      target: unknownTarget(`${target.name} is neither a chain of table ${table.name} nor a target that is understood`),
    };
  }
  return { kind: 'target', target: module.compile(target, { family: context.match.family, ref }) };
};

const stepAction = (effect: RuleEffect, rule: Rule): StepAction => {
  if (effect.kind === 'call') return effect.goto ? 'goto' : 'jump';
  return rule.target?.name === 'RETURN' ? 'return' : 'continue';
};

/** Calls (`CALLER CALLED`) that lead back to their caller: Tarjan's strongly connected components over the chains. */
const loopingChains = (table: Table): ReadonlySet<string> => {
  const calls = new Map<string, Set<string>>();
  for (const chain of table.chains) calls.set(chain.name, new Set());
  for (const chain of table.chains) {
    for (const { target } of chain.rules) if (target !== null && calls.has(target.name)) calls.get(chain.name)?.add(target.name);
  }
  const component = componentsOf(calls);
  const looping = new Set<string>();
  for (const [caller, called] of calls) {
    for (const name of called) if (name === caller || component.get(caller) === component.get(name)) looping.add(`${caller} ${name}`);
  }
  return looping;
};

interface Visit {
  readonly name: string;
  readonly next: Iterator<string>;
}

/** Without recursion: a ruleset may chain thousands of chains. */
const componentsOf = (calls: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<string, number> => {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const component = new Map<string, number>();
  const open: string[] = [];
  for (const start of calls.keys()) {
    if (order.has(start)) continue;
    const visits: Visit[] = [];
    const enter = (name: string): void => {
      order.set(name, order.size);
      low.set(name, order.get(name) as number);
      open.push(name);
      visits.push({ name, next: (calls.get(name) ?? new Set<string>())[Symbol.iterator]() });
    };
    const lower = (name: string, value: number): void => {
      low.set(name, Math.min(low.get(name) as number, value));
    };
    enter(start);
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const { value: called, done } = visit.next.next();
      if (done !== true) {
        if (!order.has(called)) enter(called);
        else if (!component.has(called)) lower(visit.name, order.get(called) as number);
        continue;
      }
      visits.pop();
      const caller = visits.at(-1);
      if (caller !== undefined) lower(caller.name, low.get(visit.name) as number);
      if (low.get(visit.name) !== order.get(visit.name)) continue;
      for (let member = open.pop(); member !== undefined; member = open.pop()) {
        component.set(member, order.get(visit.name) as number);
        if (member === visit.name) break;
      }
    }
  }
  return component;
};
