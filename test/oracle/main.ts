/** `npm run oracle -- --cases N --seed S [--backend nft|legacy|nftables] [--family 4|6] [--out DIR]`: random rules and packets, kernel against judge. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { saveText } from './case.ts';
import { runDocker } from './docker.ts';
import type { Wanted } from './generate.ts';
import { runGenerations } from './generations.ts';
import { OraclePair } from './oracle.ts';
import { runSession } from './session.ts';

const root = join(import.meta.dirname, '../..');
const program = join(root, 'src/main.js');

const [command, ...rest] = process.argv.slice(2);
if (command === 'docker') process.exit(await runDocker(rest, program));
if (command === 'generations') process.exit(await runGenerations(rest, program));

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '2000' },
    seed: { type: 'string' },
    backend: { type: 'string' },
    family: { type: 'string' },
    packets: { type: 'string', default: '24' },
    shrink: { type: 'string', default: '5' },
    out: { type: 'string', default: '.programs/oracle' },
  },
});

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const oracle = await OraclePair.open('m', program);
const stop = (): void => {
  void oracle.close().then(() => process.exit(130));
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
say(`seed ${seed}`);
const began = performance.now();
try {
  const tally = await runSession(oracle, {
    cases: Number(values.cases),
    seed,
    backend: (values.backend ?? null) as Wanted['backend'],
    family: values.family === undefined ? null : values.family === '6' ? 6 : 4,
    packets: Number(values.packets),
    shrinkMost: Number(values.shrink),
    onFailure: (failure) => {
      mkdirSync(values.out, { recursive: true });
      const file = join(values.out, `${failure.seed}.json`);
      writeFileSync(file, `${JSON.stringify(failure.plan, null, 1)}\n`);
      say(`${file}\n${failure.plan.rulesets.map((ruleset) => `${ruleset.backend}\n${saveText(ruleset)}`).join('')}${failure.story}`);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  say(
    `${tally.cases} cases in ${tally.rulesets} rulesets, ${seconds.toFixed(1)} s (${(tally.cases / seconds).toFixed(0)} a second): ` +
      `${tally.differing} differ, ${tally.undetermined} undetermined (${((tally.undetermined / tally.cases) * 100).toFixed(2)} %), ${tally.notRun} rulesets not run`,
  );
  for (const [title, counts] of [
    ['undetermined', tally.reasons],
    ['not run', tally.notRunReasons],
  ] as const) {
    for (const [text, times] of [...counts].sort((x, y) => y[1] - x[1]).slice(0, 15)) say(`${title} ${times}: ${text}`);
  }
  if (tally.differing > 0) process.exitCode = 1;
} finally {
  await oracle.close();
}
