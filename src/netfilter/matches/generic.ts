/** The part of a rule before any -m: -s -d -i -o -p -f. iptables(8); ip_packet_match in ip_tables.c. */
import { type IpAddress, inPrefix, parsePrefix } from '../../base/ip-address.ts';
import { protocolNumberOf } from '../protocols.ts';
import type { RuleOption } from '../ruleset.ts';
import { deviceUnknown, isUnknownDevice, type Skb } from '../skb.ts';
import { type Ask, badValue, optionMatch } from './condition.ts';
import { interfaceTest } from './values.ts';

const addressAsk = (option: RuleOption, pick: (skb: Skb) => IpAddress): Ask | string => {
  const prefix = parsePrefix(option.values[0] ?? '');
  if (prefix === null) return badValue(option);
  return (skb) => inPrefix(pick(skb), prefix);
};

/** A hook without such a device compares with '': `-i x` fails there and `! -i x` holds. */
const deviceAsk = (option: RuleOption, pick: (skb: Skb) => string | null): Ask | string => {
  const pattern = option.values[0];
  if (pattern === undefined || pattern === '') return badValue(option);
  const test = interfaceTest(pattern);
  return (skb) => {
    const name = pick(skb) ?? '';
    return isUnknownDevice(name) && pattern !== '+' ? deviceUnknown(name) : test(name);
  };
};

export const generic = optionMatch('', {
  '-s': (option) => addressAsk(option, (skb) => skb.src),
  '-d': (option) => addressAsk(option, (skb) => skb.dst),
  '-i': (option) => deviceAsk(option, (skb) => skb.inDev),
  '-o': (option) => deviceAsk(option, (skb) => skb.outDev),
  '-p': (option) => {
    const protocol = protocolNumberOf(option.values[0] ?? '');
    if (protocol === null) return badValue(option);
    return protocol === 0 ? () => true : (skb) => skb.protocol === protocol;
  },
  '-f': () => (skb) => skb.fragmentOffset !== 0,
});
