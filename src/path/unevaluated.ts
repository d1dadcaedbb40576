/**
 * Base chains that stand on a packet's way and are not evaluated: which of them could drop or change it. Those inside a container's own
 * namespace are another host's; those of family arp decide who learns whose address (net/ipv4/arp.c). iptables-extensions(8), nft(8).
 */
import type { NamespaceFacts } from '../host/facts.ts';
import { LEGACY_TABLES_IN_USE } from '../host/read-facts.ts';
import { SNAPSHOT_COMMANDS } from '../host/snapshot.ts';
import { HOOK_OF_CHAIN, isBuiltin } from '../netfilter/builtin.ts';
import type { NftChain, NftRule, NftTable } from '../netfilter/nft/ruleset.ts';
import type { Rule, Ruleset, Table } from '../netfilter/ruleset.ts';

/** Which way a packet passes a namespace that it ends or begins in. */
export type Way = 'received' | 'sent';

export interface Unevaluated {
  /** `filter INPUT: 1 rule`, one for each chain. */
  readonly chains: readonly string[];
  /** True where one of them may alter the packet and not only drop it. */
  readonly mayChange: boolean;
}

const HOOKS: Readonly<Record<Way, readonly string[]>> = {
  received: ['ingress', 'prerouting', 'input'],
  sent: ['output', 'postrouting', 'egress'],
};

interface Effect {
  readonly drops: number;
  readonly changes: number;
}

const NONE: Effect = { drops: 0, changes: 0 };
const DROPS: Effect = { drops: 1, changes: 0 };
const CHANGES: Effect = { drops: 0, changes: 1 };

const sum = (effects: readonly Effect[]): Effect =>
  effects.reduce((all, each) => ({ drops: all.drops + each.drops, changes: all.changes + each.changes }), NONE);

/** What stands in a container's own namespace on a packet's way; null where nothing does, or nothing is known of its rules. */
export const unevaluatedIn = (facts: NamespaceFacts, family: 4 | 6, way: Way): Unevaluated | null => {
  const name = family === 4 ? 'ip' : 'ip6';
  const found = [
    ...facts.rulesets.filter((ruleset) => ruleset.family === name).flatMap((ruleset) => iptablesChains(ruleset, way)),
    ...nativeChains(facts.nftables ?? [], [name, 'inet', 'netdev'], HOOKS[way]),
  ];
  const legacy = facts.missing.get(SNAPSHOT_COMMANDS[family === 4 ? 'iptablesLegacy' : 'ip6tablesLegacy']);
  if (legacy?.startsWith(LEGACY_TABLES_IN_USE) === true) found.push({ text: legacy, effect: CHANGES });
  return found.length === 0 ? null : { chains: found.map(({ text }) => text), mayChange: found.some(({ effect }) => effect.changes > 0) };
};

/** Chains of family arp by which a question or its answer could be lost. */
export const arpChains = (facts: NamespaceFacts): readonly string[] =>
  nativeChains(facts.nftables ?? [], ['arp'], ['input', 'output']).map(({ text }) => text);

interface Found {
  readonly text: string;
  readonly effect: Effect;
}

const found = (name: string, policy: string | null, effect: Effect): readonly Found[] => {
  const rules = effect.drops + effect.changes;
  const parts = [...(policy === null ? [] : [policy]), ...(rules === 0 ? [] : [`${rules} rule${rules === 1 ? '' : 's'}`])];
  return parts.length === 0 ? [] : [{ text: `${name}: ${parts.join(', ')}`, effect }];
};

const iptablesChains = ({ tables }: Ruleset, way: Way): readonly Found[] =>
  tables.flatMap((table) =>
    table.chains.flatMap((chain) => {
      if (!isBuiltin(table.name, chain.name) || !HOOKS[way].includes(HOOK_OF_CHAIN[chain.name] ?? '')) return [];
      return found(
        `${table.name} ${chain.name}`,
        chain.policy === 'DROP' ? 'policy DROP' : null,
        iptablesEffect(table, chain.name, new Set()),
      );
    }),
  );

/** Each called chain counts once. */
const iptablesEffect = (table: Table, name: string, counted: Set<string>): Effect => {
  if (counted.has(name)) return NONE;
  counted.add(name);
  const rules = table.chains.find((chain) => chain.name === name)?.rules ?? [];
  return sum(
    rules.map((rule) => {
      if (isForDockersDns(rule)) return NONE;
      const called = rule.target !== null && table.chains.some((chain) => chain.name === rule.target?.name);
      return called && rule.target !== null ? iptablesEffect(table, rule.target.name, counted) : effectOf(rule);
    }),
  );
};

/** Docker's resolver inside a container: what goes to and comes from 127.0.0.11 never leaves the namespace. */
const isForDockersDns = ({ matches }: Rule): boolean =>
  matches.some((match) =>
    match.options.some(
      ({ name, negated, values }) => (name === '-d' || name === '-s') && !negated && /^127\.0\.0\.11(\/32)?$/.test(values[0] ?? ''),
    ),
  );

const HARMLESS: ReadonlySet<string> = new Set([
  ...['ACCEPT', 'RETURN', 'LOG', 'NFLOG', 'ULOG', 'AUDIT', 'TRACE', 'CHECKSUM', 'RATEEST', 'SET', 'IDLETIMER', 'LED'],
  ...['MARK', 'CONNMARK', 'TCPMSS', 'CLASSIFY', 'SECMARK', 'CONNSECMARK', 'TEE'],
]);

const effectOf = ({ target, problem, native }: Rule): Effect => {
  if (native !== undefined) return ownEffect(native);
  if (problem !== undefined) return CHANGES;
  if (target === null || HARMLESS.has(target.name)) return NONE;
  return target.name === 'DROP' || target.name === 'REJECT' ? DROPS : CHANGES;
};

const nativeChains = (tables: readonly NftTable[], families: readonly string[], hooks: readonly string[]): readonly Found[] =>
  tables
    .filter(({ family, dormant }) => !dormant && families.includes(family))
    .flatMap((table) =>
      table.chains.flatMap((chain) => {
        if (chain.base === null || !hooks.includes(chain.base.hook)) return [];
        const name = `${table.family} ${table.name} ${chain.name}`;
        return found(name, chain.base.policy === 'drop' ? 'policy drop' : null, nativeEffect(table, chain, new Set()));
      }),
    );

const nativeEffect = (table: NftTable, chain: NftChain, counted: Set<string>): Effect => {
  if (counted.has(chain.name)) return NONE;
  counted.add(chain.name);
  return sum(
    chain.rules.flatMap((rule) => [ownEffect(rule), ...calledBy(table, rule).map((called) => nativeEffect(table, called, counted))]),
  );
};

const calledBy = (table: NftTable, { statements }: NftRule): readonly NftChain[] =>
  statements.flatMap((statement) =>
    (['jump', 'goto'] as const).flatMap((verb) => {
      const target = (statement[verb] as { readonly target?: unknown } | undefined)?.target;
      return table.chains.filter((chain) => chain.name === target);
    }),
  );

const NATIVE_HARMLESS: ReadonlySet<string> = new Set([
  'match',
  'counter',
  'log',
  'accept',
  'return',
  'continue',
  'jump',
  'goto',
  'notrack',
]);

const ownEffect = ({ statements, problem }: NftRule): Effect => {
  if (problem !== undefined) return CHANGES;
  if (statements.some((statement) => '127.0.0.11' === matchedAddress(statement))) return NONE;
  const acting = statements.flatMap((statement) => Object.keys(statement)).filter((key) => !NATIVE_HARMLESS.has(key));
  if (acting.length === 0) return NONE;
  return acting.every((key) => key === 'drop' || key === 'reject') ? DROPS : CHANGES;
};

/** `ip daddr 127.0.0.11`: Docker's resolver, as above. */
const matchedAddress = (statement: NftRule['statements'][number]): unknown => {
  const match = statement['match'] as
    | { readonly op?: unknown; readonly left?: { readonly payload?: { readonly field?: unknown } }; readonly right?: unknown }
    | undefined;
  const field = match?.left?.payload?.field;
  return match?.op === '==' && (field === 'daddr' || field === 'saddr') ? match.right : undefined;
};
