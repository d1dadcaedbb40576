/** Flows whose verdict other rules change: asked for on a saved session that is judged by others than those of its own time. */

import { diffText } from '../../report/diff-text.ts';
import type { ChangedFlow } from '../../report/session-diff.ts';
import { PLAIN_STYLE } from '../../report/style.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { DiffScreen, WatchScreen } from './screens.ts';
import { type Motion, moveIndex, scrollTo } from './scroll.ts';

/** The sum of it, and the titles. */
const HEAD_ROWS = 3;

/** What decided and what would, the rule line included. */
export const diffBoxRows = (bodyRows: number): number => (bodyRows >= 30 ? 9 : 7);

export const diffTableRows = (bodyRows: number): number => Math.max(1, bodyRows - HEAD_ROWS - diffBoxRows(bodyRows));

/** Reads the file twice, which takes its time with a long one. */
export const openDiff = ({ capture }: WatchScreen, ui: Ui): void => {
  const { file } = capture.getState();
  if (file === null) {
    ui.notice('only a saved session is judged by other rules: vethscope --open FILE --iptables NEW', 'warn');
    return;
  }
  ui.run(
    'comparing the verdicts of both rulesets',
    () => ui.workspace.diffFile(file),
    (diff) => {
      if (ui.state.stack.at(-1)?.kind === 'watch') ui.push({ kind: 'diff', capture, diff, selected: 0, top: 0 });
    },
  );
};

export const diffMove = (screen: DiffScreen, motion: Motion, ui: Ui): void => {
  const height = diffTableRows(ui.bodyRows());
  const count = screen.diff.changed.length;
  if (count === 0) return;
  const selected = moveIndex(screen.selected, motion, count, height);
  ui.replace({ ...screen, selected, top: scrollTo(screen.top, selected, count, height) });
};

const withChanged = (screen: DiffScreen, action: (changed: ChangedFlow) => void): void => {
  const changed = screen.diff.changed[screen.selected];
  if (changed !== undefined) action(changed);
};

export const diffHandlers: Handlers<'diff'> = {
  path: (screen, ui) =>
    withChanged(screen, ({ row }) => {
      // Flows have the same numbers whatever judges them; what is shown may be of a moment before this one began.
      if (screen.capture.flow(row.flow.id)?.verdict == null)
        ui.notice('the flow has not begun where the cursor is: $ goes to the end', 'warn');
      else {
        const source = { kind: 'flow', capture: screen.capture, flowId: row.flow.id } as const;
        ui.push({ kind: 'path', source, direction: 'there', whyNot: false, top: 0 });
      }
    }),
  'as-text': (screen, ui) => {
    const offsetOf = (sec: number): number => -new Date(sec * 1000).getTimezoneOffset();
    const lines = diffText(screen.diff, { style: PLAIN_STYLE, columns: ui.state.size.columns, all: true, offsetOf });
    ui.copy(`${lines.join('\n')}\n`);
    ui.push({ kind: 'text', title: 'changed verdicts as text', lines, top: 0 });
    ui.notice('copied to the clipboard, where the terminal allows it');
  },
};
