/** The live flow table, with the answer for the selected flow below it. */

import { Box } from 'ink';
import type { ReactElement } from 'react';
import { grouped } from '../../base/grouped.ts';
import { Lines } from '../components/lines.tsx';
import { StatusBar } from '../components/status-bar.tsx';
import { layColumns, rowSpans, titleSpans } from '../components/table.ts';
import { Timeline } from '../components/timeline.tsx';
import { WhyBox } from '../components/why-box.tsx';
import { flowColumns } from '../flow-columns.ts';
import type { Spans } from '../spans.ts';
import type { WatchScreen } from '../state/screens.ts';
import { replayOf } from '../state/timeline.ts';
import { type ShownRows, shownRows, sortWords, tableRows, whyRows } from '../state/watch.ts';
import type { ScreenProps } from './screen-props.ts';

export const Watch = ({ screen, ui, theme, rows, columns }: ScreenProps<WatchScreen>): ReactElement => {
  const state = screen.frozen?.state ?? screen.capture.getState();
  const height = tableRows(screen, rows);
  const replay = replayOf(screen);
  const shown = shownRows(screen, height);
  const laid = layColumns(flowColumns(screen.columns, columns, state.points.length > 1), columns - 3);
  const body: Spans[] = shown.rows.map((row, index) => rowSpans(laid, row, index === shown.selected ? 'selected' : 'none', theme));
  if (body.length === 0) body.push(emptyLine(screen, state.packets));
  return (
    <Box flexDirection="column">
      <StatusBar screen={screen} state={state} host={ui.workspace.getHost()} now={ui.now()} columns={columns} theme={theme} />
      <Lines lines={[titleSpans(laid, theme)]} rows={1} columns={columns} theme={theme} />
      <Lines lines={body} rows={height} columns={columns} theme={theme} />
      <WhyBox
        capture={screen.capture}
        row={shown.rows[shown.selected] ?? null}
        rows={whyRows(rows)}
        note={positionWords(screen, shown)}
        columns={columns}
        theme={theme}
      />
      {replay === null ? null : <Timeline replay={replay} columns={columns} theme={theme} />}
    </Box>
  );
};

const emptyLine = (screen: WatchScreen, packets: number): Spans =>
  screen.search !== ''
    ? [[`  no flow matches ${screen.search}; esc shows all`, 'warn']]
    : [[packets === 0 ? '  waiting for the first packet: send something to or from it' : '  no flow is kept', 'dim']];

const positionWords = (screen: WatchScreen, shown: ShownRows): string =>
  shown.total === 0 ? '' : `flow ${shown.offset + shown.selected + 1} of ${grouped(shown.total)} · by ${sortWords(screen)}`;
