/** -m mac: the Ethernet source. Without an Ethernet header the answer is no, `!` or not. xt_mac.c. */
import { parseMac } from '../../base/ip-address.ts';
import { badValue, NEVER, notKnown, optionMatch } from './condition.ts';

const MAC_UNKNOWN = notKnown('source MAC address');

export const mac = optionMatch('mac', {
  '--mac-source': (option) => {
    const wanted = parseMac(option.values[0] ?? '');
    if (wanted === null) return badValue(option);
    return (skb) => {
      if (!skb.hasMac) return NEVER;
      return skb.srcMac === null ? MAC_UNKNOWN : skb.srcMac === wanted;
    };
  },
});
