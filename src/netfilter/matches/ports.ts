/** Source and destination ports as -m tcp, udp, sctp and dccp compare them. xt_tcpudp.c, xt_sctp.c, xt_dccp.c. */
import type { MatchSpec, RuleOption } from '../ruleset.ts';
import type { Skb } from '../skb.ts';
import { type Answer, type Ask, badValue, type MatchContext, NEVER, notKnown, type OptionCompiler } from './condition.ts';
import { inRange, parseRange } from './values.ts';

const SOURCE_PORT_UNKNOWN = notKnown('source port');
const DESTINATION_PORT_UNKNOWN = notKnown('destination port');

/**
 * iptables-nft turns -m tcp and -m udp into payload expressions of nftables, and these read on in later fragments
 * (nft_payload_fast_eval), unless an older iptables-nft has kept the match as it is.
 */
export const LATER_FRAGMENT = 'a later fragment has no such header, and what iptables-nft compares there differs by version';

/** What -m tcp and -m udp say of a fragment behind the first: in the kernel's own matches nothing matches there, `!` or not. */
export const inLaterFragment = (backend: MatchContext['backend']): Answer => (backend === 'nft' ? LATER_FRAGMENT : NEVER);

/**
 * `! --sport 1 ! --dport 2`: iptables-nft 1.8.9 stores two such ports as one comparison of four bytes, which holds as soon as one of them
 * differs; others store two. What iptables-save prints is the same.
 */
const MERGED = 'iptables-nft stores two negated ports as one comparison or as two, depending on its version';

const end = { '--sport': (skb: Skb) => skb.srcPort, '--dport': (skb: Skb) => skb.dstPort } as const;

const portAsk = (option: RuleOption, name: keyof typeof end, protocol: number, later: Answer, merged: RuleOption | null): Ask | string => {
  const range = parseRange(option.values[0], 0xffff);
  if (range === null) return badValue(option);
  const pick = end[name];
  const missing = name === '--sport' ? SOURCE_PORT_UNKNOWN : DESTINATION_PORT_UNKNOWN;
  const other = merged === null ? null : Number(merged.values[0]);
  const pickOther = end[name === '--sport' ? '--dport' : '--sport'];
  return (skb) => {
    if (skb.protocol !== protocol) return NEVER;
    if (skb.fragmentOffset !== 0) return later;
    const port = pick(skb);
    if (port === null) return missing;
    const holds = inRange(port, range);
    return holds && other !== null && pickOther(skb) !== other ? MERGED : holds;
  };
};

/** The other port, where both are single ones and negated in a rule of iptables-nft. */
const mergedWith = (option: RuleOption, spec: MatchSpec, { backend }: MatchContext): RuleOption | null => {
  const single = ({ negated, values }: RuleOption): boolean => negated && /^\d+$/.test(values[0] ?? '');
  if (backend !== 'nft' || !single(option)) return null;
  return spec.options.find((each) => each !== option && (each.name === '--sport' || each.name === '--dport') && single(each)) ?? null;
};

/** `isNative`: iptables-nft has an expression of its own for the match. */
export const portOptions = (protocol: number, isNative: boolean): Readonly<Record<string, OptionCompiler>> => {
  const later = ({ backend }: MatchContext): Answer => (isNative ? inLaterFragment(backend) : NEVER);
  const compile =
    (name: keyof typeof end): OptionCompiler =>
    (option, context, spec) =>
      portAsk(option, name, protocol, later(context), isNative ? mergedWith(option, spec, context) : null);
  return { '--sport': compile('--sport'), '--dport': compile('--dport') };
};
