/** What other rules would change, as NDJSON: an object a flow that is decided otherwise, and the totals last. docs/formats.md. */
import { effectOf } from '../path/verdict-change.ts';
import type { FlowVerdict } from '../session/state/flow-verdict.ts';
import { flowJson } from './flow-json.ts';
import type { ChangedFlow, SessionDiff } from './session-diff.ts';
import { tallyOf } from './session-diff.ts';
import { verdictJson } from './verdict-json.ts';

export const diffFlowJson = ({ row, before, after, change }: ChangedFlow): Record<string, unknown> => {
  const { type: _type, verdict: _verdict, reply: _reply, changes: _changes, assumptions: _assumptions, ...flow } = flowJson(row, '');
  const { interface: _interface, counted: _counted, natCounted: _natCounted, contradiction: _contradiction, ...plain } = flow;
  return {
    type: 'diff',
    ...plain,
    change: { kinds: change.kinds, before: change.before, after: change.after },
    before: sideJson(before),
    after: sideJson(after),
  };
};

const sideJson = (side: FlowVerdict): Record<string, unknown> => ({
  effect: effectOf(side),
  verdict: verdictJson(side.verdict),
  reply: side.reply === null ? null : verdictJson(side.reply),
  ...(side.assumptions.length === 0 ? {} : { assumptions: side.assumptions }),
});

export const diffEndJson = (diff: SessionDiff): Record<string, unknown> => ({
  type: 'end',
  packets: diff.state.packets,
  flows: diff.flows,
  compared: diff.compared,
  changed: diff.changed.length,
  changes: tallyOf(diff.changed).map(({ kind, before, after, flows, packets }) => ({ kind, before, after, flows, packets })),
});
