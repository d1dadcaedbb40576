/** -m tos: bits of the type of service, in IPv6 of the traffic class. xt_dscp.c (tos_mt). */
import { badValue, notKnown, optionMatch } from './condition.ts';
import { parseMasked } from './values.ts';

const TOS_UNKNOWN = notKnown('type of service');

export const tos = optionMatch('tos', {
  '--tos': (option) => {
    const wanted = parseMasked(option.values[0], 0xff);
    if (wanted === null) return badValue(option);
    return (skb) => (skb.tos === null ? TOS_UNKNOWN : (skb.tos & wanted.mask) === wanted.value);
  },
});
