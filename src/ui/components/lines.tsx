/** Lines below each other, filled up with blank ones to a fixed height, so that what stands below keeps its place. */
import { Box } from 'ink';
import type { ReactElement } from 'react';
import type { Spans } from '../spans.ts';
import type { Theme } from '../theme.ts';
import { Line } from './line.tsx';

export interface LinesProps {
  readonly lines: readonly Spans[];
  readonly rows: number;
  readonly columns: number;
  readonly theme: Theme;
}

export const Lines = ({ lines, rows, columns, theme }: LinesProps): ReactElement => {
  const shown = Array.from({ length: Math.max(0, rows) }, (_, row) => ({ row, spans: lines[row] ?? [] }));
  return (
    <Box flexDirection="column" height={Math.max(0, rows)} flexShrink={0}>
      {shown.map(({ row, spans }) => (
        <Line key={row} spans={spans} columns={columns} theme={theme} />
      ))}
    </Box>
  );
};
