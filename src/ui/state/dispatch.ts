/** From an action's name to the handler of the shown screen. Every action of the key table has exactly one handler here. */
import type { ActionOf, KeyScope } from '../keys.ts';
import type { Ui } from '../ui.ts';
import { diffHandlers, diffMove } from './diff.ts';
import { explainHandlers, explainType } from './explain.ts';
import { packetsHandlers, packetsMove } from './packets.ts';
import { pathHandlers, pathLineCount } from './path.ts';
import { pickHandlers, pickMove } from './pick.ts';
import { rulesHandlers, rulesMove } from './rules.ts';
import type { EventsScreen, HelpScreen, PathScreen, Screen, ScreenKind, ScreenOf, TextScreen, TraceScreen, UiState } from './screens.ts';
import { type Motion, moveIndex } from './scroll.ts';
import { eventLines, helpLines } from './scrolled-lines.ts';
import { editField } from './text-field.ts';
import { replayOf, timelineHandlers } from './timeline.ts';
import { topologyHandlers, topologyMove } from './topology.ts';
import { traceHandlers, traceLineCount } from './trace.ts';
import { watchHandlers, watchMove } from './watch.ts';
import { whereHandlers } from './where.ts';

/** The keys of the time bar are the watch screen's, where it shows a saved session. */
type HandledScreen<K extends (ScreenKind & KeyScope) | 'timeline'> = ScreenOf<K extends ScreenKind ? K : 'watch'>;

export type Handlers<K extends (ScreenKind & KeyScope) | 'timeline'> = Readonly<
  Record<ActionOf<K>, (screen: HandledScreen<K>, ui: Ui) => void>
>;

type ScrolledScreen = PathScreen | TraceScreen | TextScreen | HelpScreen | EventsScreen;

const shown = (ui: Ui): Screen => ui.state.stack.at(-1) as Screen;

/** Where to look a key up, first match first. */
export const scopesOf = (state: UiState): readonly KeyScope[] => {
  if (state.prompt !== null) return ['prompt', 'field', 'all'];
  const screen = state.stack.at(-1) as Screen;
  const { kind } = screen;
  if (replayOf(screen) !== null) return ['timeline', 'watch', 'list', 'any', 'all'];
  if (kind === 'explain') return ['explain', 'field', 'all'];
  if (kind === 'where') return ['where', 'any', 'all'];
  return [kind, 'list', 'any', 'all'];
};

export const handleAction = (ui: Ui, scope: KeyScope, action: string): void => {
  const screen = shown(ui);
  if (scope === 'all' || scope === 'any') general(ui, screen, action as ActionOf<'all'> | ActionOf<'any'>);
  else if (scope === 'list') moveRows(ui, action);
  else if (scope === 'timeline') {
    if (screen.kind === 'watch') timelineHandlers[action as ActionOf<'timeline'>](screen, ui);
  } else if (scope === 'field') {
    if (screen.kind !== 'explain') return;
    const fields = screen.fields.map((field, index) => (index === screen.focus ? editField(field, action as ActionOf<'field'>) : field));
    ui.replace({ ...screen, fields: fields as unknown as typeof screen.fields });
  } else byScreen(ui, screen, action);
};

const byScreen = (ui: Ui, screen: Screen, action: string): void => {
  switch (screen.kind) {
    case 'pick':
      pickHandlers[action as ActionOf<'pick'>](screen, ui);
      return;
    case 'where':
      whereHandlers[action as ActionOf<'where'>](screen, ui);
      return;
    case 'watch':
      watchHandlers[action as ActionOf<'watch'>](screen, ui);
      return;
    case 'path':
      pathHandlers[action as ActionOf<'path'>](screen, ui);
      return;
    case 'trace':
      traceHandlers[action as ActionOf<'trace'>](screen, ui);
      return;
    case 'packets':
      packetsHandlers[action as ActionOf<'packets'>](screen, ui);
      return;
    case 'rules':
      rulesHandlers[action as ActionOf<'rules'>](screen, ui);
      return;
    case 'diff':
      diffHandlers[action as ActionOf<'diff'>](screen, ui);
      return;
    case 'topology':
      topologyHandlers[action as ActionOf<'topology'>](screen, ui);
      return;
    case 'explain':
      explainHandlers[action as ActionOf<'explain'>](screen, ui);
      return;
    case 'text':
    case 'help':
    case 'events':
      return;
  }
};

export const moveRows = (ui: Ui, action: string): void => {
  const screen = shown(ui);
  const motion = action as Motion;
  switch (screen.kind) {
    case 'pick':
      pickMove(screen, motion, ui);
      return;
    case 'watch':
      watchMove(screen, motion, ui);
      return;
    case 'packets':
      packetsMove(screen, motion, ui);
      return;
    case 'rules':
      rulesMove(screen, motion, ui);
      return;
    case 'diff':
      diffMove(screen, motion, ui);
      return;
    case 'topology':
      topologyMove(screen, motion, ui);
      return;
    case 'path':
      scroll(ui, screen, motion, pathLineCount(screen, ui));
      return;
    case 'trace':
      scroll(ui, screen, motion, traceLineCount(screen, ui));
      return;
    case 'text':
      scroll(ui, screen, motion, screen.lines.length);
      return;
    case 'help':
      scroll(ui, screen, motion, helpLines(screen.about, ui.state.size.columns).length);
      return;
    case 'events':
      scroll(ui, screen, motion, eventLines(screen, ui.state.size.columns).length);
      return;
    case 'where':
    case 'explain':
      return;
  }
};

/** Moves the window over lines of which none is selected. */
const scroll = (ui: Ui, screen: ScrolledScreen, motion: Motion, count: number): void => {
  const height = ui.bodyRows();
  ui.replace({ ...screen, top: moveIndex(screen.top, motion, Math.max(1, count - height + 1), height) });
};

const general = (ui: Ui, screen: Screen, action: ActionOf<'all'> | ActionOf<'any'>): void => {
  switch (action) {
    case 'quit':
      ui.quit(0);
      return;
    case 'redraw':
      ui.redraw();
      return;
    case 'help':
      if (screen.kind !== 'help') ui.push({ kind: 'help', about: screen.kind, top: 0 });
      return;
    case 'back':
      if (screen.kind === 'pick') {
        pickBack(ui, screen);
        return;
      }
      if (screen.kind === 'watch' && screen.search !== '') {
        ui.replace({ ...screen, frozen: null, search: '', held: [], selected: null, offset: 0 });
        return;
      }
      if (screen.kind === 'topology' && screen.search !== '') {
        ui.replace({ ...screen, search: '' });
        return;
      }
      ui.pop();
      return;
  }
};

/** esc on the first screen takes back what was set there: the filter, then the marks. */
const pickBack = (ui: Ui, screen: ScreenOf<'pick'>): void => {
  if (screen.filter !== '') ui.replace({ ...screen, filter: '' });
  else if (screen.marked.length > 0) ui.replace({ ...screen, marked: [] });
};

/** Text typed where no prompt is open: only a form takes it. */
export const typeInto = (ui: Ui, text: string): void => {
  const screen = shown(ui);
  if (screen.kind === 'explain') explainType(screen, text, ui);
};
