/** `npm run oracle -- --cases N --seed S [--backend nft|legacy|nftables] [--family 4|6]`: random rules and packets, kernel against judge. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runDocker } from './docker.ts';
import { randomCase } from './generate.ts';
import { OraclePair, tell } from './oracle.ts';

if (process.argv[2] === 'docker') process.exit(await runDocker(process.argv.slice(3), '.programs/src/main.js'));

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '2000' },
    seed: { type: 'string' },
    backend: { type: 'string' },
    family: { type: 'string' },
    packets: { type: 'string', default: '24' },
    keep: { type: 'string', default: '/tmp' },
  },
});

const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const oracle = await OraclePair.open('m', process.env['ORACLE_MAIN'] ?? '.programs/src/main.js');
const stop = (): void => {
  void oracle.close().then(() => process.exit(130));
};
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
let count = 0;
let undetermined = 0;
let differing = 0;
const reasons = new Map<string, number>();
const failures = new Map<string, number>();
const began = performance.now();
process.stdout.write(`seed ${seed}\n`);
mkdirSync(values.keep, { recursive: true });
for (let round = 0; count < Number(values.cases); round++) {
  const plan = randomCase((seed + round * 7919) >>> 0, {
    backend: (values.backend ?? null) as 'nft' | 'legacy' | 'nftables' | null,
    family: values.family === undefined ? null : values.family === '6' ? 6 : 4,
    packets: Number(values.packets),
  });
  const result = await oracle.run(plan);
  if (result.kind === 'not-run') {
    const text = result.reason.slice(0, 300);
    failures.set(text, (failures.get(text) ?? 0) + 1);
    continue;
  }
  for (const packet of result.packets) {
    count++;
    if (packet.verdict.outcome === 'undetermined') {
      undetermined++;
      const text = packet.verdict.unknowns.join(' | ').replaceAll(/\d+/g, 'N').slice(0, 200);
      reasons.set(text, (reasons.get(text) ?? 0) + 1);
    }
    if (packet.differences.length > 0) {
      differing++;
      if (differing <= 40)
        process.stdout.write(
          `round ${round} family ${plan.family} ${plan.rulesets.map(({ backend }) => backend).join('+')}\n${tell(packet, result.model)}\n`,
        );
      writeFileSync(`${values.keep}/case-${seed}-${round}.json`, JSON.stringify(plan));
    }
  }
}
await oracle.close();
const seconds = (performance.now() - began) / 1000;
process.stdout.write(
  `${count} cases in ${seconds.toFixed(1)} s (${(count / seconds).toFixed(0)} a second), ${differing} differ, ${undetermined} undetermined\n`,
);
for (const [title, map] of [
  ['undetermined', reasons],
  ['not run', failures],
] as const)
  for (const [text, times] of [...map].sort((x, y) => y[1] - x[1]).slice(0, 15)) process.stdout.write(`${title} ${times}: ${text}\n`);
