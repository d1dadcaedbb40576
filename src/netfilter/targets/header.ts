/**
 * TTL, HL, TOS, DSCP, ECN: change the IP or TCP header. xt_HL.c, xt_DSCP.c, ipt_ECN.c. The packet's bytes are those of before, so whoever
 * reads them afterwards (u32, bpf) is told that they are not at hand.
 */
import { parseMasked, parseNumber } from '../matches/values.ts';
import { skbWith } from '../skb.ts';
import { changingTarget, findOption, inertTarget, type TargetModule } from './target.ts';

const hops = (name: 'TTL' | 'HL', prefix: string): TargetModule =>
  changingTarget(name, 'continue', (spec) => {
    const option = spec.options[0];
    const value = parseNumber(option?.values[0]);
    if (value === null || value > 255) return null;
    const change = {
      [`${prefix}-set`]: () => value,
      [`${prefix}-inc`]: (ttl: number) => Math.min(255, ttl + value),
      [`${prefix}-dec`]: (ttl: number) => Math.max(0, ttl - value),
    }[option?.name ?? ''];
    if (change === undefined) return null;
    const sets = option?.name === `${prefix}-set`;
    return (skb) => {
      if (skb.ttl === null && !sets) return null;
      const next = change(skb.ttl ?? 0);
      return next === skb.ttl ? null : { skb: skbWith(skb, { ttl: next, bytes: null }), note: `ttl ${skb.ttl ?? '?'} -> ${next}` };
    };
  });

export const ttl = hops('TTL', '--ttl');
export const hl = hops('HL', '--hl');

/** tos = (tos & ~mask) ^ value */
export const tos: TargetModule = changingTarget('TOS', 'continue', (spec) => {
  const option = spec.options[0];
  const number = parseNumber(option?.values[0]);
  let change: { readonly value: number; readonly mask: number } | null = null;
  if (option?.name === '--set-tos') change = parseMasked(option.values[0], 0xff);
  else if (option?.name === '--and-tos' && number !== null) change = { value: 0, mask: ~number & 0xff };
  else if (option?.name === '--or-tos' && number !== null) change = { value: number, mask: number };
  else if (option?.name === '--xor-tos' && number !== null) change = { value: number, mask: 0 };
  if (change === null) return null;
  const { value, mask } = change;
  return (skb) => {
    if (skb.tos === null && (mask & 0xff) !== 0xff) return null;
    const next = (((skb.tos ?? 0) & ~mask) ^ value) & 0xff;
    return next === skb.tos ? null : { skb: skbWith(skb, { tos: next, bytes: null }), note: `tos ${skb.tos ?? '?'} -> ${next}` };
  };
});

export const dscp: TargetModule = changingTarget('DSCP', 'continue', (spec) => {
  const value = parseNumber(findOption(spec, '--set-dscp')?.values[0]);
  if (value === null || value > 63) return null;
  return (skb) => {
    if (skb.tos === null) return null;
    const next = (skb.tos & 3) | (value << 2);
    return next === skb.tos ? null : { skb: skbWith(skb, { tos: next, bytes: null }), note: `dscp ${skb.tos >> 2} -> ${value}` };
  };
});

/** It clears ECE and CWR, which no flag of -m tcp names. */
export const ecn: TargetModule = inertTarget('ECN', 'continue');
