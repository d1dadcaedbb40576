/**
 * The verdict against the kernel: random rulesets and packets with a fresh seed, which is printed, and the cases that once differed
 * (test/oracle/cases, each with the sentence of what was wrong). `npm run oracle -- --seed S` runs a seed again, and as many as one likes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeLab } from '../lab/root.ts';
import type { CasePlan } from './case.ts';
import { OraclePair, tell } from './oracle.ts';
import { differs, runSession } from './session.ts';

const CASES = join(import.meta.dirname, 'cases');
const MAIN = join(import.meta.dirname, '../../dist/main.js');

const kept = readdirSync(CASES)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(CASES, name), 'utf8')) as CasePlan & { readonly title: string });

describeLab('the verdict and the kernel', () => {
  let oracle: OraclePair;
  beforeAll(async () => {
    oracle = await OraclePair.open('t', MAIN);
  }, 60_000);
  afterAll(() => oracle?.close());

  it.each(kept.map((plan) => [plan.title, plan] as const))('%s', async (_title, plan) => {
    const result = await oracle.run(plan);
    if (result.kind === 'not-run') throw new Error(result.reason);
    const stories = result.packets.filter(differs).map((packet) => tell(packet, result.model));
    expect(stories.join('\n')).toBe('');
  });

  it('agree on random rulesets and packets', { timeout: 230_000 }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    process.stdout.write(`oracle seed ${seed}\n`);
    const tally = await runSession(oracle, { cases: 2000, seed, backend: null, family: null, packets: 24, shrinkMost: 2 });
    const stories = tally.failures.map((failure) => `${JSON.stringify(failure.plan)}\n${failure.story}`);
    expect(`${tally.differing} differ\n${stories.join('\n')}`, `seed ${seed}`).toBe('0 differ\n');
    expect(tally.undetermined / tally.cases, `undetermined, seed ${seed}`).toBeLessThan(0.02);
  });
});
