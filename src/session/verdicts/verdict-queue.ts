/** Flows wait here for their verdicts, the first and every later one, so that packets need not wait for the rules. */

import type { CaptureCounts } from '../capture/capture-counts.ts';
import { type FlowNote, NOT_TRACED } from '../flows/flow-note.ts';
import type { FlowNotes } from '../flows/flow-notes.ts';
import type { HostStore } from '../host-store.ts';
import type { FlowJudge } from './flow-judge.ts';

export interface VerdictQueueParts {
  readonly store: HostStore;
  readonly judge: FlowJudge;
  readonly notes: FlowNotes;
  readonly counts: CaptureCounts;
  /** Gets each flow that has been judged, and whether its verdict is another than before. */
  readonly judged: (note: FlowNote, hasChanged: boolean) => void;
}

/** How long one turn may spend on verdicts while packets are coming in, in milliseconds. */
const BUDGET_MS = 8;
/** So many flows may wait for a look at the connections; more of them keep their assumptions. */
const MAX_WANTING = 2_000;
/** Forgotten flows that may stand in the queue. */
const FORGOTTEN_AT_ONCE = 1_000;

export class VerdictQueue {
  /** Why verdicts that were there before are made anew, in words. */
  reason = '';
  readonly #parts: VerdictQueueParts;
  #queue: FlowNote[] = [];
  readonly #wanting = new Set<FlowNote>();

  constructor(parts: VerdictQueueParts) {
    this.#parts = parts;
  }

  get length(): number {
    return this.#queue.length;
  }

  add(note: FlowNote): void {
    if (note.queued || !this.#parts.judge.isJudged(note.flow)) return;
    note.queued = true;
    this.#queue.push(note);
  }

  /** Judges what waits, for at most the budget. Returns whether everything is done. */
  judgeSome(): boolean {
    return this.#drain(BUDGET_MS);
  }

  judgeAll(): void {
    this.#drain(Number.POSITIVE_INFINITY);
  }

  /** Judges one before its turn. */
  judge(note: FlowNote): void {
    const { judge, counts, judged } = this.#parts;
    note.queued = false;
    const isFirst = note.verdict === null;
    const hasChanged = judge.judge(note, note.stale?.reason ?? this.reason, note.stale?.metSec ?? note.flow.lastSec);
    if (isFirst && note.wantsConnections && isWanted(note) && this.#wanting.size < MAX_WANTING) this.#wanting.add(note);
    counts.revision++;
    // What was traced was another decision.
    if (hasChanged) note.traced = NOT_TRACED;
    judged(note, hasChanged);
  }

  /** True where a look at the kernel's connections may settle what a verdict had to assume. */
  get wantsConnections(): boolean {
    return this.#wanting.size > 0;
  }

  /** The kernel's connections have been read: the flows that wanted that are judged anew, once. */
  connectionsRead(): void {
    this.reason = 'the connection was looked up in conntrack';
    for (const note of this.#wanting) if (!note.finished) this.add(note);
    this.#wanting.clear();
  }

  /** A flow was forgotten. Where no facts are known, nothing else takes the flows off the queue. */
  forgot(): void {
    const { notes } = this.#parts;
    if (this.#queue.length > FORGOTTEN_AT_ONCE + 2 * notes.size) this.#queue = this.#queue.filter((note) => notes.has(note.flow.id));
  }

  #drain(budgetMs: number): boolean {
    if (this.#queue.length === 0 || this.#parts.store.version === null) return true;
    const until = performance.now() + budgetMs;
    const queue = this.#queue;
    let done = 0;
    while (done < queue.length) {
      this.judge(queue[done++] as FlowNote);
      if ((done & 3) === 0 && performance.now() > until) break;
    }
    this.#queue = done === queue.length ? [] : queue.slice(done);
    return this.#queue.length === 0;
  }
}

/** A stage whose conversation was seen nearer to its sender has a better witness there. */
const isWanted = ({ stage }: FlowNote): boolean => stage === null || stage.set.first === stage;
