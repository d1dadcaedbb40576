/** -m multiport: lists of ports and ranges. multiport_mt in xt_multiport.c. */
import { hasPorts } from '../protocols.ts';
import type { RuleOption } from '../ruleset.ts';
import type { Skb } from '../skb.ts';
import { type Ask, badValue, NEVER, notKnown, optionMatch } from './condition.ts';
import { inRange, type NumberRange, parseRange } from './values.ts';

const PORTS_UNKNOWN = notKnown('ports');

const listAsk = (option: RuleOption, pick: (skb: Skb, ranges: readonly NumberRange[]) => boolean | null): Ask | string => {
  const ranges: NumberRange[] = [];
  for (const part of (option.values[0] ?? '').split(',')) {
    const range = parseRange(part, 0xffff);
    if (range === null) return badValue(option);
    ranges.push(range);
  }
  return (skb) => {
    if (skb.fragmentOffset !== 0 || !hasPorts(skb.protocol)) return NEVER;
    return pick(skb, ranges) ?? PORTS_UNKNOWN;
  };
};

const listed = (port: number | null, ranges: readonly NumberRange[]): boolean | null => {
  if (port === null) return null;
  for (const range of ranges) if (inRange(port, range)) return true;
  return false;
};

/** Either port will do; one that is known to be listed settles it. */
const eitherListed = (skb: Skb, ranges: readonly NumberRange[]): boolean | null => {
  const source = listed(skb.srcPort, ranges);
  const destination = listed(skb.dstPort, ranges);
  if (source === true || destination === true) return true;
  return source === null || destination === null ? null : false;
};

export const multiport = optionMatch('multiport', {
  '--sports': (option) => listAsk(option, (skb, ranges) => listed(skb.srcPort, ranges)),
  '--dports': (option) => listAsk(option, (skb, ranges) => listed(skb.dstPort, ranges)),
  '--ports': (option) => listAsk(option, eitherListed),
});
