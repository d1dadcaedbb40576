/**
 * What a namespace's rules look at in a packet. Rules compare addresses and ports with constants and ranges; whatever looks at them in
 * other ways (their bits, bytes at a place, hashes) tells every packet from every other.
 */
import type { NamespaceFacts } from '../../host/facts.ts';
import type { NftTable } from '../../netfilter/nft/ruleset.ts';
import type { MatchSpec, Rule } from '../../netfilter/ruleset.ts';

export interface RuleLooks {
  /** Rules may tell any two packets apart. */
  readonly atAll: boolean;
  /** Rules ask for the hop limit, or change it. */
  readonly atTtl: boolean;
  /** Rules ask for the packet's length. */
  readonly atLength: boolean;
}

/** Matches that may look at an address or a port in ways that this page does not follow. */
const OPAQUE_MATCHES: ReadonlySet<string> = new Set(['u32', 'bpf', 'string', 'socket', 'ipvs', 'cgroup', 'tcpmss', 'sctp', 'dccp']);
/** Targets with ports of their own choice, with sets to fill, or whose address is computed from the packet's. */
const OPAQUE_TARGETS: ReadonlySet<string> = new Set(['SET', 'TPROXY', 'SYNPROXY', 'HMARK', 'NFQUEUE', 'NETMAP', 'CLUSTERIP']);
const TTL_TARGETS: ReadonlySet<string> = new Set(['TTL', 'HL']);
const TTL_MATCHES: ReadonlySet<string> = new Set(['ttl', 'hl']);

const EVERYTHING: RuleLooks = { atAll: true, atTtl: true, atLength: true };

export const ruleLooks = (facts: NamespaceFacts): RuleLooks => {
  const found = { atAll: false, atTtl: false, atLength: false };
  // ipset's option `bitmask` cuts bits out of addresses. Sets that were not read may hold anything.
  const hasOddSets = facts.ipsets === null || facts.ipsets.some((set) => 'bitmask' in set.options);
  for (const { tables } of facts.rulesets) {
    for (const { chains } of tables) {
      for (const { rules } of chains) {
        for (const rule of rules) {
          if (!lookAtRule(rule, hasOddSets, found)) return EVERYTHING;
        }
      }
    }
  }
  for (const table of facts.nftables ?? []) if (!lookAtTable(table, found)) return EVERYTHING;
  return found;
};

interface Found {
  atTtl: boolean;
  atLength: boolean;
}

/** False where the rule tells any packet from any other. */
const lookAtRule = ({ problem, target, matches, native }: Rule, hasOddSets: boolean, found: Found): boolean => {
  const targetName = target?.name ?? '';
  if (problem !== undefined || OPAQUE_TARGETS.has(targetName)) return false;
  if (TTL_TARGETS.has(targetName)) found.atTtl = true;
  if (native !== undefined && !native.statements.every((statement) => lookAtJson(statement, found))) return false;
  return matches.every((match) => lookAtMatch(match, hasOddSets, found));
};

const lookAtMatch = ({ name, options }: MatchSpec, hasOddSets: boolean, found: Found): boolean => {
  if (OPAQUE_MATCHES.has(name) || (name === 'set' && hasOddSets)) return false;
  if (TTL_MATCHES.has(name)) found.atTtl = true;
  if (name === 'length') found.atLength = true;
  return !options.some((option) => option.name === '--tcp-option');
};

const lookAtTable = (table: NftTable, found: Found): boolean => {
  for (const { rules } of table.chains) {
    for (const { statements, problem } of rules) {
      if (problem !== undefined || !statements.every((statement) => lookAtJson(statement, found))) return false;
    }
  }
  return true;
};

/** Bytes at a place may be a port; a hash may be made of one, and bits may be cut out of one. */
const OPAQUE_EXPRESSIONS: ReadonlySet<string> = new Set([
  'base',
  'exthdr',
  'tcp option',
  'ip option',
  'sctp chunk',
  'dccp option',
  '>>',
  '<<',
  '^',
  'xt',
  'tproxy',
  'synproxy',
  'socket',
  'jhash',
  'symhash',
]);

/** Fields of headers that a packet's question holds by itself; all others are read from its bytes. */
const TOLD_FIELDS: ReadonlySet<string> = new Set([
  'saddr',
  'daddr',
  'sport',
  'dport',
  'protocol',
  'nexthdr',
  'ttl',
  'hoplimit',
  'dscp',
  'length',
  'type',
  'code',
  'flags',
  'version',
]);

/** An address or a port as a value of its own, as opposed to one that is compared or looked up. */
const COMPUTED_WITH = /addr"|port"|proto-src|proto-dst/;

const lookAtJson = (value: unknown, found: Found): boolean => {
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, inner]) => {
    if (OPAQUE_EXPRESSIONS.has(name)) return false;
    // `tcp sport & 1` tells odd ports from even ones, `meta mark set ip saddr` makes a mark of an address, `dnat ip prefix to` moves one.
    if ((name === '&' || name === '|') && COMPUTED_WITH.test(JSON.stringify(inner))) return false;
    if (name === 'mangle' && isComputed(inner)) return false;
    if ((name === 'snat' || name === 'dnat') && /"prefix"|netmap/.test(JSON.stringify(inner))) return false;
    if (name === 'payload' && !lookAtField(inner, found)) return false;
    if (name === 'meta' && isNamed(inner, 'key', 'length')) found.atLength = true;
    return lookAtJson(inner, found);
  });
};

const isComputed = (mangle: unknown): boolean => {
  if (typeof mangle !== 'object' || mangle === null || !('value' in mangle)) return true;
  const { value } = mangle;
  const isLookedUp = typeof value === 'object' && value !== null && 'map' in value;
  return !isLookedUp && COMPUTED_WITH.test(JSON.stringify(value));
};

const lookAtField = (payload: unknown, found: Found): boolean => {
  if (typeof payload !== 'object' || payload === null || !('field' in payload)) return true;
  const field = String(payload.field);
  if (field === 'ttl' || field === 'hoplimit') found.atTtl = true;
  if (field === 'length') found.atLength = true;
  return TOLD_FIELDS.has(field);
};

const isNamed = (value: unknown, name: string, wanted: string): boolean =>
  typeof value === 'object' && value !== null && (value as Readonly<Record<string, unknown>>)[name] === wanted;
