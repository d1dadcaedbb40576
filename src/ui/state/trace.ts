/** The trace screen: asks first, then shows the kernel's own trace of the flow's packets beside the prediction, as they come. */
import { failure } from '../../base/errors.ts';
import type { TracedPacket, TraceSubject } from '../../session/state/trace-state.ts';
import type { ActionOf } from '../keys.ts';
import { TRACE_SECONDS, type TraceLine, traceLines } from '../trace-lines.ts';
import type { Ui } from '../ui.ts';
import type { Handlers } from './dispatch.ts';
import type { PathScreen, TraceScreen } from './screens.ts';

/** Lines below the heading, which is two lines high. */
export const TRACE_HEAD_ROWS = 2;

export const traceScreenLines = (screen: TraceScreen, ui: Ui): readonly TraceLine[] => traceLines(screen, ui.state.size.columns);

export const traceLineCount = (screen: TraceScreen, ui: Ui): number => traceScreenLines(screen, ui).length + TRACE_HEAD_ROWS;

/** From the path of a flow or of a question. Throws where there is no kernel to ask. */
export const openTrace = (screen: PathScreen, title: string, ui: Ui): void => {
  const { source } = screen;
  if (source.kind === 'flow' && source.capture.getState().file !== null)
    throw failure('a saved file has no kernel to ask: only packets that pass now can be traced');
  if (ui.workspace.getHost()?.live !== true) throw failure('a saved host has no kernel to ask for its trace');
  const subject: TraceSubject = source;
  ui.push({ kind: 'trace', subject, title, view: null, direction: screen.direction, top: 0 });
};

const begin = (screen: TraceScreen, ui: Ui): void => {
  if (screen.view !== null && screen.view.getState().status !== 'ended') {
    ui.notice('the trace is running');
    return;
  }
  const { subject } = screen;
  ui.run(
    'asking the kernel for its trace',
    () => ui.workspace.trace(subject, { packetLimit: null, durationMs: TRACE_SECONDS * 1000, send: false }),
    (view) => {
      const shown = ui.state.stack.at(-1);
      if (shown?.kind !== 'trace') {
        void view.stop();
        return;
      }
      view.subscribe(() => ui.moved());
      view.observe((packet) => note(subject, packet));
      ui.replace({ ...shown, view, top: 0 });
    },
    (view) => void view.stop(),
  );
};

/** The flow's verdict rests on the trace from now on, or is contradicted by it. */
const note = (subject: TraceSubject, packet: TracedPacket): void => {
  if (subject.kind !== 'flow') return;
  const { result, matched } = packet.comparison;
  if (result === 'differs' || (result === 'agrees' && matched > 0))
    subject.capture.noteTrace(subject.flowId, packet.direction, { agrees: result === 'agrees', conclusion: packet.conclusion });
};

/** Leaving the screen ends the trace: its rules go. */
export const leaveTrace = (screen: TraceScreen): void => {
  void screen.view?.stop();
};

/** There is nothing to say yes or no to while a trace runs; when it has ended another one may begin. */
export const idleTraceActions = ({ view }: TraceScreen): readonly ActionOf<'trace'>[] => {
  if (view === null) return [];
  return view.getState().status === 'ended' ? ['refuse'] : ['begin', 'refuse'];
};

export const traceHandlers: Handlers<'trace'> = {
  begin,
  refuse: (screen, ui) => {
    if (screen.view === null) ui.pop();
  },
  direction: (screen, ui) => ui.replace({ ...screen, direction: screen.direction === 'there' ? 'reply' : 'there', top: 0 }),
};
