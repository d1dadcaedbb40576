/** `npm run oracle -- docker [20.10|26.1|28.5 ...] [--every N] [--daemon JSON]`: every pair of the lab's scene, kernel against judge. */
import { parseArgs } from 'node:util';
import type { LabEngine } from '../lab/lab.ts';
import { reachScene } from '../lab/scene-reach.ts';

const ENGINES: readonly LabEngine[] = ['20.10', '26.1', '28.5'];
const SHOWN = 20;

/** Gives the exit code: 1 where something differs. */
export const runDocker = async (argv: readonly string[], main: string): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { every: { type: 'string', default: '1' }, daemon: { type: 'string' } },
    allowPositionals: true,
  });
  let differing = 0;
  for (const engine of positionals.length === 0 ? ENGINES : (positionals as LabEngine[])) {
    const began = performance.now();
    const count = await reachScene(engine, main, {
      every: Number(values.every),
      ...(values.daemon === undefined ? {} : { daemon: JSON.parse(values.daemon) as Record<string, unknown> }),
    });
    differing += count.differing.length;
    for (const text of count.differing.slice(0, SHOWN)) process.stdout.write(`${text}\n`);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    process.stdout.write(
      `Docker ${engine}: ${count.conversations} conversations, ${count.passages} packets traced, ${count.steps} steps agree, ${count.differing.length} differ (${seconds} s)\n`,
    );
    for (const [reason, times] of count.undetermined) process.stdout.write(`  undetermined ${times}: ${reason}\n`);
  }
  return differing === 0 ? 0 : 1;
};
