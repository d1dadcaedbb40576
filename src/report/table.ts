/** Aligned tables for people. Every cell passes printable() here, so no report can forget it. */
import { printable } from '../base/printable.ts';
import { type Style, type Tone, tint } from './style.ts';
import { displayWidth, padEnd, padStart } from './width.ts';

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
  readonly right?: boolean;
}

/** A plain string is a cell without tone. */
export type Row = readonly (string | Cell)[];

export interface TableOptions {
  readonly indent?: number;
  readonly gap?: number;
  /** Columns that never get wider than this; longer text is kept whole and pushes its own line. */
  readonly maxWidth?: number;
}

const asCell = (cell: string | Cell): Cell =>
  typeof cell === 'string' ? { text: printable(cell) } : { ...cell, text: printable(cell.text) };

/** One line a row. The last cell of a row is neither padded nor counted for the widths. */
export const formatTable = (rows: readonly Row[], style: Style, options: TableOptions = {}): string[] => {
  const indent = ' '.repeat(options.indent ?? 0);
  const gap = ' '.repeat(options.gap ?? 2);
  const maxWidth = options.maxWidth ?? 48;
  const cells = rows.map((row) => row.map(asCell));
  const widths: number[] = [];
  for (const row of cells) {
    for (let i = 0; i < row.length - 1; i++) {
      const width = displayWidth((row[i] as Cell).text);
      if (width <= maxWidth) widths[i] = Math.max(widths[i] ?? 0, width);
    }
  }
  return cells.map((row) => formatRow(row, widths, indent, gap, style));
};

const formatRow = (row: readonly Cell[], widths: readonly number[], indent: string, gap: string, style: Style): string => {
  let out = indent;
  for (let i = 0; i < row.length; i++) {
    const cell = row[i] as Cell;
    const last = i === row.length - 1;
    const { text } = cell;
    const padded = last ? text : cell.right === true ? padStart(text, widths[i] ?? 0) : padEnd(text, widths[i] ?? 0);
    // The padding stays outside of the colour, so that a cut or copied line carries no coloured blanks.
    out += text === '' ? padded : padded.replace(text, () => tint(style, cell.tone ?? 'plain', text));
    if (!last) out += gap;
  }
  return out.trimEnd();
};
