/**
 * A saved session judged twice, by its own rules and by others: which flows are decided otherwise. The file is read once for each;
 * flows have the same ids both times, since nothing but the rules differs.
 */
import { failure } from '../../base/errors.ts';
import { verdictChange, weightOf } from '../../path/verdict-change.ts';
import type { ChangedFlow, SessionDiff } from '../../report/session-diff.ts';
import type { CaptureState, SessionEvent } from '../state/capture-state.ts';
import type { CaptureView } from '../state/capture-view.ts';
import type { FlowRow } from '../state/flow-row.ts';
import type { FlowVerdict } from '../state/flow-verdict.ts';

export interface DiffProgress {
  readonly event: (event: SessionEvent) => void;
  readonly interrupted: Promise<void>;
}

/** `open` begins to read the file with one of both rulesets. */
export const diffSession = async (
  open: { readonly before: () => Promise<CaptureView>; readonly after: () => Promise<CaptureView> },
  progress: DiffProgress,
): Promise<SessionDiff> => {
  const known = new Map<number, FlowVerdict>();
  let flows = 0;
  await readWith(await open.before(), progress, (row) => {
    flows++;
    if (row.verdict !== null) known.set(row.flow.id, row.verdict);
  });
  const changed: ChangedFlow[] = [];
  let compared = 0;
  const state = await readWith(await open.after(), { ...progress, event: () => {} }, (row) => {
    const before = known.get(row.flow.id);
    if (before === undefined || row.verdict === null) return;
    known.delete(row.flow.id);
    compared++;
    const change = verdictChange(before, row.verdict);
    if (change !== null) changed.push({ row, before, after: row.verdict, change });
  });
  changed.sort((x, y) => weightOf(x.change) - weightOf(y.change) || x.row.flow.id - y.row.flow.id);
  return { changed, flows, compared, state };
};

const readWith = async (
  view: CaptureView,
  { event, interrupted }: DiffProgress,
  flowEnded: (row: FlowRow) => void,
): Promise<CaptureState> => {
  const stopObserving = view.observe({ flowEnded, event });
  let isInterrupted = false;
  await Promise.race([
    view.finished,
    interrupted.then(() => {
      isInterrupted = true;
    }),
  ]);
  await view.stop();
  await view.finished;
  stopObserving();
  // Half a file compared with the whole of it would be no comparison.
  if (isInterrupted) throw failure('interrupted before the file was read');
  return view.getState();
};
