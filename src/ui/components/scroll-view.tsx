/** A window over many lines, with a word at its foot where there are more. */
import type { ReactElement } from 'react';
import type { Spans } from '../spans.ts';
import type { Theme } from '../theme.ts';
import { Lines } from './lines.tsx';

export interface ScrollViewProps {
  readonly lines: readonly Spans[];
  /** Rows above the window; more than there are means the end. */
  readonly top: number;
  readonly rows: number;
  readonly columns: number;
  readonly theme: Theme;
}

export const ScrollView = ({ lines, top, rows, columns, theme }: ScrollViewProps): ReactElement => {
  const first = Math.max(0, Math.min(top, lines.length - rows));
  const below = lines.length - first - rows;
  const shown = lines.slice(first, first + rows);
  if (below > 0 && rows > 1) shown[rows - 1] = [[`${theme.symbols.ellipsis} ${below + 1} more lines below`, 'dim']];
  if (first > 0 && rows > 2) shown[0] = [[`${theme.symbols.ellipsis} ${first + 1} more lines above`, 'dim']];
  return <Lines lines={shown} rows={rows} columns={columns} theme={theme} />;
};
