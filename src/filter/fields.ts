/** The fields of display filters: what each is called, what it takes, and which rows it finds. One entry a field. */
import { formatIp, formatMac } from '../base/ip-address.ts';
import { REPLY } from '../flow/flow.ts';
import type { Verdict } from '../path/verdict.ts';
import { containerMatch, hostMatch, isDestination, isSource } from './ends.ts';
import { BYTES, COUNTS, numberMatch, PORTS, TIMES, type Units } from './numbers.ts';
import { FilterProblem } from './problem.ts';
import type { FilterRow, RowFilter } from './row.ts';
import { isDecidedBy, isOnTheWay, ruleMatch, verdictsOf } from './rules.ts';
import { partMatch, type TextMatch, wholeMatch } from './text-match.ts';
import type { Comparison, ValueText } from './tokens.ts';

export interface Field {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** What it finds, for the documentation and the completion. */
  readonly words: string;
  readonly example: string;
  /** All values there are, for completion; absent where they are open. */
  readonly values?: readonly string[];
  /** True where < and > are meaningful. */
  readonly ordered?: boolean;
  readonly compile: (comparison: Comparison, values: readonly ValueText[]) => RowFilter;
}

/** A field whose every value is a test of its own. One of the values must hold; with != none may. */
const valueField = (field: Omit<Field, 'compile'>, test: (value: string) => RowFilter): Field => ({
  ...field,
  compile: (comparison, values) => {
    const tests = values.map((value) => {
      if (value.text === '') throw new FilterProblem(`${field.name} needs a value`, value.at, `for example ${field.example}`);
      if (field.values !== undefined && !field.values.includes(value.text.toLowerCase())) {
        throw new FilterProblem(`${field.name} cannot be ${value.text}`, value.at, `it is one of ${field.values.join(', ')}`);
      }
      return test(value.text);
    });
    if (comparison === '!=') return (row) => !tests.some((holds) => holds(row));
    return (row) => tests.some((holds) => holds(row));
  },
});

/** A field with numbers; rows in which there is no number (-1, null) are found by no comparison but !=. */
const numberField = (field: Omit<Field, 'compile' | 'ordered'>, units: Units, numbersOf: (row: FilterRow) => readonly number[]): Field => ({
  ...field,
  ordered: true,
  compile: (comparison, values) => {
    if (comparison === '!=') {
      const isIn = numberMatch(':', values, units);
      return (row) => !numbersOf(row).some(isIn);
    }
    const matches = numberMatch(comparison, values, units);
    return (row) => numbersOf(row).some(matches);
  },
});

const OUTCOMES = ['accept', 'drop', 'reject', 'undetermined', 'none'] as const;

const portsOf = (row: FilterRow, ...ends: readonly ('aPort' | 'bPort')[]): readonly number[] =>
  ends.map((end) => row.flow[end]).filter((port) => port >= 0);

const total = ([there, back]: readonly [number, number]): number => there + back;

const NOTHING: readonly number[] = Object.freeze([]);

const DECIDED_KINDS = ['rule', 'policy', 'route', 'sysctl', 'bridge', 'neighbour', 'default'] as const;

const NAT_KINDS = ['any', 'dnat', 'snat', 'masquerade', 'redirect', 'none'] as const;

const natMatch = (kind: string): RowFilter => {
  if (kind === 'none') return ({ verdict }) => verdict !== null && verdict.verdict.nat.length === 0;
  return ({ verdict }) => verdict?.verdict.nat.some((step) => kind === 'any' || step.kind === kind) ?? false;
};

/** What a flow can be; each of these is a word for `is:`. */
const CONDITIONS: Readonly<Record<string, RowFilter>> = {
  ended: ({ flow }) => flow.ended,
  open: ({ flow }) => !flow.ended,
  answered: ({ flow }) => flow.packets[REPLY] - (flow.errorPackets?.[REPLY] ?? 0) > 0,
  unanswered: ({ flow }) => flow.packets[REPLY] - (flow.errorPackets?.[REPLY] ?? 0) <= 0,
  refused: ({ flow }) => (flow.tcp?.resetBy ?? -1) === REPLY && flow.tcp?.resetIn === 'syn-sent',
  reset: ({ flow }) => (flow.tcp?.resetBy ?? -1) !== -1,
  error: ({ flow }) => flow.error !== null,
  retransmitted: ({ flow }) => flow.tcp !== null && total(flow.tcp.retransmissions) > 0,
  contradicted: ({ verdict }) => (verdict?.contradiction ?? null) !== null,
  changed: ({ verdict }) => (verdict?.changes.length ?? 0) > 0,
  proxied: ({ proxied, verdict }) => (proxied ?? null) !== null || verdict?.verdict.proxiedTo !== undefined,
  tunnelled: ({ flow }) => flow.tunnel !== null,
  translated: natMatch('any'),
  ipv4: ({ flow }) => flow.version === 4,
  ipv6: ({ flow }) => flow.version === 6,
};

export const FIELDS: readonly Field[] = [
  valueField(
    { name: 'verdict', words: 'what the path does to the flow’s packets', example: 'verdict:drop,reject', values: OUTCOMES },
    (value) => (row) => (row.verdict?.verdict.outcome ?? 'none') === value.toLowerCase(),
  ),
  valueField(
    { name: 'reply', words: 'what it does to the answer', example: 'reply:drop', values: OUTCOMES },
    (value) => (row) => (row.verdict?.reply?.outcome ?? 'none') === value.toLowerCase(),
  ),
  valueField(
    { name: 'container', aliases: ['name'], words: 'either end, by name; * is any characters', example: 'container:web*' },
    (value) => {
      const matches = containerMatch(value);
      return (row) => isSource(row, matches) || isDestination(row, matches);
    },
  ),
  valueField(
    { name: 'host', aliases: ['ip', 'net'], words: 'either end: address, prefix or name', example: 'host:172.18.0.0/16' },
    (value) => {
      const matches = hostMatch(value);
      return (row) => isSource(row, matches) || isDestination(row, matches);
    },
  ),
  valueField({ name: 'src', words: 'who asked: address, prefix or name', example: 'src:web1' }, (value) => {
    const matches = hostMatch(value);
    return (row) => isSource(row, matches);
  }),
  valueField({ name: 'dst', words: 'who was asked', example: 'dst:10.0.0.0/8' }, (value) => {
    const matches = hostMatch(value);
    return (row) => isDestination(row, matches);
  }),
  numberField({ name: 'port', words: 'either port', example: 'port:80,8000-9000' }, PORTS, (row) => portsOf(row, 'aPort', 'bPort')),
  numberField({ name: 'sport', words: 'the port of who asked', example: 'sport>1023' }, PORTS, (row) => portsOf(row, 'aPort')),
  numberField({ name: 'dport', words: 'the port that was asked', example: 'dport:443' }, PORTS, (row) => portsOf(row, 'bPort')),
  valueField(
    {
      name: 'proto',
      aliases: ['protocol'],
      words: 'tcp, udp, icmp, icmp6, arp, ndp, sctp … as the table shows it',
      example: 'proto:icmp,icmp6',
    },
    (value) => {
      const wanted = value.toLowerCase() === 'icmpv6' ? 'icmp6' : value;
      const whole = wholeMatch(wanted);
      const first = wholeMatch(`${wanted} *`);
      return ({ protocol }) => whole(protocol) || first(protocol);
    },
  ),
  valueField({ name: 'state', words: 'a part of the state’s words', example: 'state:"no answer"' }, (value) => {
    const matches = partMatch(value);
    return (row) => matches(row.state);
  }),
  valueField(
    {
      name: 'rule',
      aliases: ['by'],
      words: 'what decides there or back: a chain (its beginning is enough), TABLE/CHAIN, CHAIN#NUMBER, a part of the rule',
      example: 'rule:DOCKER-ISOLATION',
    },
    (value) => {
      const matches = ruleMatch(value);
      return (row) => isDecidedBy(row, matches);
    },
  ),
  valueField(
    { name: 'step', words: 'any rule that matches on the way, also where it decides nothing', example: 'step:DOCKER-USER' },
    (value) => {
      const matches = ruleMatch(value);
      return (row) => isOnTheWay(row, matches);
    },
  ),
  valueField({ name: 'nat', words: 'how it is translated', example: 'nat:dnat', values: NAT_KINDS }, (value) =>
    natMatch(value.toLowerCase()),
  ),
  valueField({ name: 'out', words: 'the device by which it leaves; local for this host', example: 'out:eth0' }, (value) => {
    const matches = wholeMatch(value);
    return ({ verdict }) => verdict !== null && verdict.verdict.out !== null && matches(verdict.verdict.out);
  }),
  valueField({ name: 'decided', words: 'what kind of thing decides', example: 'decided:sysctl', values: DECIDED_KINDS }, (value) => {
    const kind = value.toLowerCase();
    return (row) => verdictsOf(row).some((verdict) => verdict.decidedBy.kind === kind);
  }),
  valueField(
    { name: 'evidence', words: 'what the verdict rests on', example: 'evidence:counted', values: ['predicted', 'counted', 'traced'] },
    (value) => (row) => row.verdict?.verdict.evidence === value.toLowerCase(),
  ),
  valueField({ name: 'is', words: 'what the flow is', example: 'is:unanswered', values: Object.keys(CONDITIONS) }, (value) => {
    const condition = CONDITIONS[value.toLowerCase()];
    return (row) => condition?.(row) ?? false;
  }),
  valueField({ name: 'mac', words: 'the hardware address of either end', example: 'mac:02:42:*' }, (value) => {
    const matches = wholeMatch(value);
    return ({ flow }) => [flow.aMac, flow.bMac].some((mac) => mac >= 0 && matches(formatMac(mac)));
  }),
  numberField({ name: 'vlan', words: 'the 802.1Q tag', example: 'vlan:20' }, PORTS, ({ flow }) => (flow.vlan > 0 ? [flow.vlan] : NOTHING)),
  numberField({ name: 'vni', words: 'the VXLAN network identifier', example: 'vni:4097' }, PORTS, ({ flow }) =>
    flow.tunnel !== null ? [flow.tunnel.vni] : (flow.carries ?? null) !== null ? [flow.carries?.vni ?? 0] : NOTHING,
  ),
  numberField({ name: 'packets', words: 'packets both ways', example: 'packets>100' }, COUNTS, ({ flow }) => [total(flow.packets)]),
  numberField({ name: 'bytes', words: 'bytes on the wire both ways', example: 'bytes>=1M' }, BYTES, ({ flow }) => [total(flow.bytes)]),
  numberField({ name: 'rtt', words: 'the last round trip; a bare number is milliseconds', example: 'rtt>10ms' }, TIMES, ({ flow }) =>
    flow.rttNs === null ? NOTHING : [flow.rttNs],
  ),
];

export const fieldOf = (name: string): Field | null =>
  FIELDS.find((field) => field.name === name || (field.aliases?.includes(name) ?? false)) ?? null;

/** A bare word is looked for in names, addresses, ports, protocol and state, and in what decides and translates. */
export const wordFilter = (word: string): RowFilter => {
  const matches = partMatch(word);
  const lower = word.toLowerCase();
  const isPart = /[*?]/.test(word) ? null : lower;
  return (row) => {
    const { searchText, verdict } = row;
    if (isPart !== null && searchText !== undefined ? searchText.includes(isPart) : inEnds(row, matches)) return true;
    return matches(row.state) || (verdict !== null && inVerdict(verdict.verdict, matches));
  };
};

const inEnds = ({ flow, aName, bName, protocol }: FilterRow, matches: TextMatch): boolean =>
  [aName, bName, protocol, formatIp(flow.a), formatIp(flow.b)].some(matches) ||
  (flow.aPort >= 0 && (matches(String(flow.aPort)) || matches(String(flow.bPort))));

const inVerdict = ({ outcome, decidedBy, nat }: Verdict, matches: TextMatch): boolean =>
  matches(outcome) ||
  matches(decidedBy.chain ?? '') ||
  matches(decidedBy.text) ||
  nat.some((step) => matches(step.kind) || matches(step.from) || matches(step.to));
