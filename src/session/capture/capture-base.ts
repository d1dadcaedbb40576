/** What live captures and opened files have in common as CaptureViews; the two differ in where packets come from. */
import type { Verdict } from '../../path/verdict.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { PointCondition } from '../flows/trail-keeper.ts';
import type { HostStore } from '../host-store.ts';
import { FactsHistory } from '../saving/facts-history.ts';
import type { UsedPoint } from '../saving/live-saving.ts';
import type { SaveOptions } from '../saving/save-options.ts';
import { saveRing } from '../saving/save-ring.ts';
import type { CaptureState, LostCounts, PointState, SavingState, SessionEvent } from '../state/capture-state.ts';
import type { CaptureObserver, CaptureView, RingSelection, StoredPacket } from '../state/capture-view.ts';
import type { FlowPage, FlowQuery, FlowRow } from '../state/flow-row.ts';
import type { FlowQuestion, FlowTraced } from '../state/flow-verdict.ts';
import { CaptureCore } from './capture-core.ts';
import { Notifier } from './notifier.ts';
import { RateMeter } from './rate-meter.ts';

export interface CaptureBaseOptions {
  readonly store: HostStore;
  readonly filter: string;
  readonly keepPackets: boolean;
  readonly keepEnded?: boolean;
  readonly ringBytes?: number | undefined;
  readonly packetLimit: number | null;
  /** Seconds since the epoch. */
  readonly startedAt: number;
}

/** How far a point has come; PointState without its packet count, which the core knows. */
export type PointStatus = Omit<PointState, 'packets'>;

export abstract class CaptureBase implements CaptureView {
  abstract readonly finished: Promise<void>;
  protected readonly store: HostStore;
  protected readonly core: CaptureCore;
  /** Shared with the core: the index is the packets' interfaceId. */
  protected readonly points: CapturePoint[];
  protected readonly statuses: PointStatus[];
  protected readonly notifier = new Notifier();
  /** What the host was as long as packets are kept; null where none are. */
  protected readonly history: FactsHistory | null;
  protected readonly packetLimit: number | null;
  protected filter: string;
  protected startedAt: number;
  protected isFinished = false;
  readonly #rate = new RateMeter();
  #packetsPerSecond = 0;
  #state: CaptureState | null = null;
  #stateRevision = -1;

  constructor(points: readonly CapturePoint[], options: CaptureBaseOptions) {
    this.store = options.store;
    this.points = [...points];
    this.statuses = points.map((point) => ({ point, status: 'starting', engine: null, linkType: null, message: null, gaps: [] }));
    this.filter = options.filter;
    this.packetLimit = options.packetLimit;
    this.startedAt = options.startedAt;
    this.core = new CaptureCore({
      store: options.store,
      points: this.points,
      keepPackets: options.keepPackets,
      keepEnded: options.keepEnded ?? true,
      ringBytes: options.ringBytes,
      conditionOf: (point) => this.conditionOf(point),
      filter: () => this.filter,
    });
    this.core.rows.reordered = () => this.notifier.touch();
    const { ring } = this.core;
    this.history = ring === null ? null : new FactsHistory(options.store, () => ring.oldestSec);
  }

  protected abstract lost(): LostCounts;
  /** Packets that there was no time to look into. */
  protected countedOnly(): number {
    return 0;
  }
  protected abstract saving(): SavingState | null;
  protected abstract fileName(): string | null;
  /** What of a point says whether its silence means something. */
  protected abstract conditionOf(point: number): PointCondition;
  /** The points that listen or have listened, with what they have counted so far. */
  protected abstract usedPoints(): readonly UsedPoint[];
  /** Who stamps the point's packets, in words. */
  protected abstract stampsOf(point: number): string;
  abstract setFilter(filter: string): Promise<void>;
  abstract startSaving(path: string, options?: SaveOptions): Promise<void>;
  abstract stopSaving(): Promise<void>;
  abstract stop(): Promise<void>;

  getState(): CaptureState {
    if (this.#state !== null && this.#stateRevision === this.core.counts.revision) return this.#state;
    this.#stateRevision = this.core.counts.revision;
    this.#state = {
      points: this.statuses.map((status, index) => ({ ...status, packets: this.core.counts.packetsByPoint[index] ?? 0 })),
      filter: this.filter,
      startedAt: this.startedAt,
      packets: this.core.counts.packets,
      bytes: this.core.counts.bytes,
      packetsPerSecond: this.#packetsPerSecond,
      flows: this.core.flowCount,
      flowsEvicted: this.core.flowsEvicted,
      undecoded: this.core.counts.undecoded,
      countedOnly: this.countedOnly(),
      lost: this.lost(),
      saving: this.saving(),
      events: this.core.events.slice(),
      finished: this.isFinished,
      file: this.fileName(),
      revision: this.core.counts.revision,
    };
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    return this.notifier.subscribe(listener);
  }

  observe(observer: CaptureObserver): () => void {
    return this.core.observers.add(observer);
  }

  flows(query: FlowQuery): FlowPage {
    return this.core.answers.page(query);
  }

  flow(id: number): FlowRow | null {
    return this.core.answers.row(id);
  }

  packetsOf(flowId: number, limit: number): readonly StoredPacket[] {
    return this.core.answers.packetsOf(flowId, limit);
  }

  explain(flowId: number): { readonly verdict: Verdict; readonly reply: Verdict | null } | null {
    return this.core.answers.explain(flowId);
  }

  question(flowId: number): FlowQuestion | null {
    return this.core.answers.question(flowId);
  }

  noteTrace(flowId: number, direction: 'there' | 'reply', traced: FlowTraced): void {
    this.core.answers.noteTrace(flowId, direction, traced);
    this.notifier.touch();
  }

  why(flowId: number): readonly string[] {
    return this.core.answers.why(flowId);
  }

  async saveRing(path: string, what?: RingSelection): Promise<number> {
    const source = {
      core: this.core,
      points: this.points,
      gaps: this.statuses.map(({ gaps }) => gaps),
      facts: (fromSec: number, toSec: number) => this.history?.between(fromSec, toSec) ?? [],
      used: () => this.usedPoints(),
      filter: this.filter,
      stamps: (point: number) => this.stampsOf(point),
    };
    return await saveRing(path, source, what);
  }

  /** Says what happened, to the screens' event list and to observers. */
  protected say(severity: SessionEvent['severity'], text: string): void {
    this.core.event({ at: Date.now() / 1000, severity, text });
    this.notifier.touch();
  }

  /** Returns its index, which is its packets' interfaceId. */
  protected addPoint(point: CapturePoint): number {
    this.statuses.push({ point, status: 'starting', engine: null, linkType: null, message: null, gaps: [] });
    return this.points.push(point) - 1;
  }

  protected setPoint(index: number, change: Partial<PointStatus>): void {
    const old = this.statuses[index];
    if (old === undefined) return;
    this.statuses[index] = { ...old, ...change };
    this.core.counts.revision++;
    this.notifier.touch();
  }

  protected measureRate(): void {
    const rate = this.#rate.sample(this.core.counts.packets, performance.now());
    if (rate === this.#packetsPerSecond) return;
    this.#packetsPerSecond = rate;
    this.core.counts.revision++;
  }

  protected get isAtLimit(): boolean {
    return this.packetLimit !== null && this.core.counts.packets >= this.packetLimit;
  }
}
