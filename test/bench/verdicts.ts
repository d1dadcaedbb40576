/** What the verdicts of many flows cost, each flow with another address or port than all others: in a fresh process, and in one that runs. */
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { ColdVerdicts } from './cold-verdicts.ts';
import type { Group } from './group.ts';
import { LAB_SNAPSHOT } from './hosts.ts';
import { most, timeRow } from './measure.ts';

const REPEATS = 5;

const KINDS = [
  { kind: 'outward', words: 'flows of a container to as many addresses', counts: [5_000, 100_000] },
  { kind: 'inward', words: 'flows from the internet to a published port', counts: [100_000] },
] as const;

export const verdicts: Group = {
  name: 'verdicts',
  title: 'verdicts of distinct flows on the lab host, after their first packets',
  run: async (report) => {
    for (const { kind, words, counts } of KINDS) {
      for (const count of counts) {
        const runs = Array.from({ length: REPEATS }, () => cold(kind, count));
        const sorted = (pick: (one: ColdVerdicts) => readonly number[]): { msPerCall: readonly number[] } => ({
          msPerCall: runs.flatMap(pick).sort((x, y) => x - y),
        });
        const name = `${count.toLocaleString('en-US')} ${words}`;
        const asked = runs[0]?.asked ?? 0;
        const note = `${asked} judged, ${((1 - asked / count) * 100).toFixed(2)} % shared`;
        if (kind === 'outward' && count === 5_000) {
          const facts = sorted(({ factsMs }) => [factsMs]);
          report(timeRow('the host read from its snapshot, fresh process', 'ms', facts));
        }
        const target = count === 5_000 ? most(60) : {};
        const first = sorted(({ coldMs }) => [coldMs]);
        report(timeRow(`${name}, fresh process`, 'ms', first, { ...target, note }));
        const warm = sorted(({ warmMs }) => warmMs);
        report(timeRow('the same, a flow, warm', 'µs', warm, most(3), count));
      }
    }
  },
};

const cold = (kind: string, count: number): ColdVerdicts => {
  const script = join(dirname(process.argv[1] ?? ''), 'cold-verdicts.js');
  return JSON.parse(execFileSync(process.execPath, [script, LAB_SNAPSHOT, kind, String(count)], { encoding: 'utf8' })) as ColdVerdicts;
};
