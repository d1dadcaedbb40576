/** Many random cases in a row, counted: what `npm run oracle` and the test of CI both do. */
import type { CasePlan } from './case.ts';
import { randomCase, type Wanted } from './generate.ts';
import { type OraclePair, type PacketResult, tell } from './oracle.ts';
import { shrink } from './shrink.ts';

export interface Failure {
  readonly seed: number;
  /** Made as small as could be. */
  readonly plan: CasePlan;
  /** Both stories. */
  readonly story: string;
}

export interface Tally {
  cases: number;
  rulesets: number;
  differing: number;
  undetermined: number;
  /** Not loaded by iptables or nft, or not told to its end by the kernel. */
  notRun: number;
  readonly reasons: Map<string, number>;
  readonly notRunReasons: Map<string, number>;
  readonly failures: Failure[];
}

export interface SessionOptions extends Wanted {
  readonly cases: number;
  readonly seed: number;
  /** How many differing rulesets are shrunk; the rest is counted. */
  readonly shrinkMost: number;
  readonly onFailure?: (failure: Failure) => void;
}

/** The seed of a session's n-th ruleset: a prime step keeps the rulesets of neighbouring seeds apart. */
const seedOf = (seed: number, round: number): number => (seed + round * 7919) >>> 0;

export const runSession = async (oracle: OraclePair, options: SessionOptions): Promise<Tally> => {
  const tally: Tally = {
    cases: 0,
    rulesets: 0,
    differing: 0,
    undetermined: 0,
    notRun: 0,
    reasons: new Map(),
    notRunReasons: new Map(),
    failures: [],
  };
  for (let round = 0; tally.cases < options.cases; round++) {
    const seed = seedOf(options.seed, round);
    const plan = randomCase(seed, options);
    const result = await oracle.run(plan);
    if (result.kind === 'not-run') {
      tally.notRun++;
      add(tally.notRunReasons, result.reason);
      if (tally.notRun > 20 && tally.notRun > tally.rulesets) throw new Error(`most rulesets do not run: ${result.reason}`);
      continue;
    }
    tally.rulesets++;
    for (const packet of result.packets) {
      tally.cases++;
      if (packet.verdict.outcome !== 'undetermined') continue;
      tally.undetermined++;
      add(tally.reasons, packet.verdict.unknowns.join('; ').replaceAll(/\d+/g, 'N'));
    }
    const differing = result.packets.filter(differs);
    tally.differing += differing.length;
    if (differing.length === 0 || tally.failures.length >= options.shrinkMost) continue;
    const failure = await explain(oracle, seed, plan);
    tally.failures.push(failure);
    options.onFailure?.(failure);
  }
  return tally;
};

const add = (counts: Map<string, number>, text: string): void => {
  const short = text.slice(0, 240);
  counts.set(short, (counts.get(short) ?? 0) + 1);
};

export const differs = (packet: PacketResult): boolean => packet.differences.length > 0;

/** The smallest case that still differs, with both stories. */
const explain = async (oracle: OraclePair, seed: number, plan: CasePlan): Promise<Failure> => {
  const { plan: smallest } = await shrink(plan, async (smaller) => {
    const result = await oracle.run(smaller);
    return result.kind === 'ran' && result.packets.some(differs);
  });
  const result = await oracle.run(smallest);
  const story =
    result.kind === 'ran'
      ? result.packets
          .filter(differs)
          .map((packet) => tell(packet, result.model))
          .join('\n')
      : result.reason;
  return { seed, plan: smallest, story: story === '' ? 'it did not differ when run once more' : story };
};
