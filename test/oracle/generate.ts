/** Random cases: rules of one family, of one backend or both, and packets for them. */
import type { CasePlan } from './case.ts';
import { randomRuleset, SETS4, SETS6 } from './grammar.ts';
import { randomNative } from './native-grammar.ts';
import { Random } from './random.ts';
import { randomFollows, randomPackets } from './traffic.ts';

export interface Wanted {
  readonly backend: 'nft' | 'legacy' | 'nftables' | null;
  readonly family: 4 | 6 | null;
  readonly packets: number;
}

export const randomCase = (seed: number, wanted: Wanted): CasePlan => {
  const random = new Random(seed);
  const family = wanted.family ?? (random.chance(0.6) ? 4 : 6);
  const backend = wanted.backend ?? random.of(['nft', 'legacy', 'nftables'] as const);
  const rulesets = backend === 'nftables' ? [] : [randomRuleset(random, backend, family)];
  const native = backend === 'nftables' || (wanted.backend === null && random.chance(0.05)) ? randomNative(random, family) : [];
  if (wanted.backend === null && backend !== 'nftables' && random.chance(0.06))
    rulesets.push(randomRuleset(random, backend === 'nft' ? 'legacy' : 'nft', family));
  // `ip6 nexthdr` of nft sees an extension header, of which a question can say nothing.
  const packets = randomPackets(random, family, wanted.packets).map((packet) =>
    native.length > 0 ? { ...packet, options: false } : packet,
  );
  return { family, sets: family === 4 ? SETS4 : SETS6, rulesets, native, packets, follows: randomFollows(random, packets) };
};
