/** Who can reach whom as JSON: one object a pair and protocol, in a stable order and without counters, so that two can be compared. */
import type { Matrix, MatrixCell } from '../path/matrix.ts';
import type { DecidedBy, Verdict } from '../path/verdict.ts';
import { decidedByJson, natJson } from './verdict-json.ts';

export const matrixJson = (matrix: Matrix): readonly Record<string, unknown>[] => matrix.cells.map(cellJson);

const cellJson = (cell: MatrixCell): Record<string, unknown> => ({
  from: cell.from,
  to: cell.to,
  proto: cell.proto,
  verdict: shortVerdict(cell.verdict),
  reply: cell.reply === null ? null : shortVerdict(cell.reply),
});

const shortVerdict = (verdict: Verdict): Record<string, unknown> => ({
  outcome: verdict.outcome,
  decidedBy: decidedByJson(withoutCounters(verdict.decidedBy)),
  ...(verdict.rejectWith === undefined ? {} : { rejectWith: verdict.rejectWith }),
  nat: verdict.nat.map(natJson),
  unknowns: verdict.unknowns,
});

const withoutCounters = ({ counters: _moving, ...by }: DecidedBy): DecidedBy => by;
