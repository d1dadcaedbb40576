/** -m physdev: the bridge ports, for packets that came through br_netfilter. physdev_mt in xt_physdev.c. */
import type { RuleOption } from '../ruleset.ts';
import type { Skb } from '../skb.ts';
import { type Ask, badValue, optionMatch } from './condition.ts';
import { interfaceTest } from './values.ts';

const throughBridge = (skb: Skb): boolean => skb.physIn !== null || skb.physOut !== null;

const portAsk = (option: RuleOption, ask: (skb: Skb, test: (name: string) => boolean) => boolean): Ask | string => {
  const pattern = option.values[0];
  if (pattern === undefined || pattern === '') return badValue(option);
  const test = interfaceTest(pattern);
  return (skb) => throughBridge(skb) && ask(skb, test);
};

export const physdev = optionMatch('physdev', {
  // The kernel leaves this one out where the packet has a bridge but no input port: it then holds, negated or not.
  '--physdev-in': (option) => portAsk(option, (skb, test) => (skb.physIn === null ? !option.negated : test(skb.physIn))),
  '--physdev-out': (option) => portAsk(option, (skb, test) => skb.physOut !== null && test(skb.physOut)),
  '--physdev-is-in': () => (skb) => skb.physIn !== null,
  '--physdev-is-out': () => (skb) => skb.physOut !== null,
  '--physdev-is-bridged': () => (skb) => throughBridge(skb) && skb.physOut !== null,
});
