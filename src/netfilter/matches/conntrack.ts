/** -m conntrack: what connection tracking knows of the packet. conntrack_mt in xt_conntrack.c; iptables-extensions(8). */
import { type IpAddress, inPrefix, parsePrefix } from '../../base/ip-address.ts';
import { hasPorts, IPPROTO_ICMP, IPPROTO_ICMPV6, protocolNumberOf } from '../protocols.ts';
import type { MatchSpec, RuleOption } from '../ruleset.ts';
import type { CtView, Skb } from '../skb.ts';
import { type Answer, type Ask, badValue, NEVER, type OptionCompiler, optionMatch } from './condition.ts';
import { ctStateAsk } from './ct-state.ts';
import { inRange, parseRange } from './values.ts';

/** A packet without a connection: the kernel asks --ctstate only, and says no where the rule has none. */
const withoutConnection = (spec: MatchSpec): Answer => (spec.options.some((option) => option.name === '--ctstate') ? 'skip' : NEVER);

const connectionAsk = (spec: MatchSpec, option: RuleOption, ask: (ct: CtView, skb: Skb) => boolean | string): Ask => {
  const missing = withoutConnection(spec);
  const skipped = !option.negated;
  return (skb) => {
    if (skb.ct.state === 'INVALID' || skb.ct.state === 'UNTRACKED') return missing === 'skip' ? skipped : NEVER;
    return ask(skb.ct, skb);
  };
};

const addressOption =
  (pick: (ct: CtView) => IpAddress): OptionCompiler =>
  (option, _context, spec) => {
    const prefix = parsePrefix(option.values[0] ?? '');
    return prefix === null ? badValue(option) : connectionAsk(spec, option, (ct) => inPrefix(pick(ct), prefix));
  };

const PORT_UNKNOWN = "the connection's port is not known";

const ICMP_OF = (type: number | null, code: number | null): number | null => (type === null || code === null ? null : (type << 8) | code);

/**
 * ct_proto_port_check takes what stands where ports would: for ICMP the identifier as source and type and code as destination, for
 * protocols without either zero (union nf_conntrack_man_proto).
 */
const portIn = (ct: CtView, skb: Skb, direction: 'original' | 'reply', end: 'srcPort' | 'dstPort'): number | null => {
  const port = ct[direction][end];
  const answers = ct.protocol === IPPROTO_ICMP ? ICMP_ANSWERS : ct.protocol === IPPROTO_ICMPV6 ? ICMPV6_ANSWERS : null;
  if (answers === null) return port ?? (hasPorts(ct.protocol) ? null : 0);
  if (end === 'srcPort') return port;
  if (skb.protocol !== ct.protocol || skb.icmpType === null || isError(skb)) return null;
  const type = direction === ct.direction ? skb.icmpType : (answers.get(skb.icmpType) ?? null);
  return ICMP_OF(type, skb.icmpCode);
};

const isError = ({ protocol, icmpType }: Skb): boolean =>
  icmpType !== null && (protocol === IPPROTO_ICMPV6 ? icmpType < 128 : [3, 4, 5, 11, 12].includes(icmpType));

const portOption =
  (direction: 'original' | 'reply', end: 'srcPort' | 'dstPort'): OptionCompiler =>
  (option, _context, spec) => {
    const range = parseRange(option.values[0], 0xffff);
    if (range === null) return badValue(option);
    return connectionAsk(spec, option, (ct, skb) => {
      const port = portIn(ct, skb, direction, end);
      return port === null ? PORT_UNKNOWN : inRange(port, range);
    });
  };

/** invmap in nf_conntrack_proto_icmp.c and nf_conntrack_proto_icmpv6.c: what a message is answered by, and what it answers. */
const pairs = (list: readonly (readonly [number, number])[]): ReadonlyMap<number, number> =>
  new Map(list.flatMap(([asks, answers]) => [[asks, answers] as const, [answers, asks] as const]));
const ICMP_ANSWERS = pairs([
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
]);
const ICMPV6_ANSWERS = pairs([
  [128, 129],
  [139, 140],
]);

const STATUS_TESTS: Readonly<Record<string, (ct: CtView) => boolean>> = {
  // No bit at all is asked for, so none is ever found: the kernel's mask test is false for every connection.
  NONE: () => false,
  EXPECTED: (ct) => ct.expected,
  SEEN_REPLY: (ct) => ct.seenReply,
  ASSURED: (ct) => ct.assured,
  CONFIRMED: (ct) => ct.confirmed,
};

export const conntrack = optionMatch('conntrack', {
  '--ctstate': (option) => ctStateAsk(option, true),
  '--ctstatus': (option, _context, spec) => {
    const names = (option.values[0] ?? '').split(',');
    if (names.some((name) => !Object.hasOwn(STATUS_TESTS, name))) return badValue(option);
    const tests = names.map((name) => STATUS_TESTS[name] as (ct: CtView) => boolean);
    return connectionAsk(spec, option, (ct) => tests.some((test) => test(ct)));
  },
  '--ctproto': (option, _context, spec) => {
    const protocol = protocolNumberOf(option.values[0] ?? '');
    return protocol === null ? badValue(option) : connectionAsk(spec, option, (ct) => ct.protocol === protocol);
  },
  '--ctdir': (option, _context, spec) => {
    const direction = { ORIGINAL: 'original', REPLY: 'reply' }[option.values[0] ?? ''];
    return direction === undefined ? badValue(option) : connectionAsk(spec, option, (ct) => ct.direction === direction);
  },
  '--ctorigsrc': addressOption((ct) => ct.original.src),
  '--ctorigdst': addressOption((ct) => ct.original.dst),
  '--ctreplsrc': addressOption((ct) => ct.reply.src),
  '--ctrepldst': addressOption((ct) => ct.reply.dst),
  '--ctorigsrcport': portOption('original', 'srcPort'),
  '--ctorigdstport': portOption('original', 'dstPort'),
  '--ctreplsrcport': portOption('reply', 'srcPort'),
  '--ctrepldstport': portOption('reply', 'dstPort'),
  '--ctexpire': (option, _context, spec) => connectionAsk(spec, option, () => "how long the connection's entry still lives is not known"),
});
