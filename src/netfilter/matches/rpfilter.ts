/** -m rpfilter: does the route back to the source leave by the input device? xt ipt_rpfilter.c, ip6t_rpfilter.c. */
import { printOption } from '../print.ts';
import { type Answer, badValue, type MatchModule, makeCondition, optionCondition } from './condition.ts';

const FLAGS: readonly string[] = ['--loose', '--validmark', '--accept-local', '--invert'];

export const rpfilter: MatchModule = {
  name: 'rpfilter',
  compile: (spec) => {
    const has = (name: string): boolean => spec.options.some((option) => option.name === name);
    const unknown = spec.options.filter((option) => !FLAGS.includes(option.name));
    const options = { loose: has('--loose'), validMark: has('--validmark'), acceptLocal: has('--accept-local') };
    const invert = has('--invert');
    const text = ['-m rpfilter', ...spec.options.map(printOption)].join(' ');
    return [
      makeCondition(text, false, text, (skb, env): Answer => {
        if (skb.inDev === 'lo' || skb.packetType === 'loopback') return !invert;
        const back = env.reversePath(skb, options);
        return back === null ? 'the route back to the source is not known' : back !== invert;
      }),
      ...unknown.map((option) => optionCondition('rpfilter', option, () => badValue(option))),
    ];
  },
};
