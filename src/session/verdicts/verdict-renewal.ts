/** What becomes of verdicts when the host has changed, and what they rest on when its counters have been read again. */
import type { Flow } from '../../flow/flow.ts';
import type { FlowTable } from '../../flow/table.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { CaptureCounts } from '../capture/capture-counts.ts';
import type { Observers } from '../capture/observers.ts';
import { type FlowNote, isRow } from '../flows/flow-note.ts';
import type { FlowNotes } from '../flows/flow-notes.ts';
import type { FlowRows } from '../flows/flow-rows.ts';
import type { HostStore } from '../host-store.ts';
import type { FlowJudge } from './flow-judge.ts';
import type { VerdictQueue } from './verdict-queue.ts';

export interface VerdictRenewalParts {
  readonly store: HostStore;
  readonly points: readonly CapturePoint[];
  readonly table: FlowTable;
  readonly notes: FlowNotes;
  readonly judge: FlowJudge;
  readonly verdicts: VerdictQueue;
  readonly rows: FlowRows;
  readonly observers: Observers;
  readonly counts: CaptureCounts;
}

/** A flow's trail is looked at for so long after its last packet. */
const LOOKED_AT_SEC = 6;
/** How long a look at the trails may take after each reading of the counters, in milliseconds. */
const TRAIL_BUDGET_MS = 12;

export class VerdictRenewal {
  readonly #parts: VerdictRenewalParts;

  constructor(parts: VerdictRenewalParts) {
    this.#parts = parts;
  }

  /**
   * The facts are others than before, since `atSec`: every flow that goes on is judged anew with its next packet, and `reason` is said
   * where its verdict changes. What began after `unchangedSec` may have met the new ones already: where the old verdict cannot be, the
   * new facts are asked.
   */
  rejudge(reason: string, atSec: number, unchangedSec: number): void {
    const { table, notes, judge, verdicts } = this.#parts;
    verdicts.reason = reason;
    const isGone = this.#gonePoints();
    for (const note of notes.all()) {
      if (isGone[note.flow.interfaceId] || note.headSec <= unchangedSec || !judge.isContradicted(note)) continue;
      note.stale = { reason, sinceSec: atSec };
      note.wholly = true;
      verdicts.add(note);
    }
    table.forbidPlain();
    for (const flow of table.all()) {
      const note = notes.get(flow.id);
      if (note === undefined) continue;
      note.searchable = null;
      // What was decided while the interface was there stays true of the packets that were seen.
      if (isGone[flow.interfaceId] && note.verdict !== null) continue;
      if (note.verdict === null || note.wantsConnections) verdicts.add(note);
      // What passed was decided by the rules of then. The new ones decide about the flow's next packet.
      else if (!isOver(flow)) note.stale ??= { reason, sinceSec: atSec };
    }
  }

  /** New counters were read: evidence is looked at again. */
  recount(): void {
    const { notes, judge, counts, rows, observers } = this.#parts;
    const until = performance.now() + TRAIL_BUDGET_MS;
    for (const note of notes.all()) {
      const before = note.verdict?.contradiction ?? null;
      if (note.finished || !isRow(note)) continue;
      const hasMoved = judge.recount(note);
      if (!(this.#looksAtTrail(note, until) && judge.lookAtTrail(note, false)) && !hasMoved) continue;
      counts.revision++;
      if (before !== null || (note.verdict?.contradiction ?? null) === null) continue;
      observers.verdictChanged(rows.row(note));
    }
  }

  /** By point: whether it was an interface of the host that is not there any more. */
  #gonePoints(): readonly boolean[] {
    const { store, points } = this.#parts;
    const links = store.version?.facts.self.links ?? null;
    return points.map((point) => point.netns === null && links !== null && !links.some((link) => link.name === point.interface));
  }

  /** Flows that have been silent for long have been looked at. */
  #looksAtTrail(note: FlowNote, untilMs: number): boolean {
    return note.stage !== null && this.#parts.store.readAtSec < note.flow.lastSec + LOOKED_AT_SEC && performance.now() < untilMs;
  }
}

/** Nothing more will be asked about it: rules that change now do not concern it. */
const isOver = (flow: Flow): boolean => flow.ended || flow.tcp?.phase === 'closed' || flow.tcp?.phase === 'reset';
