/** The flow table: which rows are shown and in which order, and what is done with the selected one. */
import { frozenRow } from '../../session/flows/live-row.ts';
import type { CaptureView } from '../../session/state/capture-view.ts';
import type { FlowRow, FlowSort } from '../../session/state/flow-row.ts';
import type { RuleCounting } from '../../session/state/rule-counting.ts';
import type { JudgedBy } from '../../session/state/workspace.ts';
import type { ActionOf } from '../keys.ts';
import type { Ui } from '../ui.ts';
import { openDiff } from './diff.ts';
import type { Handlers } from './dispatch.ts';
import { flowTitle, openPackets } from './packets.ts';
import { withWhyNot } from './path.ts';
import { openRules } from './rules.ts';
import type { ColumnSet, FrozenTable, WatchScreen } from './screens.ts';
import { clampIndex, type Motion, moveIndex, scrollTo } from './scroll.ts';
import { replayOf, TIMELINE_ROWS } from './timeline.ts';
import { openTopology } from './topology.ts';

export const SORTS: readonly FlowSort[] = ['first', 'last', 'packets', 'bytes', 'rtt', 'verdict', 'name'];

export const COLUMN_SETS: readonly ColumnSet[] = ['standard', 'traffic', 'addresses'];

/** Orders in which the largest or newest come first. */
const DESCENDING: ReadonlySet<FlowSort> = new Set(['last', 'packets', 'bytes', 'rtt']);

/** Two lines of status and the titles stand above the rows. */
const HEAD_ROWS = 3;

/** So many rows of a frozen table can be scrolled through. */
const FROZEN_ROWS = 2000;

export const initialWatch = (capture: CaptureView, rules: RuleCounting, label: string): WatchScreen => ({
  kind: 'watch',
  capture,
  rules,
  label,
  sort: 'first',
  descending: false,
  search: '',
  columns: 'standard',
  selected: null,
  held: [],
  offset: 0,
  frozen: null,
});

/** Lines of the why box, its rule included. */
export const whyRows = (bodyRows: number): number => (bodyRows >= 30 ? 8 : bodyRows >= 24 ? 7 : 6);

export const tableRows = (screen: WatchScreen, bodyRows: number): number =>
  Math.max(1, bodyRows - HEAD_ROWS - whyRows(bodyRows) - (replayOf(screen) === null ? 0 : TIMELINE_ROWS));

export interface ShownRows {
  readonly rows: readonly FlowRow[];
  readonly total: number;
  /** Index in `rows` of the selected one, -1 where there is none. */
  readonly selected: number;
  readonly offset: number;
}

/** The rows to draw. Held ones keep their places; new ones follow below as long as there is room. */
export const shownRows = (screen: WatchScreen, height: number): ShownRows => {
  const { frozen, capture } = screen;
  if (frozen !== null) {
    const offset = Math.max(0, Math.min(screen.offset, frozen.rows.length - height));
    return withSelected(screen, frozen.rows.slice(offset, offset + height), frozen.total, offset);
  }
  const query = { sort: screen.sort, descending: screen.descending, search: screen.search };
  const page = capture.flows({ ...query, offset: screen.offset, limit: height });
  const missed = page.rows.length < height && screen.offset > 0 && page.total > 0;
  const offset = missed ? Math.max(0, page.total - height) : screen.offset;
  const rows = missed ? capture.flows({ ...query, offset, limit: height }).rows : page.rows;
  if (screen.held.length === 0) return withSelected(screen, rows, page.total, offset);
  const held = screen.held.flatMap((id) => capture.flow(id) ?? []).slice(0, height);
  const known = new Set(held.map((row) => row.flow.id));
  const added = rows.filter((row) => !known.has(row.flow.id)).slice(0, height - held.length);
  return withSelected(screen, [...held, ...added], page.total, offset);
};

const withSelected = (screen: WatchScreen, rows: readonly FlowRow[], total: number, offset: number): ShownRows => {
  const index = screen.selected === null ? 0 : rows.findIndex((row) => row.flow.id === screen.selected);
  return { rows, total, offset, selected: rows.length === 0 ? -1 : Math.max(0, index) };
};

const shownNow = (screen: WatchScreen, ui: Ui): ShownRows => shownRows(screen, tableRows(screen, ui.bodyRows()));

/** The flow that the keys act on. */
export const selectedRow = (screen: WatchScreen, ui: Ui): FlowRow | null => {
  const shown = shownNow(screen, ui);
  return shown.rows[shown.selected] ?? null;
};

export const watchMove = (screen: WatchScreen, motion: Motion, ui: Ui): void => {
  const height = tableRows(screen, ui.bodyRows());
  const shown = shownRows(screen, height);
  if (shown.rows.length === 0) return;
  const count = screen.frozen === null ? shown.total : screen.frozen.rows.length;
  const wanted = moveIndex(shown.offset + shown.selected, motion, count, height);
  if (wanted === 0) {
    ui.replace({ ...screen, selected: null, held: [], offset: 0 });
    return;
  }
  const inPage = wanted - shown.offset;
  if (inPage >= 0 && inPage < shown.rows.length) {
    const row = shown.rows[inPage] as FlowRow;
    ui.replace({ ...screen, selected: row.flow.id, held: screen.frozen === null ? shown.rows.map((each) => each.flow.id) : [] });
    return;
  }
  const offset = scrollTo(shown.offset, wanted, count, height);
  const next = shownRows({ ...screen, offset, held: [], selected: null }, height);
  const row = next.rows[clampIndex(wanted - next.offset, next.rows.length)];
  const held = screen.frozen === null ? next.rows.map((each) => each.flow.id) : [];
  ui.replace({ ...screen, offset: next.offset, held, selected: row?.flow.id ?? null });
};

const freeze = (screen: WatchScreen): FrozenTable => {
  const { rows, total } = screen.capture.flows({
    sort: screen.sort,
    descending: screen.descending,
    search: screen.search,
    offset: 0,
    limit: FROZEN_ROWS,
  });
  return { rows: rows.map(frozenRow), total, state: screen.capture.getState() };
};

const reorder = (screen: WatchScreen, change: Partial<WatchScreen>, ui: Ui): void => {
  // The selected flow is what the person reads: it stays selected wherever the new order puts it.
  const kept = screen.selected !== null && screen.capture.flow(screen.selected) !== null ? screen.selected : null;
  const next: WatchScreen = { ...screen, ...change, held: kept === null ? [] : [kept], selected: kept, offset: 0, frozen: null };
  ui.replace(next);
  ui.notice(`sorted by ${sortWords(next)}`);
};

export const sortWords = (screen: WatchScreen): string => {
  const words: Readonly<Record<FlowSort, string>> = {
    first: 'first packet',
    last: 'last packet',
    packets: 'packets',
    bytes: 'bytes',
    rtt: 'round-trip time',
    verdict: 'verdict',
    name: 'name',
  };
  return `${words[screen.sort]}, ${screen.descending ? 'descending' : 'ascending'}`;
};

const withRow = (screen: WatchScreen, ui: Ui, action: (row: FlowRow) => void): void => {
  const row = selectedRow(screen, ui);
  if (row === null) ui.notice('there is no flow yet');
  else action(row);
};

const openPath = (screen: WatchScreen, ui: Ui, whyNot: boolean): void =>
  withRow(screen, ui, (row) => {
    if (row.verdict === null)
      ui.notice(row.outcome === '' ? 'no verdict: no rule looks at this' : 'the verdict has not been computed yet', 'warn');
    else {
      const source = { kind: 'flow', capture: screen.capture, flowId: row.flow.id } as const;
      const path = { kind: 'path', source, direction: 'there', whyNot: false, top: 0 } as const;
      ui.push(whyNot ? withWhyNot(path, ui) : path);
    }
  });

/** A file is read as it is, and has verdicts to compare only where it is judged by others than those of its own time. */
export const idleWatchActions = ({ capture }: WatchScreen, judgedBy: JudgedBy | null): readonly ActionOf<'watch'>[] => {
  if (capture.getState().file === null) return ['diff'];
  return judgedBy === null ? ['capture-filter', 'freeze', 'diff'] : ['capture-filter', 'freeze'];
};

export const watchHandlers: Handlers<'watch'> = {
  path: (screen, ui) => openPath(screen, ui, false),
  'why-not': (screen, ui) => openPath(screen, ui, true),
  packets: (screen, ui) => withRow(screen, ui, (row) => openPackets(screen.capture, row.flow.id, flowTitle(row), ui)),
  save: (screen, ui) => {
    const state = screen.capture.getState();
    if (!state.finished && state.saving !== null && state.saving.error === null) {
      const { path } = state.saving;
      ui.run(
        `closing ${path}`,
        () => screen.capture.stopSaving(),
        () => ui.notice(`saved to ${path}`, 'good'),
      );
    } else if (state.finished || state.file !== null) watchHandlers['save-memory'](screen, ui);
    else ui.ask({ purpose: 'save', label: 'save to' }, ui.workspace.suggestFileName(screen.label));
  },
  'save-memory': (screen, ui) =>
    ui.ask({ purpose: 'save-memory', label: 'save what memory holds to' }, ui.workspace.suggestFileName(screen.label)),
  freeze: (screen, ui) => ui.replace({ ...screen, frozen: screen.frozen === null ? freeze(screen) : null, held: [] }),
  search: (screen, ui) => ui.ask({ purpose: 'search', label: '/' }, screen.search),
  'capture-filter': (screen, ui) => {
    if (screen.capture.getState().file !== null) ui.notice('a saved session is read as it is: / filters its flows', 'warn');
    else ui.ask({ purpose: 'capture-filter', label: 'capture filter' }, screen.capture.getState().filter);
  },
  sort: (screen, ui) => {
    const sort = SORTS[(SORTS.indexOf(screen.sort) + 1) % SORTS.length] as FlowSort;
    reorder(screen, { sort, descending: DESCENDING.has(sort) }, ui);
  },
  reverse: (screen, ui) => reorder(screen, { descending: !screen.descending }, ui),
  columns: (screen, ui) => {
    const columns = COLUMN_SETS[(COLUMN_SETS.indexOf(screen.columns) + 1) % COLUMN_SETS.length] as ColumnSet;
    ui.replace({ ...screen, columns });
    ui.notice(`columns: ${columns}`);
  },
  topology: (screen, ui) => {
    const [first] = screen.capture.getState().points;
    if (first === undefined) openTopology({}, ui);
    else openTopology({ point: first.point.id, ...(first.point.container === null ? {} : { container: first.point.container }) }, ui);
  },
  rules: openRules,
  diff: openDiff,
  events: (screen, ui) => ui.push({ kind: 'events', capture: screen.capture, top: Number.MAX_SAFE_INTEGER }),
  stop: (screen, ui) => {
    if (screen.capture.getState().finished) ui.notice('it has ended already');
    else
      ui.run(
        'stopping the capture',
        () => screen.capture.stop(),
        () => ui.notice('the capture has ended; s saves what memory holds', 'good'),
      );
  },
};
