/**
 * Which source ports a host's rules cannot tell apart. Rules compare ports with constants and ranges; between two neighbouring
 * constants every port has the same fate, as the source of a packet and as the destination of its answer.
 */
import type { NamespaceFacts, OtherNamespace } from '../host/facts.ts';
import type { NftTable } from '../netfilter/nft/ruleset.ts';
import type { MatchSpec } from '../netfilter/ruleset.ts';

/** Matches whose port options hold nothing but numbers, ranges and lists of them. */
const PORT_MATCHES: ReadonlySet<string> = new Set(['tcp', 'udp', 'udplite', 'sctp', 'dccp', 'multiport', 'conntrack']);
/** Matches that may look at a port in ways that this page does not follow. */
const OPAQUE_MATCHES: ReadonlySet<string> = new Set(['u32', 'bpf', 'string', 'socket', 'ipvs', 'cgroup', 'tcpmss', 'sctp', 'dccp']);
/** Targets with ports of their own choice, or with sets to fill. */
const OPAQUE_TARGETS: ReadonlySet<string> = new Set(['SET', 'TPROXY', 'SYNPROXY', 'HMARK', 'NFQUEUE']);

export class PortClasses {
  /** First ports of the classes, ascending; null where ports cannot be classed. */
  readonly #starts: readonly number[] | null;

  /** Namespaces beside the host's whose rules tell every port from every other. */
  readonly opaque: ReadonlySet<string>;

  constructor(facts: NamespaceFacts, others: readonly OtherNamespace[] = []) {
    const own = startsOf(facts);
    const inside = others.map(({ id, facts: theirs }) => ({ id, starts: startsOf(theirs) }));
    this.opaque = new Set(inside.filter(({ starts }) => starts === null).map(({ id }) => id));
    this.#starts = own === null ? null : [...new Set([...own, ...inside.flatMap(({ starts }) => starts ?? [])])].sort((x, y) => x - y);
  }

  /** The class of a port; -1 where each port is a class of its own. */
  classOf(port: number): number {
    const starts = this.#starts;
    if (starts === null) return -1;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= port) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const startsOf = (facts: NamespaceFacts): readonly number[] | null => {
  const starts = new Set<number>();
  const hasPortSets = facts.ipsets === null || facts.ipsets.some((set) => set.type.includes('port') || set.type === 'list:set');
  for (const { tables } of facts.rulesets) {
    for (const { chains } of tables) {
      for (const { rules } of chains) {
        for (const rule of rules) {
          if (rule.problem !== undefined || OPAQUE_TARGETS.has(rule.target?.name ?? '')) return null;
          for (const match of rule.matches) {
            if (OPAQUE_MATCHES.has(match.name) || (match.name === 'set' && hasPortSets)) return null;
            if (match.options.some((option) => option.name === '--tcp-option')) return null;
            if (PORT_MATCHES.has(match.name)) addStarts(match, starts);
          }
        }
      }
    }
  }
  for (const table of facts.nftables ?? []) if (!addNativeStarts(table, starts)) return null;
  return [...starts].sort((x, y) => x - y);
};

/** Every number of nft's rules and sets counts as a port that is compared: too many classes do no harm. False where a port is computed with. */
const addNativeStarts = (table: NftTable, starts: Set<number>): boolean => {
  const add = (value: unknown): boolean => {
    if (typeof value === 'number') {
      if (value >= 0 && value < 0xffff && Number.isInteger(value)) starts.add(value).add(value + 1);
      return true;
    }
    if (typeof value !== 'object' || value === null) return true;
    return Object.entries(value).every(
      ([name, inner]) => !OPAQUE_EXPRESSIONS.has(name) && !cutsPort(name, inner) && !readsBytes(name, inner) && add(inner),
    );
  };
  for (const { rules } of table.chains) for (const { statements } of rules) if (!add(statements.map(withoutCounters))) return false;
  for (const set of table.sets.values()) if (!add(set.elements)) return false;
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

const readsBytes = (name: string, inner: unknown): boolean =>
  name === 'payload' && typeof inner === 'object' && inner !== null && 'field' in inner && !TOLD_FIELDS.has(String(inner.field));

/** `tcp sport & 1` tells odd ports from even ones. */
const cutsPort = (name: string, inner: unknown): boolean =>
  (name === '&' || name === '|') && /port"|proto-src|proto-dst/.test(JSON.stringify(inner));

const withoutCounters = (statement: object): object => ('counter' in statement ? {} : statement);

const addStarts = (match: MatchSpec, starts: Set<number>): void => {
  for (const option of match.options) {
    if (!/port/.test(option.name)) continue;
    for (const value of option.values) {
      for (const part of value.split(',')) {
        const [first = '', last = first] = part.split(/[:-]/);
        if (/^\d+$/.test(first)) starts.add(Number(first));
        if (/^\d+$/.test(last)) starts.add(Number(last) + 1);
      }
    }
  }
};
