/** The kernel's own trace of a flow's packets beside the prediction. */
import { Box } from 'ink';
import type { ReactElement } from 'react';
import { Lines } from '../components/lines.tsx';
import { ScrollView } from '../components/scroll-view.tsx';
import { leftRight } from '../spans.ts';
import type { TraceScreen } from '../state/screens.ts';
import { TRACE_HEAD_ROWS } from '../state/trace.ts';
import { traceLines, traceSummary } from '../trace-lines.ts';
import type { ScreenProps } from './screen-props.ts';

export const Trace = ({ screen, theme, rows, columns }: ScreenProps<TraceScreen>): ReactElement => {
  const title = screen.direction === 'reply' ? `${screen.title} · the reply` : screen.title;
  const head = leftRight([' ', [title, 'title']], [...traceSummary(screen), ' '], columns, theme);
  return (
    <Box flexDirection="column">
      <Lines lines={[head, [[theme.symbols.rule.repeat(columns), 'dim']]]} rows={TRACE_HEAD_ROWS} columns={columns} theme={theme} />
      <ScrollView lines={traceLines(screen, columns)} top={screen.top} rows={rows - TRACE_HEAD_ROWS} columns={columns} theme={theme} />
    </Box>
  );
};
