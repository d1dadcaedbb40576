/**
 * Which rule a trace speaks of: nft's handle to the rule's number in its chain, and which chain hangs on which hook. Built from
 * `nft -a -j list ruleset` (libnftables-json(5)), whose order for iptables-nft's tables is iptables-save's, and from legacy's rules.
 */
import { asArray, asNumber, asObject, asString, type JsonObject } from '../host/json-value.ts';
import { HOOK_OF_CHAIN, isBuiltin, priorityOf } from '../netfilter/builtin.ts';
import type { Hook, Ruleset } from '../netfilter/ruleset.ts';
import type { TraceFamily, TraceSource } from './event.ts';

export interface IndexedChain {
  readonly source: TraceSource;
  readonly family: TraceFamily;
  readonly table: string;
  readonly name: string;
  /** Null for user chains, and for hooks that packets of IP do not pass (ingress). */
  readonly hook: Hook | null;
  readonly priority: number | null;
  readonly isBase: boolean;
  /** The rules' number at a handle; for legacy empty. */
  readonly numbers: ReadonlyMap<number, number>;
  readonly rules: number;
  /** Legacy's rules as iptables-save prints them; nft's trace prints its own. */
  readonly texts: readonly string[];
}

export interface RuleIndex {
  readonly chains: ReadonlyMap<string, IndexedChain>;
  readonly problems: readonly string[];
}

export const chainOf = (index: RuleIndex, source: TraceSource, family: string, table: string, chain: string): IndexedChain | null =>
  index.chains.get(keyOf(source, family, table, chain)) ?? null;

const keyOf = (source: TraceSource, family: string, table: string, chain: string): string => `${source} ${family} ${table} ${chain}`;

const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 };

type Draft = Omit<IndexedChain, 'numbers' | 'rules'> & { readonly numbers: Map<number, number>; rules: number };

/** `nftJson` null: not read. Of the rulesets only those of iptables-legacy are looked at. */
export const indexRules = (nftJson: string | null, rulesets: readonly Ruleset[]): RuleIndex => {
  const chains = new Map<string, Draft>();
  const problems: string[] = [];
  if (nftJson !== null && nftJson.trim() !== '') {
    try {
      addNft(asArray(asObject(JSON.parse(nftJson))?.['nftables']) ?? [], chains);
    } catch (error) {
      problems.push(`nft -a -j list ruleset: not JSON (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  for (const { backend, family, tables } of rulesets) {
    if (backend !== 'legacy') continue;
    for (const table of tables) {
      for (const chain of table.chains) {
        const isBase = isBuiltin(table.name, chain.name);
        const hook = isBase ? (HOOK_OF_CHAIN[chain.name] ?? null) : null;
        chains.set(keyOf('legacy', family, table.name, chain.name), {
          source: 'legacy',
          family,
          table: table.name,
          name: chain.name,
          hook,
          priority: hook === null ? null : priorityOf('legacy', table.name, hook),
          isBase,
          numbers: new Map(),
          rules: chain.rules.length,
          texts: chain.rules.map((rule) => rule.text),
        });
      }
    }
  }
  return { chains, problems };
};

const addNft = (list: readonly unknown[], chains: Map<string, Draft>): void => {
  for (const entry of list) {
    const object = asObject(entry);
    const chain = asObject(object?.['chain']);
    const rule = asObject(object?.['rule']);
    if (chain !== null) addChain(chain, chains);
    if (rule !== null) addRule(rule, chains);
  }
};

const addChain = (chain: JsonObject, chains: Map<string, Draft>): void => {
  const [family, table, name] = [asString(chain['family']), asString(chain['table']), asString(chain['name'])];
  if (family === null || table === null || name === null) return;
  const hook = asString(chain['hook']);
  const priority = chain['prio'];
  chains.set(keyOf('nft', family, table, name), {
    source: 'nft',
    family: family as TraceFamily,
    table,
    name,
    hook: hook !== null && (Object.values(HOOK_OF_CHAIN) as readonly string[]).includes(hook) ? (hook as Hook) : null,
    priority: asNumber(priority) ?? PRIORITIES[String(priority)] ?? null,
    isBase: hook !== null,
    numbers: new Map(),
    rules: 0,
    texts: [],
  });
};

const addRule = (rule: JsonObject, chains: Map<string, Draft>): void => {
  const chain = chains.get(keyOf('nft', String(rule['family']), String(rule['table']), String(rule['chain'])));
  if (chain === undefined) return;
  chain.rules++;
  const handle = asNumber(rule['handle']);
  if (handle !== null) chain.numbers.set(handle, chain.rules);
};
