/** Damaged files and packets with a fresh seed, which is printed; `npm run fuzz -- --seed S` runs it again, and as many as one likes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readCorpus } from './corpus.ts';
import { runFuzz } from './run-cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'vethscope-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('takes any damaged file and packet without an exception, for less than a second each', { timeout: 120_000 }, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  process.stdout.write(`fuzz seed ${seed}\n`);
  const corpus = readCorpus(join(import.meta.dirname, '../..'));
  const failures = await runFuzz(corpus, { seed, files: 600, packets: 6000, sessionEvery: 20, folder }, () => {});
  expect(failures.map(({ kind, index, what }) => `seed ${seed}, ${kind} ${index}: ${what}`)).toEqual([]);
});
