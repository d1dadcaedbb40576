/** What a saved session holds along its time, gathered while it is read for the first time; bounded whatever its length. */
import type { Direction, Flow } from '../../flow/flow.ts';
import type { Packet } from '../../packet/packet.ts';
import type { SessionEvent } from '../state/capture-state.ts';
import type { CaptureObserver } from '../state/capture-view.ts';
import type { FlowRow } from '../state/flow-row.ts';
import type { TimeColumn } from '../state/replay-state.ts';

/** Buckets begin narrow, and two become one whenever there are too many of them. */
const FIRST_WIDTH_SEC = 0.001;
const MAX_BUCKETS = 4096;
const MAX_MARKS = 10_000;

export class ReplayOverview implements CaptureObserver {
  startSec: number | null = null;
  endSec = 0;
  #widthSec = FIRST_WIDTH_SEC;
  #counts: number[] = [];
  readonly #changes: number[] = [];
  /** Times of packets that were dropped or refused, one for each flow and bucket. */
  #drops: number[] = [];
  readonly #dropping = new Set<number>();
  /** Of flows without a verdict yet: the time of the packet that began each bucket. */
  readonly #undecided = new Map<number, number[]>();

  packet(packet: Packet, flow: Flow, _direction: Direction): void {
    const atSec = packet.timeSec + packet.timeNsec / 1e9;
    this.startSec ??= atSec;
    this.endSec = Math.max(this.endSec, atSec);
    const bucket = this.#bucketOf(atSec);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    if (this.#dropping.has(flow.id)) this.#drop(atSec);
    else this.#undecided.get(flow.id)?.push(atSec);
    if (flow.packets[0] + flow.packets[1] === 1) this.#undecided.set(flow.id, [atSec]);
  }

  verdictChanged(row: FlowRow): void {
    const { flow, verdict } = row;
    const isDropped = verdict?.verdict.outcome === 'drop' || verdict?.verdict.outcome === 'reject';
    const seen = this.#undecided.get(flow.id) ?? [flow.lastSec + flow.lastNsec / 1e9];
    this.#undecided.delete(flow.id);
    if (isDropped) {
      this.#dropping.add(flow.id);
      for (const atSec of seen) this.#drop(atSec);
    } else this.#dropping.delete(flow.id);
    const change = verdict?.changes.at(-1);
    if (change !== undefined) this.#mark(this.#changes, change.at);
  }

  flowEnded({ flow }: FlowRow): void {
    this.#undecided.delete(flow.id);
    this.#dropping.delete(flow.id);
  }

  event({ at }: SessionEvent): void {
    this.#mark(this.#changes, at);
  }

  columns(count: number): readonly TimeColumn[] {
    const columns = Array.from({ length: Math.max(1, count) }, () => ({ packets: 0, isDropped: false, isChanged: false }));
    if (this.startSec === null) return columns;
    const at = (sec: number): (typeof columns)[number] | undefined => columns[this.columnOf(sec, columns.length)];
    for (const [bucket, packets] of this.#counts.entries()) {
      const column = at(this.startSec + bucket * this.#widthSec);
      if (column !== undefined && packets !== undefined) column.packets += packets;
    }
    for (const sec of this.#drops) {
      const column = at(sec);
      if (column !== undefined) column.isDropped = true;
    }
    for (const sec of this.#changes) {
      const column = this.#isWithin(sec) ? at(sec) : undefined;
      if (column !== undefined) column.isChanged = true;
    }
    return columns;
  }

  columnOf(sec: number, count: number): number {
    const start = this.startSec ?? 0;
    const length = Math.max(this.endSec - start, FIRST_WIDTH_SEC);
    return Math.max(0, Math.min(count - 1, Math.floor(((sec - start) / length) * count)));
  }

  /** The nearest mark in a direction, seconds since the epoch; null where there is none. */
  nearest(kind: 'change' | 'drop', fromSec: number, direction: 1 | -1): number | null {
    const marks = kind === 'drop' ? this.#drops : this.#changes.filter((sec) => this.#isWithin(sec));
    let best: number | null = null;
    for (const sec of marks) {
      const isAhead = direction === 1 ? sec > fromSec : sec < fromSec;
      if (isAhead && (best === null || Math.abs(sec - fromSec) < Math.abs(best - fromSec))) best = sec;
    }
    return best;
  }

  /** What happened around the capture, and not in it, has no place on the bar. */
  #isWithin(sec: number): boolean {
    return this.startSec !== null && sec >= this.startSec && sec <= this.endSec;
  }

  #bucketOf(atSec: number): number {
    const start = this.startSec ?? atSec;
    while ((atSec - start) / this.#widthSec >= MAX_BUCKETS) this.#halve();
    // Packets of several interfaces may lie before the first one of the file.
    return Math.max(0, Math.floor((atSec - start) / this.#widthSec));
  }

  #halve(): void {
    const counts: number[] = [];
    for (const [bucket, count] of this.#counts.entries()) counts[bucket >> 1] = (counts[bucket >> 1] ?? 0) + (count ?? 0);
    this.#counts = counts;
    this.#widthSec *= 2;
  }

  #drop(atSec: number): void {
    const last = this.#drops.at(-1);
    if (last !== undefined && Math.abs(atSec - last) < this.#widthSec) return;
    // Every second one of too many still shows where they are.
    if (this.#drops.length >= MAX_MARKS) this.#drops = this.#drops.filter((_sec, at) => at % 2 === 0);
    this.#drops.push(atSec);
  }

  #mark(marks: number[], atSec: number): void {
    if (marks.length < MAX_MARKS && marks.at(-1) !== atSec) marks.push(atSec);
  }
}
