/**
 * `npm run bench -- [--no-save] [GROUP…]`: measures, prints a table for each group, keeps it in test/bench/results.json and says
 * which figures of the README are no longer those. A group is one file and one line in GROUPS.
 */

import { frames } from './frames.ts';
import type { Group } from './group.ts';
import { live } from './live.ts';
import { describeMachine, load, thisMachine } from './machine.ts';
import { type Row, reached } from './measure.ts';
import { netfilter } from './netfilter.ts';
import { read } from './read.ts';
import { type GroupResult, keep, readmeChanges, tableOf } from './results.ts';
import { start } from './start.ts';
import { trail } from './trail.ts';
import { verdicts } from './verdicts.ts';

const GROUPS: readonly Group[] = [netfilter, read, start, trail, verdicts, frames, live];

const words = process.argv.slice(2);
const names = words.filter((word) => word !== '--no-save');
const unknown = names.filter((name) => GROUPS.every((group) => group.name !== name));

const measure = async (groups: readonly Group[]): Promise<boolean> => {
  const machine = thisMachine();
  process.stdout.write(`${describeMachine(machine)}\n`);
  const results: Record<string, GroupResult> = {};
  const all: Row[] = [];
  for (const group of groups) {
    const before = load();
    const rows: Row[] = [];
    process.stdout.write(`\n${group.name}: ${group.title}\n`);
    await group.run((row) => {
      rows.push(row);
      process.stderr.write('.');
    });
    process.stderr.write('\n');
    const after = load();
    process.stdout.write(`${tableOf(rows)}\nload of the machine: ${before} before, ${after} after\n`);
    results[group.name] = { date: new Date().toISOString(), machine, load: [before, after], rows };
    all.push(...rows);
  }
  if (!words.includes('--no-save')) keep(results);
  const changes = readmeChanges(all);
  for (const { line, old, now } of changes) process.stdout.write(`\nREADME.md line ${line}\n  has: ${old}\n  now: ${now}\n`);
  const missed = all.filter((row) => reached(row) === false);
  process.stdout.write(missed.length === 0 ? '\nall targets reached\n' : `\nmissed: ${missed.map(({ name }) => name).join('; ')}\n`);
  return missed.length === 0;
};

if (unknown.length > 0) {
  process.stderr.write(`no group ${unknown.join(', ')}; there are: ${GROUPS.map(({ name }) => name).join(', ')}\n`);
  process.exitCode = 2;
} else if (!(await measure(names.length === 0 ? GROUPS : GROUPS.filter(({ name }) => names.includes(name))))) {
  process.exitCode = 1;
}
