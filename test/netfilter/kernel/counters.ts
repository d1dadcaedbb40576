/** Which rules' counters moved, and which the netfilter stage says must, may or must not have. */
import { formatIp, type IpAddress, type IpPrefix, inPrefix, parsePrefix } from '../../../src/base/ip-address.ts';
import type { AddressType, HookOutcome, MatchEnv } from '../../../src/netfilter/evaluation.ts';
import type { IpSet } from '../../../src/netfilter/ipset.ts';
import { parseSave } from '../../../src/netfilter/parse/save.ts';
import type { Ruleset } from '../../../src/netfilter/ruleset.ts';
import type { Skb } from '../../../src/netfilter/skb.ts';
import type { NamespacePair } from './namespaces.ts';

export type Backend = 'nft' | 'legacy';

/** `filter INPUT 3` -> packets */
export type CounterMap = ReadonlyMap<string, { readonly packets: number; readonly text: string }>;

export const saveCommand = (backend: Backend, family: 'ip' | 'ip6'): string =>
  `${family === 'ip' ? 'iptables' : 'ip6tables'}-${backend}-save`;

export const readRules = (pair: NamespacePair, backend: Backend, family: 'ip' | 'ip6'): Ruleset => {
  const ruleset = parseSave(pair.host(saveCommand(backend, family), ['-c']), { backend, family });
  if (ruleset.problems.length > 0) throw new Error(ruleset.problems.join('\n'));
  return ruleset;
};

export const countersOf = (ruleset: Ruleset): CounterMap => {
  const counters = new Map<string, { packets: number; text: string }>();
  for (const table of ruleset.tables) {
    for (const chain of table.chains) {
      if (chain.counters !== null && chain.policy !== null) {
        counters.set(`${table.name} ${chain.name} policy`, { packets: chain.counters.packets, text: `-P ${chain.name}` });
      }
      for (const rule of chain.rules) {
        counters.set(`${table.name} ${chain.name} ${rule.number}`, { packets: rule.counters?.packets ?? Number.NaN, text: rule.text });
      }
    }
  }
  return counters;
};

/** How often each rule must have counted, by the certain steps; `may` are those that hang on something unknown. */
export const expectedOf = (
  chains: readonly (readonly HookOutcome[])[],
): { readonly must: ReadonlyMap<string, number>; readonly may: ReadonlySet<string> } => {
  const must = new Map<string, number>();
  const may = new Set<string>();
  for (const outcomes of chains) {
    for (const { ref, uncertain, action, note } of outcomes.flatMap((outcome) => outcome.steps)) {
      const key = `${ref.table} ${ref.chain} ${ref.rule ?? 'policy'}`;
      // A match that drops the packet itself (hotdrop) stands as a step, though its rule has not counted.
      if (action === 'drop' && note !== undefined) continue;
      if (uncertain === true || outcomes.length > 1) may.add(key);
      else must.set(key, (must.get(key) ?? 0) + 1);
    }
  }
  return { must, may };
};

/** One line for each rule whose counter moved otherwise than foretold, within the chains that were evaluated. */
export const differences = (
  before: CounterMap,
  after: CounterMap,
  chains: readonly (readonly HookOutcome[])[],
  isAsked: (key: string) => boolean,
): string[] => {
  const { must, may } = expectedOf(chains);
  const found: string[] = [];
  for (const [key, { packets, text }] of after) {
    if (!isAsked(key) || may.has(key)) continue;
    const moved = packets - (before.get(key)?.packets ?? 0);
    const wanted = must.get(key) ?? 0;
    if (moved !== wanted) found.push(`${key}: kernel ${moved}, evaluation ${wanted}: ${text}`);
  }
  return found;
};

const LOCAL: readonly string[] = ['10.77.0.2', '10.78.0.1', 'fd77::2', '::1'];
const prefix = (text: string): IpPrefix => parsePrefix(text) as IpPrefix;

/** What the routes of the receiving namespace say. */
const addressType = (ip: IpAddress): AddressType => {
  const text = formatIp(ip);
  if (LOCAL.includes(text) || inPrefix(ip, prefix('127.0.0.0/8'))) return 'LOCAL';
  if (['10.77.0.255', '10.77.0.0', '10.78.0.255', '10.78.0.0'].includes(text) || text === '255.255.255.255') return 'BROADCAST';
  return inPrefix(ip, prefix('224.0.0.0/4')) || inPrefix(ip, prefix('ff00::/8')) ? 'MULTICAST' : 'UNICAST';
};

export const hostEnv = (sets: readonly IpSet[] = []): MatchEnv => ({
  addressType: (ip) => addressType(ip),
  ipset: (name) => sets.find((set) => set.name === name) ?? null,
  masqueradeAddress: () => null,
  redirectAddress: () => null,
  reversePath: (skb: Skb) => inPrefix(skb.src, prefix(skb.family === 4 ? '10.77.0.0/24' : 'fd77::/64')),
});
