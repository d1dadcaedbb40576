/** -m policy: whether IPsec has handled the packet or will. policy_mt in xt_policy.c. */

import { printOption } from '../print.ts';
import { type Answer, type MatchModule, makeCondition } from './condition.ts';

const ELEMENTS: readonly string[] = ['--strict', '--reqid', '--spi', '--proto', '--mode', '--tunnel-src', '--tunnel-dst', '--next'];

export const policy: MatchModule = {
  name: 'policy',
  compile: (spec) => {
    const text = spec.options.map(printOption).join(' ');
    const value = (name: string): string | undefined => spec.options.find((option) => option.name === name)?.values[0];
    const direction = value('--dir');
    const wanted = value('--pol');
    const detailed = spec.options.some((option) => ELEMENTS.includes(option.name));
    return [
      makeCondition(text, false, `-m policy ${text}`, (skb, env): Answer => {
        if ((direction !== 'in' && direction !== 'out') || (wanted !== 'none' && wanted !== 'ipsec')) return `${text} is not understood`;
        const ipsec = env.ipsec === undefined ? false : env.ipsec(skb, direction);
        if (ipsec === null) return `whether IPsec ${direction === 'in' ? 'brought' : 'will carry'} the packet is not known`;
        if (!ipsec) return wanted === 'none';
        if (wanted === 'none') return false;
        return detailed ? 'which IPsec policy applies is not known' : true;
      }),
    ];
  },
};
