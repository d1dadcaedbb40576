/** The whole screen: title, the shown screen's content, the line for typing and news, and what can be done next. */
import { Box } from 'ink';
import { type ReactElement, useSyncExternalStore } from 'react';
import type { SessionEvent } from '../session/state/capture-state.ts';
import type { JudgedBy } from '../session/state/workspace.ts';
import { Footer, footerRows } from './components/footer.tsx';
import { Lines } from './components/lines.tsx';
import { PromptLine } from './components/prompt-line.tsx';
import { TitleBar } from './components/title-bar.tsx';
import { Diff } from './screens/diff.tsx';
import { Explain } from './screens/explain.tsx';
import { Packets } from './screens/packets.tsx';
import { Path } from './screens/path.tsx';
import { Pick } from './screens/pick.tsx';
import { Rules } from './screens/rules.tsx';
import { Events, Help, PlainText } from './screens/scrolled.tsx';
import { Topology } from './screens/topology.tsx';
import { Trace } from './screens/trace.tsx';
import { Watch } from './screens/watch.tsx';
import { Where } from './screens/where.tsx';
import { scopesOf } from './state/dispatch.ts';
import type { Screen } from './state/screens.ts';
import type { UiStore } from './state/store.ts';
import { idleTraceActions } from './state/trace.ts';
import { idleWatchActions } from './state/watch.ts';
import { type LineSlots, LineSlotsContext } from './terminal/line-slots.ts';
import type { Theme } from './theme.ts';

export const MIN_COLUMNS = 80;
export const MIN_ROWS = 24;

export interface AppProps extends ShownProps {
  readonly slots: LineSlots;
}

interface ShownProps {
  readonly store: UiStore;
  readonly theme: Theme;
}

export const App = ({ slots, ...shown }: AppProps): ReactElement => (
  <LineSlotsContext value={slots}>
    <Shown {...shown} />
  </LineSlotsContext>
);

const Shown = ({ store, theme }: ShownProps): ReactElement => {
  useSyncExternalStore(store.subscribe, store.getVersion);
  const { state, screen } = store;
  const { columns, rows } = state.size;
  if (columns < MIN_COLUMNS || rows < MIN_ROWS) {
    const words = `vethscope needs ${MIN_COLUMNS}x${MIN_ROWS}, this terminal has ${columns}x${rows}`;
    return <Lines lines={[[words], ['q quits']]} rows={Math.max(1, Math.min(2, rows - 1))} columns={columns} theme={theme} />;
  }
  const scopes = scopesOf(state);
  const idle = idleActions(screen, store.workspace.judgedBy);
  const { more } = footerRows(scopes, columns, theme, idle);
  return (
    <Box flexDirection="column">
      <TitleBar screen={screen} host={store.workspace.getHost()} judgedBy={store.workspace.judgedBy} columns={columns} theme={theme} />
      <Body screen={screen} store={store} theme={theme} />
      <PromptLine state={state} news={newsOf(screen)} now={store.now()} keys={more} theme={theme} />
      <Footer scopes={scopes} idle={idle} columns={columns} theme={theme} />
    </Box>
  );
};

const idleActions = (screen: Screen, judgedBy: JudgedBy | null): readonly string[] => {
  if (screen.kind === 'trace') return idleTraceActions(screen);
  return screen.kind === 'watch' ? idleWatchActions(screen, judgedBy) : [];
};

const newsOf = (screen: Screen): SessionEvent | null =>
  screen.kind === 'watch' ? (screen.capture.getState().events.at(-1) ?? null) : null;

const Body = ({ screen, store, theme }: ShownProps & { readonly screen: Screen }): ReactElement => {
  const room = { ui: store, theme, rows: store.bodyRows(), columns: store.state.size.columns };
  switch (screen.kind) {
    case 'pick':
      return <Pick screen={screen} {...room} />;
    case 'where':
      return <Where screen={screen} {...room} />;
    case 'watch':
      return <Watch screen={screen} {...room} />;
    case 'path':
      return <Path screen={screen} {...room} />;
    case 'trace':
      return <Trace screen={screen} {...room} />;
    case 'packets':
      return <Packets screen={screen} {...room} />;
    case 'rules':
      return <Rules screen={screen} {...room} />;
    case 'diff':
      return <Diff screen={screen} {...room} />;
    case 'topology':
      return <Topology screen={screen} {...room} />;
    case 'explain':
      return <Explain screen={screen} {...room} />;
    case 'text':
      return <PlainText screen={screen} {...room} />;
    case 'help':
      return <Help screen={screen} {...room} />;
    case 'events':
      return <Events screen={screen} {...room} />;
  }
};
