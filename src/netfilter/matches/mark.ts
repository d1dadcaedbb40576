/** -m mark: bits of the packet's mark. xt_mark.c. */
import { badValue, optionMatch } from './condition.ts';
import { parseMasked } from './values.ts';

export const mark = optionMatch('mark', {
  '--mark': (option) => {
    const wanted = parseMasked(option.values[0]);
    if (wanted === null) return badValue(option);
    return (skb) => skb.markUnknown ?? (skb.mark & wanted.mask) >>> 0 === wanted.value;
  },
});
