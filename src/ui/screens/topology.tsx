/** The host as a picture: containers, cables, bridges, the host's stack and its ways out, with what moves on the links. */
import { Box } from 'ink';
import type { ReactElement } from 'react';
import type { HostState } from '../../session/state/host-state.ts';
import { Lines } from '../components/lines.tsx';
import type { About } from '../picture/about.ts';
import { geometryOf } from '../picture/layout.ts';
import { LEAST, type Load, rateText } from '../picture/loads.ts';
import { type Look, paintPicture } from '../picture/paint.ts';
import type { Spans } from '../spans.ts';
import { capturedDevices, loadsOf } from '../state/link-loads.ts';
import type { TopologyScreen } from '../state/screens.ts';
import { foundIn, type PictureView, pictureRows, TOPOLOGY_FOOT_ROWS, TOPOLOGY_HEAD_ROWS, viewOf } from '../state/topology.ts';
import { noHostWords } from '../state/where.ts';
import { displayWidth, wrap } from '../text.ts';
import type { Theme } from '../theme.ts';
import type { ScreenProps } from './screen-props.ts';

export const Topology = ({ screen, ui, theme, rows, columns }: ScreenProps<TopologyScreen>): ReactElement => {
  const host = ui.workspace.getHost();
  if (host === null) return <Lines lines={[[], [[`  ${noHostWords(ui)}`, 'dim']]]} rows={rows} columns={columns} theme={theme} />;
  return <Picture screen={screen} ui={ui} theme={theme} rows={rows} columns={columns} host={host} />;
};

const Picture = ({ screen, ui, theme, rows, columns, host }: ScreenProps<TopologyScreen> & { readonly host: HostState }): ReactElement => {
  const drawn = ui.drawn.of(host);
  const height = pictureRows(rows);
  const live = host.traffic !== undefined;
  const view = viewOf(screen, drawn, columns, height, live);
  const loads = loadsOf(host, ui.refused);
  const look: Look = {
    selected: view.selection.id,
    marks: screen.marks,
    loads,
    captured: capturedDevices(ui.state),
    found: new Set(foundIn(screen, drawn).map((about) => about.id)),
    live,
    refusedByHost: ui.refused.byHost,
  };
  const lines = paintPicture(view.plan, view.layout, look, { top: view.selection.top, rows: height, columns }, theme);
  return (
    <Box flexDirection="column">
      <Lines lines={[titles(columns)]} rows={TOPOLOGY_HEAD_ROWS} columns={columns} theme={theme} />
      <Lines lines={lines} rows={height} columns={columns} theme={theme} />
      <Lines lines={footLines(view, screen, loads, columns, height, theme)} rows={TOPOLOGY_FOOT_ROWS} columns={columns} theme={theme} />
    </Box>
  );
};

const titles = (columns: number): Spans => {
  const { name, cable, box, host, ways } = geometryOf(columns);
  const at = [
    [name.x, 'containers'],
    [cable.x + 2, 'cables'],
    [box.x + 2, 'bridges'],
    [host.x, 'host'],
    [ways.x + 4, 'ways out'],
  ] as const;
  let line = '';
  for (const [x, words] of at) line = line.padEnd(x) + words;
  return [[line, 'dim']];
};

/** What is selected, in words: the rule with its name and where one is, then what there is to say of it and what moves there. */
const footLines = (
  view: PictureView,
  screen: TopologyScreen,
  loads: ReadonlyMap<string, Load>,
  columns: number,
  height: number,
  theme: Theme,
): Spans[] => {
  const { about, layout } = view;
  const { rule } = theme.symbols;
  const note = notesOf(view, screen, height);
  const title = about === null ? '' : ` ${theme.clean(about.title)} `;
  const right = note === '' ? '' : ` ${note} ${rule}`;
  const head: Spans = [
    [rule.repeat(2), 'dim'],
    [title, 'title'],
    [rule.repeat(Math.max(0, columns - displayWidth(title) - displayWidth(right) - 2)), 'dim'],
    [right, 'dim'],
  ];
  if (about === null) return [head, [[layout.items.length === 0 ? ' nothing is here' : '', 'dim']]];
  const words = [about.words, ...loadWords(about, loads), ...(about.point === null ? [] : [`here: ${about.point.sees}`])].filter(
    (part) => part !== '',
  );
  const [first = '', second = '', ...more] = wrap(theme.clean(words.join(' · ')), columns - 3);
  return [head, [` ${first}`], [` ${second}`, ...(more.length > 0 ? ([[` ${theme.symbols.ellipsis} i: all of it`, 'dim']] as const) : [])]];
};

const notesOf = (view: PictureView, screen: TopologyScreen, height: number): string => {
  const found = screen.search === '' ? [] : [`${foundIn(screen, view).length} found: n`];
  const { rows } = view.layout;
  const place = rows <= height ? [] : [`rows ${view.selection.top + 1}-${Math.min(rows, view.selection.top + height)} of ${rows}`];
  return [...found, ...place].join(', ');
};

const loadWords = (about: About, loads: ReadonlyMap<string, Load>): string[] => {
  const load = about.devices.map((device) => loads.get(device)).find((one) => one !== undefined && one.packets !== null);
  if (load === undefined) return [];
  return [
    `${rateText(load.packets ?? 0)} packets/s`,
    ...(load.refused >= LEAST ? [`${rateText(load.refused)}/s of the captured ones dropped or refused by rules`] : []),
    ...(load.lost >= LEAST ? [`${rateText(load.lost)}/s dropped by the interface`] : []),
  ];
};
