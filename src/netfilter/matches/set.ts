/** -m set: is the packet in an ipset? xt_set.c; iptables-extensions(8), ipset(8). */
import { printOption } from '../print.ts';
import type { Directions } from '../sets/set-index.ts';
import { badValue, type MatchModule, makeCondition, optionCondition } from './condition.ts';

/** These only say what is counted in the set. */
const SILENT: readonly string[] = ['--update-counters', '--update-subcounters', '--return-nomatch'];

export const set: MatchModule = {
  name: 'set',
  compile: (spec, { sets }) => {
    const returnNomatch = spec.options.some((option) => option.name === '--return-nomatch');
    return spec.options.flatMap((option) => {
      if (SILENT.includes(option.name)) return [];
      if (option.name !== '--match-set') {
        const text = printOption(option);
        return [makeCondition(text, false, null, () => `the counters in the set, which ${text} asks for, are not known`)];
      }
      const [name, list] = option.values;
      const directions = (list ?? '').split(',');
      if (name === undefined || directions.some((direction) => direction !== 'src' && direction !== 'dst')) {
        return [optionCondition('set', option, () => badValue(option))];
      }
      return [optionCondition('set', option, (skb, env) => sets.contains(name, directions as Directions, skb, env, returnNomatch))];
    });
  },
};
