/** `npm run oracle -- generations [--every N]`: Docker's rules of every generation, kernel against judge. */
import { parseArgs } from 'node:util';
import { GENERATIONS, type Generation } from '../lab/docker-generations.ts';
import { GenerationWorld } from '../lab/generation-world.ts';

const SHOWN = 20;

/** Gives the exit code: 1 where something differs. */
export const runGenerations = async (argv: readonly string[], main: string): Promise<number> => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { every: { type: 'string', default: '1' } },
    allowPositionals: true,
  });
  const world = GenerationWorld.open(main);
  let differing = 0;
  try {
    for (const generation of positionals.length === 0 ? GENERATIONS : (positionals as Generation[])) {
      const began = performance.now();
      const count = await world.reach(generation, Number(values.every));
      differing += count.differing.length;
      for (const text of count.differing.slice(0, SHOWN)) process.stdout.write(`${text}\n`);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      process.stdout.write(
        `rules of Docker ${generation}: ${count.conversations} conversations, ${count.passages} packets traced, ${count.steps} steps agree, ${count.differing.length} differ (${seconds} s)\n`,
      );
      for (const [reason, times] of count.undetermined) process.stdout.write(`  undetermined ${times}: ${reason}\n`);
    }
  } finally {
    world.close();
  }
  return differing === 0 ? 0 : 1;
};
