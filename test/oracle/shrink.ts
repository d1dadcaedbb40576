/** Makes a case that differs smaller while it still differs: packets, tables, chains, rules and conditions are left out, each try on the kernel. */
import type { CasePlan, ChainPlan, RulePlan, TablePlan } from './case.ts';

export interface Shrunk {
  readonly plan: CasePlan;
  readonly tries: number;
}

export const shrink = async (plan: CasePlan, differs: (smaller: CasePlan) => Promise<boolean>, triesMax = 400): Promise<Shrunk> => {
  let best = plan;
  let tries = 0;
  for (let progress = true; progress && tries < triesMax; ) {
    progress = false;
    for (const smaller of simpler(best)) {
      if (tries++ >= triesMax) break;
      if (!(await differs(smaller))) continue;
      best = smaller;
      progress = true;
      break;
    }
  }
  return { plan: best, tries };
};

/** Cases with one thing less, the biggest things first. */
function* simpler(plan: CasePlan): Generator<CasePlan> {
  yield* halves(plan);
  for (const [at] of plan.packets.entries()) {
    const follows = plan.follows
      .filter(({ after }) => after !== at)
      .map((each) => (each.after > at ? { ...each, after: each.after - 1 } : each));
    if (plan.packets.length > 1) yield { ...plan, packets: without(plan.packets, at), follows };
  }
  for (const [at] of plan.follows.entries()) yield { ...plan, follows: without(plan.follows, at) };
  if (plan.sets.length > 0) yield { ...plan, sets: [] };
  for (const [at] of plan.native.entries()) yield { ...plan, native: without(plan.native, at) };
  for (const [r, ruleset] of plan.rulesets.entries()) {
    if (plan.rulesets.length > 1) yield { ...plan, rulesets: without(plan.rulesets, r) };
    const withTables = (tables: readonly TablePlan[]): CasePlan => ({
      ...plan,
      rulesets: replaced(plan.rulesets, r, { ...ruleset, tables }),
    });
    for (const [t] of ruleset.tables.entries()) yield withTables(without(ruleset.tables, t));
    for (const [t, table] of ruleset.tables.entries()) {
      const withChains = (chains: readonly ChainPlan[]): CasePlan => withTables(replaced(ruleset.tables, t, { ...table, chains }));
      for (const [c, chain] of table.chains.entries()) {
        const called = table.chains.some(({ rules }) => rules.some(({ target }) => target.endsWith(` ${chain.name}`)));
        if (chain.policy === null && !called) yield withChains(without(table.chains, c));
        const withRules = (rules: readonly RulePlan[]): CasePlan => withChains(replaced(table.chains, c, { ...chain, rules }));
        if (chain.rules.length > 1) yield withRules([]);
        for (const [n] of chain.rules.entries()) yield withRules(without(chain.rules, n));
        for (const [n, rule] of chain.rules.entries()) {
          for (const [m] of rule.matches.entries())
            yield withRules(replaced(chain.rules, n, { ...rule, matches: without(rule.matches, m) }));
        }
      }
    }
  }
}

/** The packets' halves, where nothing follows on them. */
function* halves(plan: CasePlan): Generator<CasePlan> {
  if (plan.packets.length < 4 || plan.follows.length > 0) return;
  const middle = plan.packets.length >> 1;
  yield { ...plan, packets: plan.packets.slice(0, middle) };
  yield { ...plan, packets: plan.packets.slice(middle) };
}

const without = <T>(list: readonly T[], at: number): readonly T[] => list.filter((_, index) => index !== at);
const replaced = <T>(list: readonly T[], at: number, value: T): readonly T[] => list.map((each, index) => (index === at ? value : each));
