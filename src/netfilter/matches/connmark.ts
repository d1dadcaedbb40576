/** -m connmark: bits of the connection's mark. connmark_mt in xt_connmark.c. */
import { badValue, NEVER, optionMatch } from './condition.ts';
import { parseMasked } from './values.ts';

export const connmark = optionMatch('connmark', {
  '--mark': (option) => {
    const wanted = parseMasked(option.values[0]);
    if (wanted === null) return badValue(option);
    return ({ ct }) => {
      if (ct.state === 'INVALID' || ct.state === 'UNTRACKED') return NEVER;
      return ct.mark === null ? "the connection's mark is not known" : (ct.mark & wanted.mask) >>> 0 === wanted.value;
    };
  },
});
