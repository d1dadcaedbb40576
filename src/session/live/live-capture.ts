/**
 * A live capture: engines at one or more points, facts kept fresh, and a session file where one is wanted. It follows its
 * containers: where a container comes back with another veth, capturing goes on there, and the person is told.
 */
import type { AgentClient } from '../../agent/client.ts';
import type { EngineKind } from '../../agent/protocol.ts';
import { failure, type VethscopeError } from '../../base/errors.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import { CaptureBase } from '../capture/capture-base.ts';
import type { PointCondition } from '../flows/trail-keeper.ts';
import type { HostStore } from '../host-store.ts';
import { CaptureSaving } from '../saving/capture-saving.ts';
import type { SavingSource, UsedPoint } from '../saving/live-saving.ts';
import type { SaveOptions } from '../saving/save-options.ts';
import type { LostCounts, SavingState } from '../state/capture-state.ts';
import type { CaptureOptions } from '../state/workspace.ts';
import { ConnectionLookUp } from './connection-look-up.ts';
import { LiveFeed } from './live-feed.ts';
import { type EndedEvent, LivePoints, type PointsOwner } from './live-points.ts';

const TICK_MS = 100;
const NOT_LISTENING: PointCondition = { sinceSec: null, lost: null, hasKernelStamps: false };

export interface LiveCaptureOptions extends CaptureOptions {
  readonly agent: AgentClient;
  readonly store: HostStore;
  /** What `auto` means here. */
  readonly defaultEngine: EngineKind;
}

export class LiveCapture extends CaptureBase {
  readonly finished: Promise<void>;
  readonly #feed: LiveFeed;
  readonly #live: LivePoints;
  readonly #saving: CaptureSaving;
  readonly #connections: ConnectionLookUp;
  readonly #stopListening: () => void;
  #stoppedAtSec: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopping: Promise<void> | null = null;
  #settle: { resolve: () => void; reject: (error: unknown) => void } = { resolve: () => {}, reject: () => {} };

  constructor(points: readonly CapturePoint[], options: LiveCaptureOptions) {
    const { agent, store, engine, defaultEngine, whole = [] } = options;
    super(points, {
      store,
      filter: options.filter,
      keepPackets: options.keepPackets ?? true,
      ringBytes: options.ringBytes,
      packetLimit: options.packetLimit ?? null,
      startedAt: Date.now() / 1000,
    });
    this.finished = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.finished.catch(() => {});
    const say: typeof this.say = (severity, text) => this.say(severity, text);
    this.#saving = new CaptureSaving(this.core, this.#savingSource());
    this.#feed = new LiveFeed({
      core: this.core,
      notifier: this.notifier,
      isAtLimit: () => this.isAtLimit,
      atLimit: () => void this.stop(),
      say,
    });
    this.#live = new LivePoints(this.#pointsOwner(), { agent, store, engine: engine === 'auto' ? defaultEngine : engine, whole });
    this.#connections = new ConnectionLookUp({ agent, store, verdicts: this.core.verdicts, read: () => this.#saving.facts(), say });
    this.#stopListening = store.subscribe((reason) => this.#hostChanged(reason));
  }

  /** Starts the engines and, where wanted, the file. Rejects where the file cannot be made. */
  async begin(saveTo: string | null, save?: SaveOptions): Promise<void> {
    if (saveTo !== null) await this.startSaving(saveTo, save);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    await this.#live.start();
  }

  protected lost(): LostCounts {
    return this.#live.lost();
  }

  protected override countedOnly(): number {
    return this.#feed.overlooked;
  }

  protected saving(): SavingState | null {
    return this.#saving.state;
  }

  protected fileName(): null {
    return null;
  }

  protected conditionOf(point: number): PointCondition {
    return this.#live.run(point)?.condition(this.#feed.overlookedAt(point)) ?? NOT_LISTENING;
  }

  protected usedPoints(): readonly UsedPoint[] {
    return this.#live.used;
  }

  protected stampsOf(point: number): string {
    return this.#live.run(point)?.stamps ?? 'unknown';
  }

  async setFilter(filter: string): Promise<void> {
    const before = this.filter;
    this.filter = filter;
    this.say('info', filter === '' ? 'the filter was taken away' : `the filter is now: ${filter}`);
    await this.#live.restart();
    const failed = this.statuses.find((status) => status.status === 'failed');
    if (failed === undefined) return;
    this.filter = before;
    await this.#live.restart();
    throw failure(failed.message ?? 'the filter was not accepted', {
      hint: `the capture goes on with the filter it had: ${before || 'none'}`,
    });
  }

  startSaving(path: string, options: SaveOptions = {}): Promise<void> {
    return this.#saving.start(path, options);
  }

  stopSaving(): Promise<void> {
    return this.#saving.stop();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    this.#stoppedAtSec = Date.now() / 1000;
    await this.#live.stop();
    this.core.verdicts.judgeAll();
    await this.#saving.end();
    this.#close();
    this.#settle.resolve();
  }

  #close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#stopListening();
    this.history?.close();
    this.core.finishAll(this.#stoppedAtSec ?? Date.now() / 1000);
    this.isFinished = true;
    this.statuses.forEach((status, index) => {
      if (status.status !== 'failed') this.setPoint(index, { status: 'stopped' });
    });
    this.core.counts.revision++;
    this.notifier.touch();
  }

  #pointsOwner(): PointsOwner {
    return {
      points: this.points,
      statuses: this.statuses,
      feed: this.#feed,
      filter: () => this.filter,
      isStopping: () => this.#stopping !== null,
      addPoint: (point) => this.addPoint(point),
      setPoint: (index, change) => this.setPoint(index, change),
      say: (severity, text) => this.say(severity, text),
      listens: (index, linkType, gap) => this.#saving.describe(index, linkType, gap),
      allFailed: (event) => this.#allFailed(event),
    };
  }

  #savingSource(): SavingSource {
    return {
      points: this.points,
      noteOf: (point, linkType) => ({
        linkType,
        filter: this.filter,
        timeStampSource: this.stampsOf(point),
        gap: this.statuses[point]?.gaps.at(-1) ?? null,
      }),
      facts: () => this.store.version,
      used: () => this.usedPoints(),
      say: (severity, text) => this.say(severity, text),
      over: (reason) => {
        this.say('info', `${reason}: the capture ends`);
        void this.stop();
      },
    };
  }

  /** Nothing is left to capture with: what has been seen stays, the capture is over. */
  #allFailed(event: EndedEvent): void {
    if (this.#stopping !== null) return;
    if (this.core.counts.packets > 0) {
      void this.stop();
      return;
    }
    const kind: VethscopeError['kind'] = event.end === 'no-privilege' || event.end === 'engine-missing' ? 'missing' : 'failure';
    const error = failure(event.message, event.hint === null ? {} : { hint: event.hint });
    Object.assign(error, { kind: event.end === 'bad-filter' ? 'usage' : kind });
    this.#settle.reject(error);
  }

  #hostChanged(reason: string | null): void {
    if (reason === null) {
      this.core.renewal.recount();
      this.notifier.touch();
      return;
    }
    this.say('info', reason);
    this.#saving.facts();
    this.core.renewal.rejudge(reason, Number(this.store.version?.document.takenAt ?? 0), this.store.unchangedAtSec);
    this.#live.follow();
    this.core.verdicts.judgeSome();
    this.notifier.touch();
  }

  #tick(): void {
    const nowMs = Date.now();
    this.core.advance(Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000);
    this.core.verdicts.judgeSome();
    this.#saving.tick();
    this.#connections.tick();
    this.#feed.tick();
    this.#live.passed(performance.now());
    this.measureRate();
    this.notifier.touch();
  }
}
