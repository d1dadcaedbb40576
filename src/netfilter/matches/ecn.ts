/** -m ecn: explicit congestion notification, in TCP's flags and the lowest bits of the type of service. xt_ecn.c; RFC 3168. */
import { IPPROTO_TCP } from '../protocols.ts';
import type { Skb } from '../skb.ts';
import { badValue, notKnown, optionMatch } from './condition.ts';
import { parseNumber } from './values.ts';

const TH_ECE = 0x40;
const TH_CWR = 0x80;
const IPT_ECN_IP_MASK = 3;

const FLAGS_UNKNOWN = notKnown('TCP flags');
const TOS_UNKNOWN = notKnown('type of service');

const carries = (bit: number) => (skb: Skb) => {
  if (skb.protocol !== IPPROTO_TCP) return false;
  return skb.tcpFlags === null ? FLAGS_UNKNOWN : (skb.tcpFlags & bit) !== 0;
};

export const ecn = optionMatch('ecn', {
  '--ecn-tcp-cwr': () => carries(TH_CWR),
  '--ecn-tcp-ece': () => carries(TH_ECE),
  '--ecn-ip-ect': (option) => {
    const wanted = parseNumber(option.values[0]);
    if (wanted === null) return badValue(option);
    return (skb) => (skb.tos === null ? TOS_UNKNOWN : (skb.tos & IPT_ECN_IP_MASK) === wanted);
  },
});
