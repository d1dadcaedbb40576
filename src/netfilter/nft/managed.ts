/**
 * Tables that iptables-nft and nft share. iptables-nft-save prints chains of its own names only, and rules with nft's sets, ranges and
 * repeated fields wrongly or in part without a word (nft_rule_to_iptables_command_state in nft-shared.c of iptables). What it cannot mean
 * is taken from nft's JSON.
 */
import { HOOK_OF_CHAIN, isBuiltin, priorityOf } from '../builtin.ts';
import type { Chain, Rule, Table } from '../ruleset.ts';
import { isObject, type JsonObject, listOf, namedBody, textOf } from './json.ts';
import type { ManagedTable, NftBase, NftTable } from './ruleset.ts';

export interface Reconciled {
  readonly table: Table;
  /** The base chains that iptables does not know, and all that they call; null where there are none. */
  readonly native: NftTable | null;
  readonly problems: readonly string[];
}

export const reconcile = (saved: Table, read: ManagedTable): Reconciled => {
  let finished: NftTable | null = null;
  const nft = (): NftTable => {
    finished ??= read.finish();
    return finished;
  };
  const problems: string[] = [];
  const foreign = new Set(
    [...read.chains].filter(([name, { base }]) => base !== null && !isOurs(read.name, name, base)).map(([name]) => name),
  );
  const chains = saved.chains
    .filter(({ name }) => !foreign.has(name))
    .map((chain) => reconcileChain(chain, read, nft, (problem) => problems.push(`${saved.name} ${chain.name}: ${problem}`)));
  const changed = chains.length !== saved.chains.length || chains.some((chain, at) => chain !== saved.chains[at]);
  return {
    table: changed ? { ...saved, chains } : saved,
    native: foreign.size === 0 ? null : onlyThese(nft(), foreign),
    problems,
  };
};

/** Whether it hangs where iptables-nft hangs a chain of this name. */
const isOurs = (table: string, name: string, base: NftBase): boolean =>
  isBuiltin(table, name) && HOOK_OF_CHAIN[name] === base.hook && priorityOf('nft', table, HOOK_OF_CHAIN[name]) === base.priority;

/** The other base chains are the other reader's; all stay to be called. */
const onlyThese = (table: NftTable, names: ReadonlySet<string>): NftTable => ({
  ...table,
  chains: table.chains.map((chain) => (names.has(chain.name) ? chain : { ...chain, base: null })),
});

const reconcileChain = (chain: Chain, read: ManagedTable, nft: () => NftTable, tell: (problem: string) => void): Chain => {
  const rules = read.chains.get(chain.name)?.rules ?? [];
  // A listing without what the rules say has nothing to compare.
  if (rules.every(({ expr }) => expr === undefined)) return chain;
  if (rules.length !== chain.rules.length) {
    tell(`iptables-nft-save shows ${chain.rules.length} rules and nft ${rules.length}: they are not compared`);
    return chain;
  }
  if (rules.every(isPrintable)) return chain;
  return { ...chain, rules: chain.rules.map((rule, at) => (isPrintable(rules[at] as JsonObject) ? rule : nativeRule(rule, chain, nft()))) };
};

const nativeRule = (rule: Rule, chain: Chain, table: NftTable): Rule => {
  const own = table.chains.find(({ name }) => name === chain.name)?.rules[rule.number - 1];
  if (own === undefined) return rule;
  return {
    ...rule,
    text: own.text,
    counters: own.counters,
    matches: [],
    problem: `iptables-nft-save prints it as "${rule.text}", which is not what nft has`,
    native: own,
  };
};

/** Whether iptables-nft-save says all of the rule. Only iptables makes `xt` expressions, so that a rule with one is its own. */
const isPrintable = ({ expr }: JsonObject): boolean => {
  const statements = (listOf(expr) ?? []).map(namedBody);
  if (statements.some((statement) => statement?.name === 'xt')) return true;
  const slots = new Set<string>();
  for (const statement of statements) {
    if (statement === null) return false;
    const slot = statement.name === 'match' ? slotOf(statement.body) : isPrintableStatement(statement.name, statement.body) ? '' : null;
    // Of two matches of one kind only the last is printed.
    if (slot === null || slots.has(slot)) return false;
    if (slot !== '') slots.add(slot);
  }
  // Without the type a code is printed as "any".
  return !slots.has('icmp code') || slots.has('icmp type');
};

const STATEMENTS: ReadonlySet<string> = new Set(['counter', 'accept', 'drop', 'return', 'jump', 'goto', 'log']);

const isPrintableStatement = (name: string, body: unknown): boolean =>
  name === 'limit'
    ? isObject(body) && body['inv'] !== true && (body['rate_unit'] === undefined || body['rate_unit'] === 'packets')
    : STATEMENTS.has(name);

const EQUAL: readonly string[] = ['==', '!='];
const ORDER: readonly string[] = [...EQUAL, '<', '>', '<=', '>='];
const FLAGS: readonly string[] = [...EQUAL, 'in', '!'];

interface Kind {
  /** Matches of one slot exclude each other in the printed rule. */
  readonly slot: string;
  readonly ops: readonly string[];
  readonly range?: true;
  readonly prefix?: true;
  readonly mask?: true;
}

const port = (slot: string): Kind => ({ slot, ops: ORDER, range: true });
const address = (slot: string): Kind => ({ slot, ops: EQUAL, prefix: true, mask: true });
const plain = (slot: string, ops: readonly string[] = EQUAL): Kind => ({ slot, ops });

/** What iptables-nft-save prints as it is, by the expression on the left. */
const KINDS: Readonly<Record<string, Kind>> = {
  'ip saddr': address('src'),
  'ip daddr': address('dst'),
  'ip6 saddr': address('src'),
  'ip6 daddr': address('dst'),
  'ip protocol': plain('protocol'),
  'ip6 nexthdr': plain('protocol'),
  'meta l4proto': plain('protocol'),
  'meta iifname': plain('in'),
  'meta iif': plain('in'),
  'meta oifname': plain('out'),
  'meta oif': plain('out'),
  'tcp sport': port('sport'),
  'tcp dport': port('dport'),
  'udp sport': port('sport'),
  'udp dport': port('dport'),
  'meta mark': { ...plain('mark'), mask: true },
  'ip ttl': plain('ttl', ORDER),
  'ip6 hoplimit': plain('ttl', ORDER),
  'meta pkttype': plain('pkttype'),
  'icmp type': plain('icmp type'),
  'icmp code': plain('icmp code', ['==']),
  'icmpv6 type': plain('icmp type'),
  'icmpv6 code': plain('icmp code', ['==']),
  'tcp flags': { ...plain('tcp flags', FLAGS), mask: true },
};

const slotOf = (body: unknown): string | null => {
  if (!isObject(body)) return null;
  const op = textOf(body['op']) ?? '==';
  const masked = namedBody(body['left']);
  const mask = masked?.name === '&' ? listOf(masked.body) : null;
  const name = nameOf(mask === null ? body['left'] : mask[0]);
  const { right } = body;
  if (name === 'ip frag-off') return mask?.[1] === FRAGMENT_OFFSET && right === 0 && EQUAL.includes(op) ? 'fragment' : null;
  const kind = name === null || !Object.hasOwn(KINDS, name) ? undefined : KINDS[name];
  if (kind === undefined || !kind.ops.includes(op) || (mask !== null && kind.mask !== true)) return null;
  return isPrintableValue(right, kind) ? kind.slot : null;
};

/** IP_OFFSET in ip.h */
const FRAGMENT_OFFSET = 0x1fff;

const isPrintableValue = (right: unknown, kind: Kind): boolean => {
  if (typeof right === 'string') return !right.startsWith('@');
  if (typeof right === 'number') return true;
  const name = namedBody(right)?.name;
  if (kind.slot === 'tcp flags') return Array.isArray(right) || name === '|';
  return (name === 'range' && kind.range === true) || (name === 'prefix' && kind.prefix === true);
};

const nameOf = (json: unknown): string | null => {
  const named = namedBody(json);
  if (named === null || !isObject(named.body)) return null;
  if (named.name === 'meta') return `meta ${String(named.body['key'])}`;
  return named.name === 'payload' && 'field' in named.body ? `${String(named.body['protocol'])} ${String(named.body['field'])}` : null;
};
