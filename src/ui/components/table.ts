/** Columns of a table: which ones fitTo, how wide each is, and its rows as spans. Widths depend on the room only, so nothing jumps. */
import type { Span, Spans } from '../spans.ts';
import { fitTo } from '../text.ts';
import type { Theme, Tone } from '../theme.ts';

export interface Column<Row> {
  readonly title: string;
  /** Columns that it takes at least, and at most. */
  readonly min: number;
  readonly max: number;
  /** How much of the spare room it gets. */
  readonly grow: number;
  /** The lowest goes first where there is no room for all. */
  readonly rank: number;
  readonly align?: 'left' | 'right';
  /** What stands in the cell; it may be shortened to `width` in a way of its own, else it is cut at the end. */
  readonly text: (row: Row, width: number) => string;
  readonly tone?: (row: Row) => Tone;
}

export interface LaidColumn<Row> {
  readonly column: Column<Row>;
  readonly width: number;
}

const GAP = 1;

export const layColumns = <Row>(columns: readonly Column<Row>[], room: number): readonly LaidColumn<Row>[] => {
  let kept = [...columns];
  const least = (): number => kept.reduce((sum, column) => sum + column.min + GAP, -GAP);
  while (kept.length > 1 && least() > room) {
    const lowest = kept.reduce((left, right) => (right.rank < left.rank ? right : left));
    kept = kept.filter((column) => column !== lowest);
  }
  const widths = kept.map((column) => column.min);
  let spare = room - least();
  while (spare > 0) {
    const growing = kept.flatMap((column, index) => ((widths[index] ?? 0) < column.max && column.grow > 0 ? [index] : []));
    if (growing.length === 0) break;
    const total = growing.reduce((sum, index) => sum + (kept[index]?.grow ?? 0), 0);
    let given = 0;
    for (const index of growing) {
      const column = kept[index] as Column<Row>;
      const share = Math.min(Math.max(1, Math.floor((spare * column.grow) / total)), column.max - (widths[index] ?? 0), spare - given);
      widths[index] = (widths[index] ?? 0) + share;
      given += share;
    }
    if (given === 0) break;
    spare -= given;
  }
  return kept.map((column, index) => ({ column, width: widths[index] as number }));
};

export const titleSpans = <Row>(laid: readonly LaidColumn<Row>[], theme: Theme): Spans => [
  ['  ', 'dim'],
  ...laid.map(({ column, width }, index): Span => [cell(column.title, width, column.align, theme, index === laid.length - 1), 'dim']),
];

/** One row; the selected one has the pointer before it. */
export const rowSpans = <Row>(
  laid: readonly LaidColumn<Row>[],
  row: Row,
  mark: 'selected' | 'marked' | 'both' | 'none',
  theme: Theme,
): Spans => {
  const { pointer, mark: dot } = theme.symbols;
  const selected = mark === 'selected' || mark === 'both';
  const head: Span[] = [
    [selected ? pointer : ' ', 'title'],
    [mark === 'marked' || mark === 'both' ? dot : ' ', 'accent'],
  ];
  return [
    ...head,
    ...laid.map(({ column, width }, index): Span => {
      const tone = column.tone?.(row) ?? 'plain';
      const text = cell(column.text(row, width), width, column.align, theme, index === laid.length - 1);
      return [text, selected && tone === 'plain' ? 'strong' : tone];
    }),
  ];
};

const cell = (raw: string, width: number, align: 'left' | 'right' = 'left', theme: Theme, last: boolean): string =>
  fitTo(theme.clean(raw), width, align, theme.symbols.ellipsis) + (last ? '' : ' '.repeat(GAP));
