/**
 * The rules that ask the kernel for its trace: tables of our own in nft(8)'s language. `meta nftrace set 1` marks the packet itself, so
 * that every later rule of any table, also those of iptables-legacy (ip_tables.c, skb->nf_trace), tells what it did.
 */
import { isIP } from 'node:net';
import { failure } from '../base/errors.ts';
import type { TracedTuple } from './protocol.ts';

/** Before all that must be seen, behind the reassembly of fragments (NF_IP_PRI_CONNTRACK_DEFRAG, -400; NF_IP_PRI_RAW, -300). */
const BEFORE_RAW = -350;
/** NF_IP_PRI_CONNTRACK + 1: here the packet's connection is known. */
const BEHIND_CONNTRACK = -199;

/**
 * A packet makes ten to thirty messages; with more packets some of them would be lost on their way, and nobody reads that many. What is above
 * is counted.
 */
const PACKETS_PER_SECOND = 100;
const BURST_PACKETS = 50;

export const TRACE_TABLE_PREFIX = 'vethscope_trace_';
export const COUNTER_TRACED = 'traced';
export const COUNTER_OVER = 'over';

export interface TraceRules {
  readonly table: string;
  readonly original: TracedTuple;
  /** As the answer is predicted to come in; null where none is. */
  readonly reply: TracedTuple | null;
  /** Connections are tracked here already: a rule that asked for them would begin to track them. */
  readonly tracks: boolean;
  /** Bridge tables are there: the trace has to begin before them. */
  readonly bridge: boolean;
  /** The kernel deletes tables with an owner when the owner's socket closes, from Linux 5.12 on. */
  readonly owned: boolean;
}

/** Families of the tables that `traceCommands` makes. */
export const traceFamilies = (rules: Pick<TraceRules, 'bridge'>): readonly ('inet' | 'bridge')[] =>
  rules.bridge ? ['inet', 'bridge'] : ['inet'];

/** A command a line, each of which is one transaction: a table is there whole or not at all. */
export const traceCommands = (rules: TraceRules): string => {
  const rate = rules.bridge ? PACKETS_PER_SECOND / 2 : PACKETS_PER_SECOND;
  const early = [rules.original, ...(rules.reply === null ? [] : [rules.reply])].map(tupleMatch);
  const late = rules.tracks ? [connectionMatch(rules.original, rules.reply)] : [];
  return traceFamilies(rules)
    .map((family) => {
      const chains = [
        chain('prerouting', BEFORE_RAW, early),
        chain('output', BEFORE_RAW, early),
        ...(family === 'inet' && late.length > 0
          ? [chain('prerouting', BEHIND_CONNTRACK, late), chain('output', BEHIND_CONNTRACK, late)]
          : []),
      ];
      const flags = rules.owned ? 'flags owner; ' : '';
      const parts = [
        `limit pace { rate ${rate}/second burst ${BURST_PACKETS} packets; };`,
        `counter ${COUNTER_TRACED} { };`,
        `counter ${COUNTER_OVER} { };`,
        ...chains,
      ];
      return `add table ${family} ${rules.table} { ${flags}${parts.join(' ')} }\n`;
    })
    .join('');
};

const chain = (hook: string, priority: number, matches: readonly string[]): string => {
  const rules = matches.flatMap((match) => [
    `${match} limit name "pace" counter name "${COUNTER_TRACED}" meta nftrace set 1 return;`,
    `${match} counter name "${COUNTER_OVER}";`,
  ]);
  const name = `${hook}${priority === BEFORE_RAW ? '' : '_known'}`;
  return `chain ${name} { type filter hook ${hook} priority ${priority}; policy accept; ${rules.join(' ')} };`;
};

/** What comes from main ends up in a command line of nft: it is checked to be what it is said to be. */
const checked = (tuple: TracedTuple): TracedTuple => {
  const numbers = [tuple.protocol, tuple.sport ?? 0, tuple.dport ?? 0, tuple.icmpType ?? 0];
  const sound = [tuple.src, tuple.dst].every((address) => isIP(address) === tuple.family) && numbers.every(isPort);
  if (!sound) throw failure('the packet to be traced is not sound');
  return tuple;
};

const isPort = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff;

const ipWord = (tuple: TracedTuple): 'ip' | 'ip6' => (tuple.family === 4 ? 'ip' : 'ip6');

const tupleMatch = (given: TracedTuple): string => {
  const tuple = checked(given);
  const ip = ipWord(tuple);
  return [
    `${ip} saddr ${tuple.src} ${ip} daddr ${tuple.dst} meta l4proto ${tuple.protocol}`,
    ...(tuple.sport === null ? [] : [`th sport ${tuple.sport}`]),
    ...(tuple.dport === null ? [] : [`th dport ${tuple.dport}`]),
    ...(tuple.icmpType === null ? [] : [`${tuple.family === 4 ? 'icmp' : 'icmpv6'} type ${tuple.icmpType}`]),
  ].join(' ');
};

/** The connection's other direction, wherever it comes from, but for the packets that `reply` traces from the start. */
const connectionMatch = (given: TracedTuple, reply: TracedTuple | null): string => {
  const original = checked(given);
  const ip = ipWord(original);
  return [
    `ct direction reply ct original ${ip} saddr ${original.src} ct original ${ip} daddr ${original.dst} meta l4proto ${original.protocol}`,
    // nft knows the type of a connection's port by the protocol before it.
    ...(original.dport === null ? [] : [`ct original proto-dst ${original.dport}`]),
    ...(original.sport === null ? [] : [`ct original proto-src ${original.sport}`]),
    ...(reply === null ? [] : [`${ip} saddr . ${ip} daddr != { ${checked(reply).src} . ${reply.dst} }`]),
  ].join(' ');
};
