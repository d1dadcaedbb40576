/** -m iprange: addresses from one to another, both included. xt_iprange.c. */
import { compareIp, type IpAddress, parseIp } from '../../base/ip-address.ts';
import type { RuleOption } from '../ruleset.ts';
import type { Skb } from '../skb.ts';
import { type Ask, badValue, optionMatch } from './condition.ts';

const rangeAsk = (option: RuleOption, pick: (skb: Skb) => IpAddress): Ask | string => {
  const [low, high] = (option.values[0] ?? '').split('-');
  const from = parseIp(low ?? '');
  const to = high === undefined ? from : parseIp(high);
  if (from === null || to === null) return badValue(option);
  return (skb) => {
    const ip = pick(skb);
    return ip.version === from.version && compareIp(ip, from) >= 0 && compareIp(ip, to) <= 0;
  };
};

export const iprange = optionMatch('iprange', {
  '--src-range': (option) => rangeAsk(option, (skb) => skb.src),
  '--dst-range': (option) => rangeAsk(option, (skb) => skb.dst),
});
