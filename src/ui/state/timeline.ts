/** The cursor of a saved session: moved, played and let jump from one mark to the next. */
import type { Replay, ReplayMark } from '../../session/state/replay-state.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { Screen, WatchScreen } from './screens.ts';

/** The bar, and the words below it. */
export const TIMELINE_ROWS = 2;

/** How much of the session's time the bar has for each column. */
export const barColumns = (columns: number): number => Math.max(1, columns - 2);

/** Null where the screen shows no saved session. */
export const replayOf = (screen: Screen): Replay | null => (screen.kind === 'watch' ? (screen.capture.replay ?? null) : null);

const withReplay = (screen: WatchScreen, ui: Ui, act: (replay: Replay, span: NonNullable<Replay['span']>) => void): void => {
  const replay = replayOf(screen);
  if (replay === null) return;
  const { span } = replay;
  if (span === null) {
    ui.notice('the file is still being read');
    return;
  }
  if (screen.frozen !== null) ui.replace({ ...screen, frozen: null });
  act(replay, span);
};

const step = (screen: WatchScreen, ui: Ui, direction: 1 | -1): void =>
  withReplay(screen, ui, (replay, { startSec, endSec }) => {
    const columnSec = (endSec - startSec) / barColumns(ui.state.size.columns);
    replay.seek(replay.position.atSec + direction * columnSec);
  });

const NOTHING: Readonly<Record<ReplayMark, string>> = { packet: 'packet', change: 'change', drop: 'dropped packet' };

const jump = (screen: WatchScreen, ui: Ui, mark: ReplayMark, direction: 1 | -1): void =>
  withReplay(screen, ui, (replay) => {
    if (!replay.jump(mark, direction)) ui.notice(`no ${NOTHING[mark]} ${direction === 1 ? 'after' : 'before'} this moment`);
  });

export const timelineHandlers: Handlers<'timeline'> = {
  play: (screen, ui) => withReplay(screen, ui, (replay) => replay.toggle()),
  'step-on': (screen, ui) => step(screen, ui, 1),
  'step-back': (screen, ui) => step(screen, ui, -1),
  'next-packet': (screen, ui) => jump(screen, ui, 'packet', 1),
  'next-change': (screen, ui) => jump(screen, ui, 'change', 1),
  'change-before': (screen, ui) => jump(screen, ui, 'change', -1),
  'next-drop': (screen, ui) => jump(screen, ui, 'drop', 1),
  'drop-before': (screen, ui) => jump(screen, ui, 'drop', -1),
  faster: (screen, ui) => withReplay(screen, ui, (replay) => replay.setSpeed(1)),
  slower: (screen, ui) => withReplay(screen, ui, (replay) => replay.setSpeed(-1)),
  start: (screen, ui) => withReplay(screen, ui, (replay, { startSec }) => replay.seek(startSec)),
  end: (screen, ui) => withReplay(screen, ui, (replay, { endSec }) => replay.seek(endSec)),
};
