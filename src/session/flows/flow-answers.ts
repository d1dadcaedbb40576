/** What is asked of a capture's flows: rows and packets to show, verdicts to explain. */
import type { Verdict } from '../../path/verdict.ts';
import type { CaptureCounts } from '../capture/capture-counts.ts';
import type { PacketRing } from '../capture/packet-ring.ts';
import type { HostStore } from '../host-store.ts';
import type { StoredPacket } from '../state/capture-view.ts';
import type { FlowPage, FlowQuery, FlowRow } from '../state/flow-row.ts';
import type { FlowQuestion, FlowTraced } from '../state/flow-verdict.ts';
import type { FlowJudge } from '../verdicts/flow-judge.ts';
import { diagnosisOf } from './diagnose-flow.ts';
import type { FlowNotes } from './flow-notes.ts';
import type { FlowRows } from './flow-rows.ts';
import type { ProxiedHalves } from './proxied-halves.ts';

export interface FlowAnswersParts {
  readonly store: HostStore;
  readonly notes: FlowNotes;
  readonly rows: FlowRows;
  readonly judge: FlowJudge;
  readonly proxied: ProxiedHalves;
  readonly ring: PacketRing | null;
  readonly counts: CaptureCounts;
}

export class FlowAnswers {
  readonly #parts: FlowAnswersParts;

  constructor(parts: FlowAnswersParts) {
    this.#parts = parts;
  }

  page(query: FlowQuery): FlowPage {
    const { rows, notes, counts } = this.#parts;
    return rows.page(() => notes.rows(), notes.size, query, counts.revision);
  }

  row(id: number): FlowRow | null {
    const note = this.#parts.notes.get(id);
    return note === undefined ? null : this.#parts.rows.row(note);
  }

  /** The row that a flow belongs to: its own, or that of the conversation which it is a stage of. */
  rowOfFlow(flowId: number): FlowRow | null {
    const stage = this.#parts.notes.get(flowId)?.stage ?? null;
    return this.row(stage === null ? flowId : stage.set.first.flow.id);
  }

  commentOf(flowId: number): string | null {
    const row = this.row(flowId);
    return row === null ? null : this.#parts.rows.comment(row);
  }

  packetsOf(flowId: number, limit: number): readonly StoredPacket[] {
    const { notes, ring } = this.#parts;
    const note = notes.get(flowId);
    return note === undefined || ring === null ? [] : ring.chain(note.lastSequence, limit, flowId);
  }

  /** Which flow a packet of the ring belongs to, null where it is forgotten. */
  flowOfPacket(sequence: number): number | null {
    return this.#parts.ring?.tagOf(sequence) ?? null;
  }

  /** Whether its first verdict is still to come. */
  isUndecided(flowId: number): boolean {
    const note = this.#parts.notes.get(flowId);
    return note !== undefined && note.verdict === null && note.queued;
  }

  explain(flowId: number): { readonly verdict: Verdict; readonly reply: Verdict | null } | null {
    const { notes, judge } = this.#parts;
    const note = notes.deciding(flowId);
    return note === null ? null : judge.explain(note);
  }

  question(flowId: number): FlowQuestion | null {
    const { notes, judge } = this.#parts;
    const note = notes.deciding(flowId);
    return note === null || !judge.isJudged(note.flow) ? null : judge.question(note);
  }

  why(flowId: number): readonly string[] {
    const { store, notes, judge, proxied } = this.#parts;
    const note = notes.deciding(flowId);
    const { version } = store;
    if (note === null || version === null || note.verdict === null) return [];
    const halves = proxied.tell(note.flow.id, (id) => notes.isRow(id));
    return [...diagnosisOf(version, note, judge.question(note)), ...halves];
  }

  noteTrace(flowId: number, direction: 'there' | 'reply', traced: FlowTraced): void {
    const { notes, counts } = this.#parts;
    const note = notes.get(flowId);
    if (note === undefined) return;
    note.traced = { ...note.traced, [direction]: traced };
    counts.revision++;
  }
}
