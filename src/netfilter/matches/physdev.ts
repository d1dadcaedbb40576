/** -m physdev: the bridge ports, for packets that came through br_netfilter. physdev_mt in xt_physdev.c. */
import type { RuleOption } from '../ruleset.ts';
import { type Skb, UNKNOWN_PORT } from '../skb.ts';
import { type Answer, type Ask, badValue, optionMatch } from './condition.ts';
import { interfaceTest } from './values.ts';

const throughBridge = (skb: Skb): boolean => skb.physIn !== null || skb.physOut !== null;

const portAsk = (option: RuleOption, ask: (skb: Skb, test: (name: string) => Answer) => Answer): Ask | string => {
  const pattern = option.values[0];
  if (pattern === undefined || pattern === '') return badValue(option);
  const matches = interfaceTest(pattern);
  const test = (name: string): Answer => (name === UNKNOWN_PORT ? 'which bridge port the packet passes is not known' : matches(name));
  return (skb) => throughBridge(skb) && ask(skb, test);
};

export const physdev = optionMatch('physdev', {
  // The kernel leaves this one out where the packet has a bridge but no input port: it then holds, negated or not.
  '--physdev-in': (option) => portAsk(option, (skb, test) => (skb.physIn === null ? !option.negated : test(skb.physIn))),
  // And of a bridge's packet without an output port (routed, or not there yet) it says no, negated or not.
  '--physdev-out': (option) => portAsk(option, (skb, test) => (skb.physOut === null ? option.negated : test(skb.physOut))),
  '--physdev-is-in': () => (skb) => skb.physIn !== null,
  '--physdev-is-out': () => (skb) => skb.physOut !== null,
  '--physdev-is-bridged': () => (skb) => throughBridge(skb) && skb.physOut !== null,
});
