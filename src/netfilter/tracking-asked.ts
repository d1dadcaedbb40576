/**
 * Who asks for connection tracking. The kernel hooks it into a namespace with the first rule that needs it (nf_ct_netns_get in
 * net/netfilter/nf_conntrack_proto.c, called from checkentry and init functions); until then no packet has a connection, and chains
 * of type nat let everything pass unasked (nf_nat_inet_fn).
 */
import { MATCHES } from './matches/index.ts';
import type { NftTable } from './nft/ruleset.ts';
import type { Rule, Ruleset, Table } from './ruleset.ts';
import { TARGETS } from './targets/index.ts';

/** Extensions whose checkentry calls nf_ct_netns_get. */
const ASKING_MATCHES: ReadonlySet<string> = new Set([
  'conntrack',
  'state',
  'connbytes',
  'connlabel',
  'connlimit',
  'connmark',
  'helper',
  'cluster',
]);
const ASKING_TARGETS: ReadonlySet<string> = new Set([
  'CLUSTERIP',
  'CONNMARK',
  'CONNSECMARK',
  'DNAT',
  'MASQUERADE',
  'NETMAP',
  'REDIRECT',
  'SNAT',
  'SYNPROXY',
]);

/** What other extensions do is not known. */
const KNOWN_MATCHES: ReadonlySet<string> = new Set(MATCHES.map(({ name }) => name));
const KNOWN_TARGETS: ReadonlySet<string> = new Set(TARGETS.map(({ name }) => name));

/** Keys of nft's JSON whose init functions do (nft_ct.c, nft_nat.c, nft_connlimit.c, nft_flow_offload.c …); `xt` hides what it is. */
const ASKING_KEYS: ReadonlySet<string> = new Set([
  'ct',
  'ct count',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'dnat',
  'snat',
  'masquerade',
  'redirect',
  'flow',
  'synproxy',
  'xt',
]);

/** False only where no rule that can be read asks, and every rule can be read. */
export const asksForTracking = (rulesets: readonly Ruleset[], native: readonly NftTable[], family: 'ip' | 'ip6'): boolean =>
  rulesets.some((ruleset) => ruleset.family === family && (ruleset.problems.length > 0 || ruleset.tables.some(tableAsks))) ||
  nativeAsks(native, family);

const tableAsks = (table: Table): boolean => {
  const own = new Set(table.chains.map(({ name }) => name));
  return table.chains.some(({ rules }) => rules.some((rule) => asks(rule, own)));
};

const asks = (rule: Rule, chains: ReadonlySet<string>): boolean => {
  if (rule.problem !== undefined) return true;
  if (rule.matches.some(({ name }) => ASKING_MATCHES.has(name) || !KNOWN_MATCHES.has(name))) return true;
  const { target } = rule;
  if (target === null || chains.has(target.name)) return false;
  return ASKING_TARGETS.has(target.name) || (target.name === 'CT' && !isNotrack(rule)) || !KNOWN_TARGETS.has(target.name);
};

/** xt_ct_tg_check takes no reference for --notrack. */
const isNotrack = (rule: Rule): boolean => rule.target?.options.some(({ name }) => name === '--notrack') === true;

const nativeAsks = (native: readonly NftTable[], family: 'ip' | 'ip6'): boolean =>
  native.some(
    (table) =>
      (table.family === family || (table.family !== 'ip' && table.family !== 'ip6' && table.family !== 'arp')) &&
      (table.chains.some(({ rules }) => rules.some((rule) => rule.problem !== undefined || rule.statements.some(holdsAskingKey))) ||
        [...table.sets.values()].some(({ elements }) => elements.some(holdsAskingKey))),
  );

const holdsAskingKey = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.some(holdsAskingKey);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => ASKING_KEYS.has(key) || holdsAskingKey(inner));
};
