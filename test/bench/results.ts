/** Results on the terminal, in results.json, and whether the README still says what was measured. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Machine } from './machine.ts';
import { type Row, reached } from './measure.ts';

const RESULTS = 'test/bench/results.json';

export interface GroupResult {
  readonly date: string;
  readonly machine: Machine;
  /** The load of the minute before and after; above 1 others were at work. */
  readonly load: readonly [before: number, after: number];
  readonly rows: readonly Row[];
}

/** `0.123`, `12.3`, `1,234`: three figures are all that is meant. */
export const figure = (value: number): string => {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toPrecision(2);
};

const HEAD = ['', 'median', 'best', 'worst', 'unit', 'target', '', 'against'];

export const tableOf = (rows: readonly Row[]): string => {
  const cells = rows.map((row) => [
    row.name,
    figure(row.median),
    figure(row.best),
    figure(row.worst),
    row.unit,
    row.target === undefined ? '' : `${row.target.kind === 'most' ? '<' : '>'} ${figure(row.target.value)}`,
    { true: 'ok', false: 'MISSED', null: '' }[String(reached(row))] ?? '',
    [row.against === undefined ? '' : `${figure(row.against.ratio)} x ${row.against.program}`, row.note ?? ''].filter(Boolean).join(', '),
  ]);
  const lines = [HEAD, ...cells];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const isNumber = (column: number): boolean => column >= 1 && column <= 3;
  return lines
    .map((line) =>
      line
        .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

export const keep = (results: Readonly<Record<string, GroupResult>>): void => {
  const known = existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Record<string, GroupResult>) : {};
  const rounded = JSON.stringify(
    { ...known, ...results },
    (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value),
    2,
  );
  writeFileSync(RESULTS, `${rounded}\n`);
};

/**
 * Lines of the README such as `| one packet through 5,000 rules | 0.12 ms |`: the first cell is the name of a row, the second its best
 * repeat, to which other work on the machine has added least.
 */
export const readmeChanges = (rows: readonly Row[]): readonly { readonly line: number; readonly old: string; readonly now: string }[] =>
  readFileSync('README.md', 'utf8')
    .split('\n')
    .flatMap((old, index) => {
      const cells = /^\| (.+?) +\| (.+?) +\|(.*)$/.exec(old);
      const row = rows.find(({ name }) => name === cells?.[1]);
      if (cells === null || row === undefined) return [];
      const now = `| ${cells[1]} | ${figure(row.best)} ${row.unit} |${cells[3]}`;
      return now === old ? [] : [{ line: index + 1, old, now }];
    });
