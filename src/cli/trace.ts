/** `vethscope trace SRC DST PROTO[:PORT]`: the kernel's own trace of such packets beside the prediction, step by step. */
import { EXIT_CODES } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import type { VerdictOutcome } from '../path/verdict.ts';
import { jsonLine } from '../report/json.ts';
import { traceBeginJson, tracedPacketJson, traceEndJson } from '../report/trace-json.ts';
import type { TracedPacket, TraceState, TraceView } from '../session/state/trace-state.ts';
import type { CommandContext } from './context.ts';
import { hostOf, remarkTrouble, withWorkspace } from './host-access.ts';

export interface TraceCommandOptions {
  readonly send: boolean;
  readonly count: number | null;
  readonly durationMs: number | null;
  readonly expect: Exclude<VerdictOutcome, 'undetermined'> | null;
}

/** A packet that is sent by us comes at once or never. */
const SENT_WITHIN_MS = 5_000;
const DEFAULT_WAIT_MS = 60_000;

export const runTrace = (src: string, dst: string, proto: string, options: TraceCommandOptions, context: CommandContext): Promise<number> =>
  withWorkspace(context, 'facts', async (workspace) => {
    remarkTrouble(context, hostOf(workspace));
    const durationMs = options.durationMs ?? (options.send ? SENT_WITHIN_MS : DEFAULT_WAIT_MS);
    const trace = await workspace.trace(
      { kind: 'question', src, dst, proto },
      { packetLimit: options.count ?? 1, durationMs, send: options.send },
    );
    const outcomes = await follow(trace, context, durationMs);
    const state = trace.getState();
    if (state.problem !== null) throw state.problem;
    const met = options.expect === null || (outcomes.length > 0 && outcomes.every((outcome) => outcome === options.expect));
    return met ? 0 : EXIT_CODES.expectation;
  });

/** Prints while the trace runs; resolves with what became of each packet there. */
const follow = async (trace: TraceView, context: CommandContext, durationMs: number): Promise<readonly TracedPacket['outcome'][]> => {
  const { terminal, globals } = context;
  const { tracedPacketText, traceEndText } = await import('../report/trace-text.ts');
  const style = terminal.style(globals.color);
  const isJson = globals.json === true;
  const outcomes: TracedPacket['outcome'][] = [];
  let told = 0;
  const tellRemarks = (state: TraceState): void => {
    for (const remark of state.remarks.slice(told)) terminal.remark(`vethscope: ${printable(remark)}`);
    told = state.remarks.length;
  };
  let begun = false;
  const look = (): void => {
    const state = trace.getState();
    tellRemarks(state);
    if (begun || state.status !== 'running') return;
    begun = true;
    if (isJson) terminal.line(jsonLine(traceBeginJson(state)));
    else terminal.remark(`vethscope: waiting up to ${durationMs / 1000} s for ${printable(state.question)}`);
  };
  trace.observe((traced) => {
    look();
    if (traced.direction === 'there') outcomes.push(traced.outcome);
    if (isJson) terminal.line(jsonLine(tracedPacketJson(traced)));
    else terminal.lines([...tracedPacketText(traced, style), '']);
  });
  trace.subscribe(look);
  look();
  void context.interruption().then(() => trace.stop());
  await trace.finished;
  look();
  const state = trace.getState();
  if (state.problem !== null) return outcomes;
  if (isJson) terminal.line(jsonLine(traceEndJson(state)));
  else terminal.lines(traceEndText(state, style));
  return outcomes;
};
