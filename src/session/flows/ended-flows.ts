/**
 * Flows that have ended: each is told once, with its last verdict. Then it stays known as long as there are not too many flows, or is
 * forgotten at once where nobody will ask for it.
 */
import type { Flow } from '../../flow/flow.ts';
import type { FlowTable } from '../../flow/table.ts';
import type { CaptureCounts } from '../capture/capture-counts.ts';
import type { Observers } from '../capture/observers.ts';
import type { FlowJudge } from '../verdicts/flow-judge.ts';
import type { VerdictQueue } from '../verdicts/verdict-queue.ts';
import { isRow } from './flow-note.ts';
import type { FlowNotes } from './flow-notes.ts';
import type { FlowRows } from './flow-rows.ts';
import type { ProxiedHalves } from './proxied-halves.ts';
import type { Settling } from './settling.ts';

export interface EndedFlowsParts {
  readonly table: FlowTable;
  readonly notes: FlowNotes;
  readonly judge: FlowJudge;
  readonly verdicts: VerdictQueue;
  readonly rows: FlowRows;
  readonly proxied: ProxiedHalves;
  readonly observers: Observers;
  readonly counts: CaptureCounts;
  /** Null as long as there is one point only. */
  readonly settling: () => Settling | null;
  /** Ended ones are kept as long as there are not more than so many flows. */
  readonly maxFlows: number;
  readonly keepEnded: boolean;
}

export class EndedFlows {
  readonly #parts: EndedFlowsParts;
  /** In the order in which they ended. */
  readonly #kept = new Map<number, Flow>();
  /** Those that there was no room for. */
  #dropped = 0;
  /** Those that nobody was to ask for again. */
  #forgotten = 0;

  constructor(parts: EndedFlowsParts) {
    this.#parts = parts;
  }

  /** Conversations, ended and open: the stages of one count once. */
  get flowCount(): number {
    return this.#keptFlows + this.#forgotten;
  }

  /** Flows that are not shown any more because there were too many. */
  get flowsEvicted(): number {
    return this.#parts.table.untaken + this.#dropped;
  }

  get #keptFlows(): number {
    return this.#parts.table.size + this.#kept.size - (this.#parts.settling()?.trails.book.hidden ?? 0);
  }

  /** Takes over from the flow table those that it has ended. */
  take(): void {
    for (const flow of this.#parts.table.takeEnded()) {
      this.#announce(flow);
      if (this.#mayForget(flow)) this.#forget(flow);
      else this.#keep(flow);
    }
  }

  #announce(flow: Flow): void {
    const { notes, judge, verdicts, rows, observers, counts, settling } = this.#parts;
    const note = notes.get(flow.id);
    if (note === undefined || note.finished) return;
    counts.revision++;
    settling()?.settle(note);
    // Where nobody waits, its verdict, where it still has none, comes with its turn in the queue.
    if (!isRow(note) || observers.isEmpty) {
      note.finished = true;
      return;
    }
    if (note.queued) verdicts.judge(note);
    judge.recount(note);
    if (note.stage !== null) judge.lookAtTrail(note, true);
    note.finished = true;
    observers.flowEnded(rows.row(note));
  }

  #keep(flow: Flow): void {
    const { notes, proxied, settling, maxFlows } = this.#parts;
    const kept = this.#kept;
    kept.set(flow.id, flow);
    while (this.#keptFlows > maxFlows && kept.size > 0) {
      const oldest = kept.keys().next().value as number;
      const note = notes.get(oldest);
      kept.delete(oldest);
      notes.forget(oldest);
      proxied.forget(oldest);
      if (note === undefined || isRow(note)) this.#dropped++;
      if (note !== undefined && note.stage !== null) settling()?.trails.book.forget(note.stage);
    }
  }

  /** Not what other flows still refer to: stages of conversations, a tunnel's own flow, halves of a proxy's connection. */
  #mayForget(flow: Flow): boolean {
    const { keepEnded, settling, proxied } = this.#parts;
    return !keepEnded && settling() === null && (flow.carries ?? null) === null && !proxied.follows(flow.id);
  }

  #forget(flow: Flow): void {
    const { notes, verdicts } = this.#parts;
    notes.forget(flow.id);
    this.#forgotten++;
    verdicts.forgot();
  }
}
