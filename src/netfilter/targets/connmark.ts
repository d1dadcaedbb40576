/** CONNMARK: the connection's mark, and copies between it and the packet's. connmark_tg in xt_connmark.c. */
import { parseNumber } from '../matches/values.ts';
import type { TargetSpec } from '../ruleset.ts';
import { ctWith, skbWith } from '../skb.ts';
import { changeMark, markChange } from './mark.ts';
import { changingTarget, findOption, hex, type TargetModule } from './target.ts';

interface CopyMasks {
  readonly nfMask: number;
  readonly ctMask: number;
}

/** `--mask` is the older way to give both. */
const copyMasks = (spec: TargetSpec): CopyMasks | null => {
  const one = findOption(spec, '--mask');
  const nf = findOption(spec, '--nfmask') ?? one;
  const ct = findOption(spec, '--ctmask') ?? one;
  const nfMask = nf === undefined ? 0xffff_ffff : parseNumber(nf.values[0]);
  const ctMask = ct === undefined ? 0xffff_ffff : parseNumber(ct.values[0]);
  return nfMask === null || ctMask === null ? null : { nfMask, ctMask };
};

/** Shifts and whatever else may come are not understood. */
const KNOWN: readonly string[] = [
  '--save-mark',
  '--restore-mark',
  '--mask',
  '--nfmask',
  '--ctmask',
  '--set-xmark',
  '--set-mark',
  '--and-mark',
  '--or-mark',
  '--xor-mark',
];

/** Packets without a connection pass through unchanged. */
export const connmark: TargetModule = changingTarget('CONNMARK', 'mark', (spec) => {
  const hasConnection = (state: string): boolean => state !== 'INVALID' && state !== 'UNTRACKED';
  if (spec.options.some((option) => !KNOWN.includes(option.name))) return null;
  if (spec.options.some((option) => option.name === '--save-mark')) {
    const masks = copyMasks(spec);
    if (masks === null) return null;
    return (skb) => {
      if (!hasConnection(skb.ct.state)) return null;
      const known = skb.ct.mark !== null && skb.markUnknown === undefined;
      const mark = known ? (((skb.ct.mark as number) & ~masks.ctMask) ^ (skb.mark & masks.nfMask)) >>> 0 : null;
      if (mark === skb.ct.mark) return null;
      return {
        skb: skbWith(skb, { ct: ctWith(skb.ct, { mark }) }),
        note: mark === null ? 'connection mark -> unknown' : `connection mark -> ${hex(mark)}`,
      };
    };
  }
  if (spec.options.some((option) => option.name === '--restore-mark')) {
    const masks = copyMasks(spec);
    if (masks === null) return null;
    return (skb) => {
      if (!hasConnection(skb.ct.state)) return null;
      if (skb.ct.mark === null)
        return { skb: skbWith(skb, { markUnknown: "the connection's mark, which was copied, is not known" }), note: 'mark -> unknown' };
      const mark = ((skb.mark & ~masks.nfMask) ^ (skb.ct.mark & masks.ctMask)) >>> 0;
      if (skb.markUnknown !== undefined) {
        if (masks.nfMask !== 0xffff_ffff) return null;
        const { markUnknown: _, ...known } = skb;
        return { skb: { ...known, mark }, note: `mark -> ${hex(mark)}` };
      }
      return mark === skb.mark ? null : { skb: skbWith(skb, { mark }), note: `mark ${hex(skb.mark)} -> ${hex(mark)}` };
    };
  }
  const change = markChange(spec);
  if (change === null) return null;
  return (skb) => {
    if (!hasConnection(skb.ct.state)) return null;
    if (skb.ct.mark === null && change.mask !== 0xffff_ffff) return null;
    const mark = changeMark(skb.ct.mark ?? 0, change);
    return mark === skb.ct.mark ? null : { skb: skbWith(skb, { ct: ctWith(skb.ct, { mark }) }), note: `connection mark -> ${hex(mark)}` };
  };
});
