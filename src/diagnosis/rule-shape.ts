/** Questions about a parsed rule: what it tests and what it does, whoever wrote it and whatever its chain is called. */
import { type IpAddress, type IpPrefix, inPrefix, parsePrefix } from '../base/ip-address.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Chain, Rule, RuleOption, Ruleset, Table } from '../netfilter/ruleset.ts';
import type { DecidedBy } from '../path/verdict.ts';

/** A rule with where it stands. */
export interface PlacedRule {
  readonly ruleset: Ruleset;
  readonly table: Table;
  readonly chain: Chain;
  readonly rule: Rule;
}

export const option = (rule: Rule, name: string): RuleOption | null => {
  for (const match of rule.matches) {
    const found = match.options.find((candidate) => candidate.name === name);
    if (found !== undefined) return found;
  }
  return null;
};

/** The value of a test that is not inverted. */
export const given = (rule: Rule, name: string): string | null => {
  const found = option(rule, name);
  return found === null || found.negated ? null : (found.values[0] ?? null);
};

/** The value of an inverted test. */
export const givenNot = (rule: Rule, name: string): string | null => {
  const found = option(rule, name);
  return found?.negated === true ? (found.values[0] ?? null) : null;
};

export const prefixValue = (text: string | null): IpPrefix | null => (text === null ? null : parsePrefix(text));

/** True where the rule tests nothing but the given options (comments aside). */
export const testsOnly = (rule: Rule, names: readonly string[]): boolean =>
  rule.matches
    .filter((match) => match.name !== 'comment')
    .every((match) => match.options.every((candidate) => names.includes(candidate.name)));

export const stops = (rule: Rule): boolean => rule.target?.name === 'DROP' || rule.target?.name === 'REJECT';

export const mentionsDevice = (rule: Rule, device: string): boolean =>
  option(rule, '-i')?.values[0] === device || option(rule, '-o')?.values[0] === device;

/** `--dport 80`, `--dport 8000:8999`, `--dports 80,443`, not inverted. Null where the rule tests no destination port. */
export const coversDestinationPort = (rule: Rule, port: number): boolean | null => {
  const found = option(rule, '--dport') ?? option(rule, '--dports');
  if (found === null || found.negated) return null;
  return (found.values[0] ?? '').split(',').some((part) => {
    const [from, to] = part.split(':');
    const low = Number(from === '' ? 0 : from);
    const high = to === undefined ? low : Number(to === '' ? 65535 : to);
    return port >= low && port <= high;
  });
};

/** Could the rule's `-s` be true of this address? Without `-s` it always is. */
export const coversSource = (rule: Rule, ip: IpAddress | null): boolean => {
  const found = option(rule, '-s');
  if (found === null) return true;
  const prefix = parsePrefix(found.values[0] ?? '');
  return prefix !== null && ip !== null && inPrefix(ip, prefix) !== found.negated;
};

export const rulesetsOf = (facts: HostFacts, family: 4 | 6): readonly Ruleset[] =>
  facts.self.rulesets.filter((ruleset) => (ruleset.family === 'ip') === (family === 4));

export const rulesIn = (ruleset: Ruleset, tableName: string | null = null): PlacedRule[] =>
  ruleset.tables
    .filter((table) => tableName === null || table.name === tableName)
    .flatMap((table) => table.chains.flatMap((chain) => chain.rules.map((rule) => ({ ruleset, table, chain, rule }))));

/** The rule that decided, as parsed; null where a policy or something else did, or the snapshot does not hold it. */
export const decidingRule = (facts: HostFacts, by: DecidedBy): Rule | null => (by.kind === 'rule' ? ruleAt(facts, by) : null);

/** The rule of a step; null where the step is none of iptables'. */
export const ruleAt = (
  facts: HostFacts,
  by: Pick<DecidedBy, 'backend' | 'family'> & {
    readonly table?: string | null;
    readonly chain?: string | null;
    readonly rule?: number | null;
  },
): Rule | null => {
  const ruleset = facts.self.rulesets.find((candidate) => candidate.backend === by.backend && candidate.family === by.family);
  const chain = ruleset?.tables.find((table) => table.name === by.table)?.chains.find((candidate) => candidate.name === by.chain);
  return chain?.rules.find((rule) => rule.number === by.rule) ?? null;
};

export const chainNamed = (ruleset: Ruleset, table: string, chain: string): Chain | null =>
  ruleset.tables.find((candidate) => candidate.name === table)?.chains.find((candidate) => candidate.name === chain) ?? null;
