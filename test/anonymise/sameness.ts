/** Whether two sessions, one of them the other's stand-in, lead to the same verdicts: what is compared, and how names are mapped for it. */
import { readFacts } from '../../src/host/read-facts.ts';
import type { SnapshotDocument } from '../../src/host/snapshot.ts';
import { type MatrixCell, matrixOf } from '../../src/path/matrix.ts';
import { compileHost } from '../../src/path/model.ts';
import type { Verdict } from '../../src/path/verdict.ts';
import { buildTopology } from '../../src/topology/build.ts';

export type StandIn = (text: string) => string;

export const KEY = Uint8Array.from([7, 1, 4, 9, 200, 13, 66, 91, 5, 77, 18, 240, 33, 128, 2, 151]);

const endOf = (text: string, standIn: StandIn): string => {
  const port = /:(\d+)$/.exec(text);
  const address = port === null ? text : text.slice(0, port.index).replace(/^\[|\]$/g, '');
  return `${standIn(address)}${port === null ? '' : ` ${port[1]}`}`;
};

/** What of a verdict must be the same, with names and addresses as `standIn` maps them. */
export const essence = (verdict: Verdict, standIn: StandIn): unknown => {
  const { decidedBy: by } = verdict;
  return {
    outcome: verdict.outcome,
    by: [by.kind, by.backend, by.family, by.table && standIn(by.table), by.chain && standIn(by.chain), by.rule, by.reason],
    rejectWith: verdict.rejectWith,
    nat: verdict.nat.map(({ kind, from, to, by: rule }) => [
      kind,
      endOf(from, standIn),
      endOf(to, standIn),
      standIn(rule.chain),
      rule.rule,
    ]),
    out: verdict.out === null ? null : standIn(verdict.out),
    to: verdict.deliveredTo && [
      standIn(verdict.deliveredTo.container),
      verdict.deliveredTo.network && standIn(verdict.deliveredTo.network),
    ],
    steps: verdict.steps.map((step) => [
      step.hook,
      step.table && standIn(step.table),
      step.chain && standIn(step.chain),
      step.rule,
      step.action,
    ]),
    unknowns: verdict.unknowns.length,
    evidence: verdict.evidence,
  };
};

const cellEssence = (cell: MatrixCell, standIn: StandIn): unknown => ({
  from: standIn(cell.from),
  to: standIn(cell.to),
  proto: cell.proto,
  verdict: essence(cell.verdict, standIn),
  reply: cell.reply === null ? null : essence(cell.reply, standIn),
});

/** Every pair's verdict, sorted as text. */
export const matrixEssence = (document: SnapshotDocument, standIn: StandIn): readonly string[] => {
  const facts = readFacts(document);
  const topology = buildTopology(facts);
  const matrix = matrixOf(compileHost(facts), topology, { from: null, to: null, ports: null });
  return matrix.cells.map((cell) => JSON.stringify(cellEssence(cell, standIn))).sort();
};

/** `host`, `outside` and `local` are no names of anybody. */
export const mapping =
  (standIn: StandIn): StandIn =>
  (text) =>
    text === 'host' || text === 'outside' || text === 'local' ? text : standIn(text);

export const asIs: StandIn = (text) => text;
