/** Outcomes that differ in nothing but what was assumed are one: what is unknown then makes no difference. */

import { sameIp } from '../base/ip-address.ts';
import type { HookOutcome, NatAction } from './evaluation.ts';
import type { CtView, Skb } from './skb.ts';

export const mergeOutcomes = (outcomes: readonly HookOutcome[]): readonly HookOutcome[] => {
  const merged: HookOutcome[] = [];
  for (const outcome of outcomes) {
    const at = merged.findIndex((other) => sameOutcome(other, outcome));
    if (at < 0) merged.push(outcome);
    else merged[at] = joined(merged[at] as HookOutcome, outcome);
  }
  const [only] = merged;
  // Every way ends here, so the end rests on none of the assumptions; `unknown` keeps its reasons.
  if (merged.length === 1 && only !== undefined && only.verdict !== 'unknown') return [{ ...only, assumptions: [] }];
  return merged;
};

/** The first world, where more rules matched, keeps its steps. Assumptions that contradict each other cancel out. */
const joined = (first: HookOutcome, second: HookOutcome): HookOutcome => {
  const kept = first.assumptions.filter((text) => !second.assumptions.includes(opposite(text)));
  const added = second.assumptions.filter((text) => !first.assumptions.includes(opposite(text)) && !kept.includes(text));
  return { ...first, assumptions: [...kept, ...added] };
};

const opposite = (assumption: string): string =>
  assumption.includes(') matches: ')
    ? assumption.replace(') matches: ', ') does not match: ')
    : assumption.replace(') does not match: ', ') matches: ');

const sameOutcome = (x: HookOutcome, y: HookOutcome): boolean =>
  x.verdict === y.verdict && x.decided === y.decided && x.rejectWith === y.rejectWith && sameNat(x.nat, y.nat) && sameSkb(x.skb, y.skb);

const sameNat = (x: NatAction | null, y: NatAction | null): boolean => {
  if (x === null || y === null) return x === y;
  const sameAddress = x.address === null || y.address === null ? x.address === y.address : sameIp(x.address, y.address);
  return sameAddress && x.kind === y.kind && x.port === y.port && x.by === y.by;
};

/** Targets and nft's statements change these and nothing else. */
const sameSkb = (x: Skb, y: Skb): boolean =>
  x === y ||
  (x.mark === y.mark &&
    x.markUnknown === y.markUnknown &&
    x.ttl === y.ttl &&
    x.tos === y.tos &&
    x.srcPort === y.srcPort &&
    x.dstPort === y.dstPort &&
    x.packetType === y.packetType &&
    sameIp(x.src, y.src) &&
    sameIp(x.dst, y.dst) &&
    sameCt(x.ct, y.ct));

const sameCt = (x: CtView, y: CtView): boolean => x === y || (x.state === y.state && x.mark === y.mark && x.zone === y.zone);
