/**
 * A saved session with a cursor: what is shown is what was known at that moment. Forward it is read on; back it is read again from its
 * beginning, which is fast enough, and keeps nothing in memory beside what is shown.
 */
import type { Verdict } from '../../path/verdict.ts';
import type { FileCapture } from '../files/file-capture.ts';
import type { RuleHits } from '../rules/rule-hits.ts';
import type { CaptureState } from '../state/capture-state.ts';
import type { CaptureObserver, CaptureView, StoredPacket } from '../state/capture-view.ts';
import type { FlowPage, FlowQuery, FlowRow } from '../state/flow-row.ts';
import type { FlowQuestion, FlowTraced } from '../state/flow-verdict.ts';
import type { Replay, ReplayMark, ReplayPosition, TimeColumn } from '../state/replay-state.ts';
import type { RuleCounting } from '../state/rule-counting.ts';
import { ReplayOverview } from './replay-overview.ts';
import { Pace } from './replay-pace.ts';

/** The file as it is read once. */
export interface Reading {
  readonly capture: FileCapture;
  readonly rules: RuleHits;
}

const SPEEDS: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600];
const TICK_MS = 100;

export class ReplayCapture implements CaptureView, Replay {
  readonly finished: Promise<void>;
  readonly replay: Replay = this;
  readonly rules: RuleCounting = { uses: () => this.#rules.uses() };
  readonly #open: (pace: Pace) => Reading;
  readonly #overview = new ReplayOverview();
  readonly #listeners = new Set<() => void>();
  #capture: FileCapture;
  #rules: RuleHits;
  #pace = new Pace(Number.POSITIVE_INFINITY);
  #unsubscribe: () => void;
  #isRead = false;
  #isClosed = false;
  /** Where the cursor is to go, the newest wish alone; null where it is there. */
  #wantedSec: number | null = null;
  #isMoving = false;
  #atSec = Number.POSITIVE_INFINITY;
  #speed = 1;
  #timer: NodeJS.Timeout | null = null;

  /** `open` begins to read the file, as far as the pace allows. */
  constructor(open: (pace: Pace) => Reading) {
    this.#open = open;
    const { capture, rules } = open(this.#pace);
    this.#capture = capture;
    this.#rules = rules;
    this.#capture.observe(this.#overview);
    this.#unsubscribe = this.#capture.subscribe(() => this.#tell());
    this.finished = this.#capture.finished;
    this.finished.then(
      () => {
        this.#isRead = true;
        this.#tell();
      },
      () => {},
    );
  }

  get position(): ReplayPosition {
    const { endSec } = this.#overview;
    const isAtEnd = this.#atSec >= endSec;
    return { atSec: isAtEnd ? endSec : this.#atSec, isAtEnd, isPlaying: this.#timer !== null, speed: this.#speed };
  }

  get span(): Replay['span'] {
    const { startSec, endSec } = this.#overview;
    return !this.#isRead || startSec === null ? null : { startSec, endSec };
  }

  columns(count: number): readonly TimeColumn[] {
    return this.#overview.columns(count);
  }

  seek(atSec: number): void {
    const { span } = this;
    if (span === null || this.#isClosed) return;
    this.#wantedSec = atSec >= span.endSec ? Number.POSITIVE_INFINITY : Math.max(span.startSec, atSec);
    if (!this.#isMoving) void this.#move();
  }

  toggle(): void {
    const { span, position } = this;
    if (this.#timer !== null || span === null) {
      this.#pause();
      return;
    }
    let atSec = position.isAtEnd ? span.startSec : position.atSec;
    let lastMs = performance.now();
    if (position.isAtEnd) this.seek(atSec);
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      atSec += ((nowMs - lastMs) / 1000) * this.#speed;
      lastMs = nowMs;
      this.seek(atSec);
      if (atSec >= span.endSec) this.#pause();
    }, TICK_MS);
    this.#tell();
  }

  setSpeed(change: 1 | -1): void {
    const next = SPEEDS[SPEEDS.indexOf(this.#speed) + change];
    if (next !== undefined) this.#speed = next;
    this.#tell();
  }

  jump(mark: ReplayMark, direction: 1 | -1): boolean {
    const { position } = this;
    const next = mark === 'packet' ? this.#nextPacket(direction) : this.#overview.nearest(mark, position.atSec, direction);
    this.#pause();
    if (next === null) return false;
    this.seek(next);
    return true;
  }

  getState(): CaptureState {
    return this.#capture.getState();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  observe(observer: CaptureObserver): () => void {
    return this.#capture.observe(observer);
  }

  flows(query: FlowQuery): FlowPage {
    return this.#capture.flows(query);
  }

  flow(id: number): FlowRow | null {
    return this.#capture.flow(id);
  }

  packetsOf(flowId: number, limit: number): readonly StoredPacket[] {
    return this.#capture.packetsOf(flowId, limit);
  }

  explain(flowId: number): { readonly verdict: Verdict; readonly reply: Verdict | null } | null {
    return this.#capture.explain(flowId);
  }

  question(flowId: number): FlowQuestion | null {
    return this.#capture.question(flowId);
  }

  noteTrace(flowId: number, direction: 'there' | 'reply', traced: FlowTraced): void {
    this.#capture.noteTrace(flowId, direction, traced);
  }

  why(flowId: number): readonly string[] {
    return this.#capture.why(flowId);
  }

  setFilter(): Promise<void> {
    return this.#capture.setFilter();
  }

  startSaving(): Promise<void> {
    return this.#capture.startSaving();
  }

  stopSaving(): Promise<void> {
    return this.#capture.stopSaving();
  }

  saveRing(...given: Parameters<CaptureView['saveRing']>): Promise<number> {
    return this.#capture.saveRing(...given);
  }

  async stop(): Promise<void> {
    this.#isClosed = true;
    this.#pause();
    this.#unsubscribe();
    this.#listeners.clear();
    this.#pace.free();
    await this.#capture.stop();
  }

  /** One packet back is not known: the file is read forward only. */
  #nextPacket(direction: 1 | -1): number | null {
    return direction === 1 ? this.#pace.heldSec : null;
  }

  #pause(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#tell();
  }

  async #move(): Promise<void> {
    this.#isMoving = true;
    try {
      while (this.#wantedSec !== null && !this.#isClosed) {
        const atSec = this.#wantedSec;
        this.#wantedSec = null;
        if (atSec === this.#atSec) continue;
        if (atSec > this.#atSec) await this.#readOn(atSec);
        else await this.#readAgain(atSec);
        this.#atSec = atSec;
        this.#tell();
      }
    } finally {
      this.#isMoving = false;
    }
  }

  async #readOn(atSec: number): Promise<void> {
    this.#pace.allow(atSec);
    await Promise.race([this.#pace.reached(), this.#capture.finished]);
  }

  /** What is shown stays until the other is as far. */
  async #readAgain(atSec: number): Promise<void> {
    const pace = new Pace(atSec);
    this.#rules.close();
    const { capture, rules } = this.#open(pace);
    await Promise.race([pace.reached(), capture.finished]);
    const old = { capture: this.#capture, pace: this.#pace };
    this.#unsubscribe();
    this.#capture = capture;
    this.#rules = rules;
    this.#pace = pace;
    this.#unsubscribe = capture.subscribe(() => this.#tell());
    old.pace.free();
    await old.capture.stop();
    if (this.#isClosed) await this.stop();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
