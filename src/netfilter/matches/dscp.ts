/** -m dscp: the upper six bits of the type of service. xt_dscp.c; RFC 2474. */
import { badValue, notKnown, optionMatch } from './condition.ts';
import { parseNumber } from './values.ts';

const DSCP_UNKNOWN = notKnown('DSCP');

export const dscp = optionMatch('dscp', {
  '--dscp': (option) => {
    const wanted = parseNumber(option.values[0]);
    if (wanted === null) return badValue(option);
    return (skb) => (skb.tos === null ? DSCP_UNKNOWN : skb.tos >> 2 === wanted);
  },
});
