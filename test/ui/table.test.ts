import { describe, expect, it } from 'vitest';
import { type Column, layColumns, rowSpans, titleSpans } from '../../src/ui/components/table.ts';
import { flowColumns } from '../../src/ui/flow-columns.ts';
import { paintSpans, plainText } from '../../src/ui/spans.ts';
import { COLUMN_SETS } from '../../src/ui/state/watch.ts';
import { displayWidth } from '../../src/ui/text.ts';
import { makeTheme } from '../../src/ui/theme.ts';
import { fixtureRows, numberedRow } from './fixtures/flows.ts';

const theme = makeTheme({ color: false, unicode: true });

const column = (title: string, min: number, max: number, rank: number): Column<string> => ({
  title,
  min,
  max,
  grow: 1,
  rank,
  text: (row) => row,
});

describe('a table', () => {
  it('leaves out the columns of lowest rank first where there is no room', () => {
    const columns = [column('A', 10, 10, 3), column('B', 10, 10, 1), column('C', 10, 10, 2)];
    expect(layColumns(columns, 32).map(({ column: { title } }) => title)).toEqual(['A', 'B', 'C']);
    expect(layColumns(columns, 31).map(({ column: { title } }) => title)).toEqual(['A', 'C']);
    expect(layColumns(columns, 12).map(({ column: { title } }) => title)).toEqual(['A']);
  });

  it('shares spare room out, and never beyond what a column wants', () => {
    const laid = layColumns([column('A', 4, 6, 1), column('B', 4, 40, 1)], 30);
    expect(laid.map(({ width }) => width)).toEqual([6, 23]);
  });

  it('has rows of one width in every column set and at every width of the terminal', () => {
    for (const set of COLUMN_SETS) {
      for (let columns = 80; columns <= 220; columns += 7) {
        const laid = layColumns(flowColumns(set, columns), columns - 3);
        const title = displayWidth(plainText(titleSpans(laid, theme)));
        expect(title).toBeLessThanOrEqual(columns);
        for (const row of [...fixtureRows(), numberedRow(100)]) {
          const line = paintSpans(rowSpans(laid, row, 'selected', theme), columns, theme);
          expect(displayWidth(line), `${set} at ${columns}`).toBe(title);
        }
      }
    }
  });

  it('shows at 80 columns flow, protocol, state, packets, verdict and rule; at 140 bytes, round-trip time and counter too', () => {
    const titles = (columns: number): string[] =>
      layColumns(flowColumns('standard', columns), columns - 3).map((laid) => laid.column.title);
    expect(titles(80)).toEqual(['FLOW', 'PROTO', 'STATE', 'PKTS', 'VERDICT', 'BY']);
    expect(titles(100)).toEqual(['FLOW', 'PROTO', 'STATE', 'PKTS', 'RTT', 'VERDICT', 'BY']);
    expect(titles(140)).toEqual(['FLOW', 'PROTO', 'STATE', 'PKTS', 'BYTES', 'RTT', 'VERDICT', 'COUNTED', 'BY']);
  });
});
