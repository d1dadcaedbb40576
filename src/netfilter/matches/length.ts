/** -m length: the length of the IP packet, header included. xt_length.c. */
import { badValue, notKnown, optionMatch } from './condition.ts';
import { inRange, parseRange } from './values.ts';

const LENGTH_UNKNOWN = notKnown('length');

export const length = optionMatch('length', {
  '--length': (option) => {
    const range = parseRange(option.values[0], 0xffff);
    if (range === null) return badValue(option);
    return (skb) => (skb.length === null ? LENGTH_UNKNOWN : inRange(skb.length, range));
  },
});
