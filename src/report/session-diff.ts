/** What other rules would change of a session, and its flows counted by what becomes of them, the most important first. */
import { type ChangeKind, type Effect, type VerdictChange, weightOf } from '../path/verdict-change.ts';
import type { CaptureState } from '../session/state/capture-state.ts';
import type { FlowRow } from '../session/state/flow-row.ts';
import type { FlowVerdict } from '../session/state/flow-verdict.ts';

export interface ChangedFlow {
  /** Its verdict is the one by the other rules. */
  readonly row: FlowRow;
  readonly before: FlowVerdict;
  readonly after: FlowVerdict;
  readonly change: VerdictChange;
}

export interface SessionDiff {
  /** The most important first; those of one weight in the order in which they began. */
  readonly changed: readonly ChangedFlow[];
  readonly flows: number;
  /** Flows that the host's rules have a say in, and that were judged both times. */
  readonly compared: number;
  readonly state: CaptureState;
}

export interface Tally {
  /** The strongest kind of these changes. */
  readonly kind: ChangeKind;
  readonly before: Effect;
  readonly after: Effect;
  readonly weight: number;
  readonly flows: number;
  readonly packets: number;
}

export const tallyOf = (changed: readonly ChangedFlow[]): readonly Tally[] => {
  const tallies = new Map<string, Tally>();
  for (const { row, change } of changed) {
    const kind = change.kinds[0] as ChangeKind;
    const { before, after } = change;
    const key = `${kind} ${before} ${after}`;
    const known = tallies.get(key) ?? { kind, before, after, weight: weightOf(change), flows: 0, packets: 0 };
    const packets = known.packets + row.flow.packets[0] + row.flow.packets[1];
    tallies.set(key, { ...known, flows: known.flows + 1, packets });
  }
  return [...tallies.values()].sort((x, y) => x.weight - y.weight || y.flows - x.flows);
};
