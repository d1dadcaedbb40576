/** Who can reach whom, for people: a table a protocol, who sends down the side, who is called across, and beneath it what decides. */
import { printable } from '../base/printable.ts';
import type { Matrix, MatrixCell } from '../path/matrix.ts';
import { byPort } from '../path/matrix.ts';
import type { DecidedBy, VerdictOutcome } from '../path/verdict.ts';
import { decidedByWords } from './decision.ts';
import { foldGlyphs, glyphsOf, type Style, type Tone, tint } from './style.ts';
import { cutEnd, displayWidth, padEnd } from './width.ts';
import { wrapWords } from './wrap.ts';

/** One reason beneath the tables: what decided, and its whole text. */
interface Reason {
  readonly words: string;
  readonly text: string;
}

interface Shown {
  readonly text: string;
  readonly tone: Tone;
}

const GAP = 2;
/** Longer names are cut in the head of a table; the legend has them whole. */
const NAME_COLUMNS_MAX = 20;
/** For pipes: what a person's terminal may well have. */
const DEFAULT_COLUMNS = 100;

export const matrixText = (matrix: Matrix, style: Style, columns: number | null): string[] => {
  const width = columns ?? DEFAULT_COLUMNS;
  const reasons = new Map<string, number>();
  const texts: Reason[] = [];
  const keyOf = (by: DecidedBy, unknowns: readonly string[]): number => {
    const words = decidedByWords(by);
    const text = by.kind === 'rule' ? by.text : unknowns.join('; ');
    const key = `${words}\n${text}`;
    const known = reasons.get(key);
    if (known !== undefined) return known;
    texts.push({ words, text });
    reasons.set(key, texts.length);
    return texts.length;
  };
  const cells = new Map(matrix.cells.map((cell) => [`${cell.proto}\n${cell.from}\n${cell.to}`, cell]));
  const protos = [...new Set(matrix.cells.map((cell) => cell.proto))].sort(
    (x, y) => Number(y === 'icmp') - Number(x === 'icmp') || byPort(x, y),
  );
  const lines: string[] = [];
  for (const proto of protos) {
    const to = matrix.to.filter((name) => matrix.from.some((from) => cells.has(`${proto}\n${from}\n${name}`)));
    const rows = matrix.from.filter((from) => to.some((name) => cells.has(`${proto}\n${from}\n${name}`)));
    const shown = (from: string, name: string, whole: boolean): Shown => {
      const cell = cells.get(`${proto}\n${from}\n${name}`);
      return cell === undefined ? { text: glyphsOf(style).dot, tone: 'dim' } : cellWords(cell, whole, keyOf);
    };
    const whole = columnBlocks(rows, to, width, (from, name) => shown(from, name, true).text);
    const isWhole = whole.length === 1;
    const blocks = isWhole ? whole : columnBlocks(rows, to, width, (from, name) => shown(from, name, false).text);
    for (const block of blocks) {
      const part = blocks.length === 1 ? '' : ` (${block[0]} to ${block.at(-1)})`;
      lines.push(tint(style, 'strong', printable(`${proto}${part}`)));
      lines.push(...tableOf(rows, block, (from, name) => shown(from, name, isWhole), style), '');
    }
  }
  lines.push(...legend(texts, width), ...matrix.left.map((text) => printable(`not in it: ${text}`)));
  return lines.map((line) => foldGlyphs(style, line));
};

/** `accept filter DOCKER #3 [1]`, `accept, no reply: raw PREROUTING #2 [4]`; short: `accept [1]`. */
const cellWords = (cell: MatrixCell, whole: boolean, keyOf: (by: DecidedBy, unknowns: readonly string[]) => number): Shown => {
  const { verdict, reply } = cell;
  const lost = verdict.outcome === 'accept' && reply !== null && reply.outcome !== 'accept' ? reply : null;
  const decider = lost ?? verdict;
  const word = lost === null ? verdict.outcome : lost.outcome === 'undetermined' ? 'accept, reply unsure' : 'accept, no reply';
  const reference = whole ? `${lost === null ? '' : ':'} ${shortReference(decider.decidedBy)}` : '';
  return {
    text: printable(`${word}${reference} [${keyOf(decider.decidedBy, decider.unknowns)}]`),
    tone: lost === null ? TONES[verdict.outcome] : 'warn',
  };
};

const TONES: Readonly<Record<VerdictOutcome, Tone>> = { accept: 'good', drop: 'bad', reject: 'bad', undetermined: 'warn' };

/** `raw PREROUTING #3`; what is no rule is told by its kind, and in full beneath. */
const shortReference = (by: DecidedBy): string => (by.kind === 'rule' || by.kind === 'policy' ? decidedByWords(by) : by.kind);

/** The receivers in blocks that fit beside the senders' names; one at least in each. */
const columnBlocks = (
  rows: readonly string[],
  to: readonly string[],
  width: number,
  textOf: (from: string, to: string) => string,
): readonly (readonly string[])[] => {
  const lead = leadOf(rows);
  const blocks: string[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const name of to) {
    const needed = GAP + columnWidth(rows, name, textOf);
    if (used + needed > width) {
      blocks.push([]);
      used = lead;
    }
    blocks.at(-1)?.push(name);
    used += needed;
  }
  return blocks;
};

const leadOf = (rows: readonly string[]): number => 1 + Math.max(...rows.map((name) => displayWidth(shortName(name))), 4);

const columnWidth = (rows: readonly string[], name: string, textOf: (from: string, to: string) => string): number =>
  Math.max(displayWidth(shortName(name)) + 2, ...rows.map((from) => displayWidth(textOf(from, name))));

const shortName = (name: string): string => cutEnd(printable(name), NAME_COLUMNS_MAX);

const tableOf = (
  rows: readonly string[],
  block: readonly string[],
  cellOf: (from: string, to: string) => Shown,
  style: Style,
): string[] => {
  const lead = leadOf(rows);
  const gap = ' '.repeat(GAP);
  const { arrow } = glyphsOf(style);
  const widths = block.map((name) => columnWidth(rows, name, (from, to) => cellOf(from, to).text));
  const head = block.map((name, column) => padEnd(`${arrow} ${shortName(name)}`, widths[column] ?? 0));
  const lines = [`${padEnd(' from', lead)}${gap}${head.join(gap)}`.trimEnd()];
  for (const from of rows) {
    const cells = block.map((to, column) => {
      const { text, tone } = cellOf(from, to);
      return `${tint(style, tone, text)}${' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(text)))}`;
    });
    lines.push(`${padEnd(` ${shortName(from)}`, lead)}${gap}${cells.join(gap)}`.trimEnd());
  }
  return lines;
};

const legend = (reasons: readonly Reason[], width: number): string[] =>
  reasons.flatMap(({ words, text }, index) => {
    const lead = ` [${index + 1}] `.padStart(6);
    const whole = printable(text === '' || text === words ? words : `${words}:  ${text}`);
    return wrapWords(whole, Math.max(DEFAULT_COLUMNS / 4, width - lead.length)).map(
      (piece, line) => `${line === 0 ? lead : ' '.repeat(lead.length)}${piece}`,
    );
  });
