/** -m ttl and -m hl: time to live, hop limit. xt_hl.c. */
import type { RuleOption } from '../ruleset.ts';
import { type Ask, badValue, type MatchModule, notKnown, optionMatch } from './condition.ts';
import { parseNumber } from './values.ts';

const TTL_UNKNOWN = notKnown('TTL');

const compare = (option: RuleOption, holds: (ttl: number, wanted: number) => boolean): Ask | string => {
  const wanted = parseNumber(option.values[0]);
  if (wanted === null) return badValue(option);
  return (skb) => (skb.ttl === null ? TTL_UNKNOWN : holds(skb.ttl, wanted));
};

const hopsMatch = (name: string): MatchModule =>
  optionMatch(name, {
    [`--${name}-eq`]: (option) => compare(option, (ttl, wanted) => ttl === wanted),
    [`--${name}-lt`]: (option) => compare(option, (ttl, wanted) => ttl < wanted),
    [`--${name}-gt`]: (option) => compare(option, (ttl, wanted) => ttl > wanted),
  });

export const ttl = hopsMatch('ttl');
export const hl = hopsMatch('hl');
