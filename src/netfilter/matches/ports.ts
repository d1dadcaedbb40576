/** Source and destination ports as -m tcp, udp, sctp and dccp compare them. xt_tcpudp.c, xt_sctp.c, xt_dccp.c. */
import type { RuleOption } from '../ruleset.ts';
import type { Skb } from '../skb.ts';
import { type Ask, badValue, NEVER, notKnown, type OptionCompiler } from './condition.ts';
import { inRange, parseRange } from './values.ts';

const SOURCE_PORT_UNKNOWN = notKnown('source port');
const DESTINATION_PORT_UNKNOWN = notKnown('destination port');

/** The ports stand in the first fragment only; in later ones nothing matches, `!` or not. */
const portAsk = (option: RuleOption, protocol: number, pick: (skb: Skb) => number | null, missing: string): Ask | string => {
  const range = parseRange(option.values[0], 0xffff);
  if (range === null) return badValue(option);
  return (skb) => {
    if (skb.protocol !== protocol || skb.fragmentOffset !== 0) return NEVER;
    const port = pick(skb);
    return port === null ? missing : inRange(port, range);
  };
};

export const portOptions = (protocol: number): Readonly<Record<string, OptionCompiler>> => ({
  '--sport': (option) => portAsk(option, protocol, (skb) => skb.srcPort, SOURCE_PORT_UNKNOWN),
  '--dport': (option) => portAsk(option, protocol, (skb) => skb.dstPort, DESTINATION_PORT_UNKNOWN),
});
