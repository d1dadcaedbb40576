/** The first screen: the containers, where each is plugged in, and what moves there. */

import { Box } from 'ink';
import type { ReactElement } from 'react';
import { grouped } from '../../base/grouped.ts';
import { Lines } from '../components/lines.tsx';
import { type Column, layColumns, rowSpans, titleSpans } from '../components/table.ts';
import { leftRight, type Spans } from '../spans.ts';
import { PICK_HEAD_ROWS, type PickRow, pickRows, selectedIndex } from '../state/pick.ts';
import type { PickScreen } from '../state/screens.ts';
import { scrollTo } from '../state/scroll.ts';
import { noHostWords } from '../state/where.ts';
import type { Theme, Tone } from '../theme.ts';
import type { ScreenProps } from './screen-props.ts';

const SPARK_COLUMNS = 4;

const stateTone = (state: string): Tone => (state === 'running' ? 'good' : state === 'paused' || state === 'restarting' ? 'warn' : 'dim');

const columnsOf = (withTraffic: boolean, theme: Theme): readonly Column<PickRow>[] => [
  { title: 'NAME', min: 12, max: 28, grow: 2, rank: 9, text: (row) => row.container.name },
  {
    title: 'STATE',
    min: 8,
    max: 10,
    grow: 0.2,
    rank: 7,
    text: (row) => row.container.state,
    tone: (row) => stateTone(row.container.state),
  },
  { title: 'NETWORK', min: 14, max: 24, grow: 1.5, rank: 6, text: (row) => row.network },
  { title: 'ADDRESS', min: 15, max: 26, grow: 1, rank: 5, text: (row) => row.address },
  { title: 'INTERFACE', min: 21, max: 44, grow: 2, rank: 8, text: (row) => row.interface },
  { title: 'IMAGE', min: 11, max: 36, grow: 1.5, rank: 2, text: (row) => row.container.image },
  ...(withTraffic
    ? [{ title: '↓↑ NOW', min: 11, max: 14, grow: 0.2, rank: 3, text: (row: PickRow) => sparkText(row.traffic, theme) }]
    : []),
];

/** `▂▃▁▁ 1.2k/s`: the newest seconds as bars of their highest, and the last one in figures. */
export const sparkText = (rates: readonly number[], theme: Theme): string => {
  const shown = rates.slice(-SPARK_COLUMNS);
  const last = shown.at(-1);
  const top = Math.max(...shown, 0);
  if (last === undefined || top === 0) return '';
  const bars = [...theme.symbols.bars];
  const bar = (rate: number): string => bars[Math.min(bars.length - 1, Math.round((rate / top) * (bars.length - 1)))] ?? '';
  return `${shown.map(bar).join('')} ${last >= 1000 ? `${(last / 1000).toFixed(1)}k` : Math.round(last)}/s`;
};

export const Pick = ({ screen, ui, theme, rows: bodyRows, columns }: ScreenProps<PickScreen>): ReactElement => {
  const host = ui.workspace.getHost();
  if (host === null) {
    const lines: Spans[] = [filterLine(screen, ui, 0, columns, theme), [], [[`  ${noHostWords(ui)}`, 'dim']]];
    return <Lines lines={lines} rows={bodyRows} columns={columns} theme={theme} />;
  }
  const rows = pickRows(host, screen.filter);
  const selected = selectedIndex(rows, screen);
  const height = bodyRows - PICK_HEAD_ROWS;
  const top = scrollTo(screen.top, selected, rows.length, height);
  const laid = layColumns(columnsOf(host.traffic !== undefined, theme), columns - 3);
  const mark = (row: PickRow, index: number): 'both' | 'selected' | 'marked' | 'none' => {
    const marked = screen.marked.includes(row.container.id);
    if (index === selected) return marked ? 'both' : 'selected';
    return marked ? 'marked' : 'none';
  };
  const body: Spans[] = rows.slice(top, top + height).map((row, index) => rowSpans(laid, row, mark(row, index + top), theme));
  if (rows.length === 0) body.push(emptyLine(screen, host.topology.containers.length, host.trouble));
  return (
    <Box flexDirection="column">
      <Lines
        lines={[filterLine(screen, ui, rows.length, columns, theme), titleSpans(laid, theme)]}
        rows={PICK_HEAD_ROWS}
        columns={columns}
        theme={theme}
      />
      <Lines lines={body} rows={height} columns={columns} theme={theme} />
    </Box>
  );
};

const emptyLine = (screen: PickScreen, all: number, trouble: string | null): Spans => {
  if (all > 0) return [[`  none of the ${all} containers matches ${screen.filter}; esc shows all`, 'warn']];
  // The title tells the trouble itself.
  const why =
    trouble === null ? 'there are no containers here' : /privilege/.test(trouble) ? 'containers are seen by root: sudo vethscope' : trouble;
  return [[`  ${why}: t shows the interfaces, o opens a saved session`, 'warn']];
};

const filterLine = (screen: PickScreen, ui: ScreenProps<PickScreen>['ui'], found: number, columns: number, theme: Theme): Spans => {
  const marked =
    screen.marked.length === 0 ? '' : `  ${screen.marked.length} marked: enter captures ${screen.marked.length === 1 ? 'it' : 'them'}`;
  const left: Spans = screen.filter === '' ? [[' / filters', 'dim']] : [' / ', [screen.filter, 'accent'], [`  ${found} found`, 'dim']];
  const { background } = ui.state;
  const state = background?.capture.getState();
  const running: Spans =
    background === null || state === undefined
      ? []
      : [[`${theme.symbols.recording} ${background.label}: ${grouped(state.packets)} packets, b goes back to it `, 'good']];
  return leftRight([...left, [marked, 'accent']], running, columns, theme);
};
