/** Follows a capture or a file being read to its end, and says at the end what was seen and lost. */
import { EXIT_CODES } from '../base/errors.ts';
import { endJson } from '../report/end-json.ts';
import { jsonLine } from '../report/json.ts';
import { summaryLines } from '../report/summary-lines.ts';
import type { CaptureState } from '../session/state/capture-state.ts';
import type { CaptureView } from '../session/state/capture-view.ts';
import { CapturePrinter, type PrintOptions } from './capture-printer.ts';
import type { CommandContext } from './context.ts';
import { fileExitCode } from './file-exit-code.ts';

export interface FollowOptions extends PrintOptions {
  /** Stop after so long; null for no bound. */
  readonly durationMs: number | null;
}

/** Ends with the capture, at a limit, at SIGINT, or when nobody reads any more. Returns the exit code. */
export const follow = async (view: CaptureView, options: FollowOptions, context: CommandContext): Promise<number> => {
  const printer = new CapturePrinter(view, options, context);
  const stopObserving = view.observe(printer);
  const timer = new Timer(options.durationMs);
  const [nothingLeft, stopWatching] = whenNothingIsLeft(view);
  let hasFailed = true;
  try {
    await Promise.race([
      view.finished,
      context.interruption(),
      nothingLeft,
      printer.limitReached,
      timer.passed,
      context.terminal.closedByReader,
    ]);
    await view.stop();
    await view.finished;
    hasFailed = false;
  } finally {
    timer.stop();
    stopWatching();
    printer.finish(hasFailed);
    stopObserving();
  }
  return conclude(view.getState(), printer, options, context);
};

/** Settles when every capture point has failed for good: a UI goes on showing what was seen, a command has nothing left to do. */
const whenNothingIsLeft = (view: CaptureView): [Promise<void>, () => void] => {
  let stop = (): void => {};
  const promise = new Promise<void>((resolve) => {
    stop = view.subscribe(() => {
      const { points } = view.getState();
      if (points.length > 0 && points.every((point) => point.status === 'failed')) resolve();
    });
  });
  return [promise, stop];
};

const conclude = (state: CaptureState, printer: CapturePrinter, options: FollowOptions, context: CommandContext): number => {
  const { terminal, globals } = context;
  const hasFailedPoint = state.points.some((point) => point.status === 'failed');
  const isBadFile = !options.live && fileExitCode(state) !== 0;
  const isMissing = state.saving !== null && (state.saving.error !== null || state.saving.notSaved.packets > 0);
  const code = hasFailedPoint || isBadFile || isMissing ? EXIT_CODES.failure : 0;
  if (terminal.closed) return code;
  const shown = options.shows === null ? null : printer.shown;
  if (globals.json === true && !options.silent) terminal.line(jsonLine(endJson(state, printer.flows, shown)));
  else for (const line of summaryLines(state, printer.flows, shown)) terminal.remark(line);
  return code;
};

class Timer {
  readonly passed: Promise<void>;
  #timeout: NodeJS.Timeout | undefined;

  constructor(durationMs: number | null) {
    this.passed = new Promise((resolve) => {
      if (durationMs !== null) this.#timeout = setTimeout(resolve, durationMs);
    });
  }

  stop(): void {
    clearTimeout(this.#timeout);
  }
}
