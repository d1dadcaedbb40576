/** MARK: bits of the packet's mark. mark_tg in xt_mark.c; iptables-save always prints --set-xmark. */
import { parseMasked, parseNumber } from '../matches/values.ts';
import type { TargetSpec } from '../ruleset.ts';
import { skbWith } from '../skb.ts';
import { changingTarget, hex, type TargetModule } from './target.ts';

export interface MarkChange {
  readonly value: number;
  readonly mask: number;
}

/** mark = (mark & ~mask) ^ value, whichever way it was written. */
export const markChange = (spec: TargetSpec): MarkChange | null => {
  const option = spec.options[0];
  const number = parseNumber(option?.values[0]);
  switch (option?.name) {
    case '--set-xmark':
      return parseMasked(option.values[0]);
    case '--set-mark': {
      const masked = parseMasked(option.values[0]);
      return masked === null ? null : { value: masked.value, mask: (masked.mask | masked.value) >>> 0 };
    }
    case '--or-mark':
      return number === null ? null : { value: number, mask: number };
    case '--and-mark':
      return number === null ? null : { value: 0, mask: ~number >>> 0 };
    case '--xor-mark':
      return number === null ? null : { value: number, mask: 0 };
    default:
      return null;
  }
};

export const changeMark = (mark: number, { value, mask }: MarkChange): number => ((mark & ~mask) ^ value) >>> 0;

export const mark: TargetModule = changingTarget('MARK', 'mark', (spec) => {
  const change = markChange(spec);
  if (change === null) return null;
  return (skb) => {
    const next = changeMark(skb.mark, change);
    if (skb.markUnknown === undefined)
      return next === skb.mark ? null : { skb: skbWith(skb, { mark: next }), note: `mark ${hex(skb.mark)} -> ${hex(next)}` };
    if (change.mask !== 0xffff_ffff) return null;
    const { markUnknown: _, ...known } = skb;
    return { skb: { ...known, mark: next }, note: `mark -> ${hex(next)}` };
  };
});

/** HMARK: a hash over addresses and ports decides. xt_HMARK.c */
export const hmark: TargetModule = changingTarget('HMARK', 'mark', () => (skb) => ({
  skb: skbWith(skb, { markUnknown: 'HMARK has set the mark to a hash value' }),
  note: 'mark -> a hash value',
}));
