/** Source and destination ports as -m tcp, udp, sctp and dccp compare them. xt_tcpudp.c, xt_sctp.c, xt_dccp.c. */
import type { RuleOption } from '../ruleset.ts';
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

const portAsk = (option: RuleOption, protocol: number, later: Answer, pick: (skb: Skb) => number | null, missing: string): Ask | string => {
  const range = parseRange(option.values[0], 0xffff);
  if (range === null) return badValue(option);
  return (skb) => {
    if (skb.protocol !== protocol) return NEVER;
    if (skb.fragmentOffset !== 0) return later;
    const port = pick(skb);
    return port === null ? missing : inRange(port, range);
  };
};

/** `isNative`: iptables-nft has an expression of its own for the match. */
export const portOptions = (protocol: number, isNative: boolean): Readonly<Record<string, OptionCompiler>> => {
  const later = ({ backend }: MatchContext): Answer => (isNative ? inLaterFragment(backend) : NEVER);
  return {
    '--sport': (option, context) => portAsk(option, protocol, later(context), (skb) => skb.srcPort, SOURCE_PORT_UNKNOWN),
    '--dport': (option, context) => portAsk(option, protocol, later(context), (skb) => skb.dstPort, DESTINATION_PORT_UNKNOWN),
  };
};
