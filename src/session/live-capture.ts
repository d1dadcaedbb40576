/**
 * A live capture: engines at one or more points, facts kept fresh, and a session file where one is wanted. It follows its
 * containers: where a container comes back with another veth, capturing goes on there, and the person is told.
 */
import type { AgentClient, CaptureEvent } from '../agent/client.ts';
import type { CaptureNamespace, EngineKind } from '../agent/protocol.ts';
import { assertNever } from '../base/assert-never.ts';
import { failure, messageOf, type VethscopeError } from '../base/errors.ts';
import { savedTo } from '../report/summary-lines.ts';
import { pointName } from '../topology/points.ts';
import type { CapturePoint } from '../topology/topology.ts';
import { CaptureBase, type PointStatus } from './capture-base.ts';
import { gapWords } from './capture-gap.ts';
import { Following, type FollowStep } from './following.ts';
import { connectionsOf, type HostStore } from './host-store.ts';
import { LivePoint, total } from './live-point.ts';
import { namespaceOf } from './namespace-of.ts';
import { pointFilter } from './point-filter.ts';
import { LiveSaving, type SavingSource, type UsedPoint } from './saving/live-saving.ts';
import type { SaveOptions } from './saving/save-options.ts';
import { SelectedSink } from './saving/selected-sink.ts';
import { Shedding } from './shedding.ts';
import type { CaptureOptions, LostCounts, SavingState } from './state.ts';
import type { PointCondition } from './trail-keeper.ts';

const TICK_MS = 100;
const KERNEL_STAMPS = 'kernel';
/** The connections are not read more often than this. */
const CONNECTIONS_MS = 1_000;

export interface LiveCaptureOptions extends CaptureOptions {
  readonly agent: AgentClient;
  readonly store: HostStore;
  /** What `auto` means here. */
  readonly defaultEngine: EngineKind;
}

export class LiveCapture extends CaptureBase {
  readonly finished: Promise<void>;
  readonly #engine: EngineKind;
  readonly #live: LivePoint[] = [];
  readonly #following: Following;
  /** By point: what its engine does, as far as following must know. */
  readonly #runs: PointRun[] = [];
  readonly #shedding = new Shedding();
  readonly #linkTypes: number[] = [];
  readonly #stamps: string[] = [];
  /** By point: since when it listens without a break, seconds since the epoch; null while it does not. */
  readonly #since: (number | null)[] = [];
  readonly #stopListening: () => void;
  readonly #agent: AgentClient;
  #stoppedAtSec: number | null = null;
  #lookingUp = false;
  #cutInPipe = 0;
  #connectionsAtMs = 0;
  #saving: LiveSaving | null = null;
  #selected: SelectedSink | null = null;
  #stopSelecting: () => void = () => {};
  /** What became of a saving that failed, or that went on to the end. */
  #saved: SavingState | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopping: Promise<void> | null = null;
  #settle: { resolve: () => void; reject: (error: unknown) => void } = { resolve: () => {}, reject: () => {} };

  constructor(points: readonly CapturePoint[], options: LiveCaptureOptions) {
    super(points, {
      store: options.store,
      filter: options.filter,
      keepPackets: options.keepPackets ?? true,
      ringBytes: options.ringBytes,
      packetLimit: options.packetLimit ?? null,
      startedAt: Date.now() / 1000,
    });
    this.#agent = options.agent;
    this.#engine = options.engine === 'auto' ? options.defaultEngine : options.engine;
    this.finished = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.finished.catch(() => {});
    this.#following = new Following(points, options.whole ?? [], options.store.version);
    points.forEach((_point, index) => {
      this.#prepare(index);
    });
    this.#stopListening = options.store.subscribe((reason) => this.#hostChanged(reason));
  }

  /** Starts the engines and, where wanted, the file. Rejects where the file cannot be made. */
  async begin(saveTo: string | null, save?: SaveOptions): Promise<void> {
    if (saveTo !== null) await this.startSaving(saveTo, save);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    await Promise.all(this.points.map((_point, index) => this.#startPoint(index)));
  }

  protected lost(): LostCounts {
    const counts = this.#live.filter(({ hasBegun }) => hasBegun).map((point) => point.counts);
    return { kernel: total(counts, ({ kernel }) => kernel), engine: total(counts, ({ engine }) => engine), pipe: this.#cutInPipe };
  }

  protected override countedOnly(): number {
    return this.#shedding.packets;
  }

  protected saving(): SavingState | null {
    return this.#saving?.state ?? this.#saved;
  }

  protected fileName(): null {
    return null;
  }

  protected conditionOf(point: number): PointCondition {
    const counts = this.#live[point]?.counts;
    const { kernel = null, engine = null } = counts ?? {};
    const known = kernel === null ? (engine === 0 ? null : engine) : kernel + (engine ?? 0) + (counts?.interface ?? 0);
    const overlooked = this.#shedding.of(point).packets;
    return {
      sinceSec: this.#since[point] ?? null,
      // What was only counted is missing in the trails like what was lost.
      lost: known === null && overlooked > 0 ? overlooked : known === null ? null : known + overlooked,
      hasKernelStamps: this.#stamps[point] === KERNEL_STAMPS,
    };
  }

  protected usedPoints(): readonly UsedPoint[] {
    return this.#linkTypes.flatMap((linkType, point) => {
      const { received = null, kernel = null, interface: droppedByInterface = null } = this.#live[point]?.counts ?? {};
      return { point, linkType, counts: { received, droppedByKernel: kernel, droppedByInterface } };
    });
  }

  protected stampsOf(point: number): string {
    return this.#stamps[point] ?? 'unknown';
  }

  async setFilter(filter: string): Promise<void> {
    const before = this.filter;
    this.filter = filter;
    this.say('info', filter === '' ? 'the filter was taken away' : `the filter is now: ${filter}`);
    await this.#restartAll();
    const failed = this.statuses.find((status) => status.status === 'failed');
    if (failed === undefined) return;
    this.filter = before;
    await this.#restartAll();
    throw failure(failed.message ?? 'the filter was not accepted', {
      hint: `the capture goes on with the filter it had: ${before || 'none'}`,
    });
  }

  async startSaving(path: string, options: SaveOptions = {}): Promise<void> {
    const before = this.#saving?.state ?? null;
    if (before !== null && before.error === null) throw failure(`already saving to ${before.path}`, { hint: 'stop that first' });
    if (before !== null) await this.stopSaving();
    const saving = await LiveSaving.open(path, this.#savingSource(), options);
    this.#saving = saving;
    this.#selected = options.only == null ? null : new SelectedSink(saving, options.only, this.core.answers);
    this.#stopSelecting = this.#selected === null ? () => {} : this.core.observers.add(this.#selected.observer);
    this.core.intake.sink = this.#selected ?? saving;
    this.say('info', `saving to ${saving.state.path}`);
  }

  async stopSaving(): Promise<void> {
    if (this.#saving === null) return;
    const state = await this.#finishSaving();
    if (hasFailed(state)) this.#saved = state;
    else if (state.path !== '-') this.say('info', `saved ${state.packets} packets to ${savedTo(state)}`);
  }

  async #finishSaving(): Promise<SavingState> {
    const saving = this.#saving as LiveSaving;
    this.core.intake.sink = null;
    this.#selected?.finish();
    this.#stopSelecting();
    await saving.close();
    this.#saving = null;
    this.#saved = null;
    return saving.state;
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

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    this.#stoppedAtSec = Date.now() / 1000;
    await Promise.all(this.#live.map((point) => point.stop()));
    this.core.verdicts.judgeAll();
    if (this.#saving !== null) this.#saved = await this.#finishSaving();
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

  #listenerOf(index: number): ConstructorParameters<typeof LivePoint>[1] {
    let newestMs = 0;
    const shedding = this.#shedding.of(index);
    return {
      packet: (raw) => {
        if (this.isAtLimit) return;
        newestMs = raw.timeSec * 1000 + raw.timeNsec / 1e6;
        if (shedding.shed === 'decoding') {
          shedding.packets++;
          this.core.intake.countOnly(raw, index, raw.linkType);
        } else this.core.intake.ingest(raw, index, raw.linkType);
        if (this.isAtLimit) void this.stop();
      },
      chunkDone: () => {
        if (newestMs > 0) {
          const ageMs = Date.now() - newestMs;
          this.core.readLate(Math.max(0, ageMs));
          shedding.heard(ageMs, performance.now());
          this.#tellShed();
        }
        newestMs = 0;
        if (!this.core.intake.isHurried) this.core.verdicts.judgeSome();
        this.notifier.touch();
      },
      started: (linkType, engine, warnings, isFirst) => {
        this.#linkTypes[index] = linkType;
        this.#stamps[index] = engine === 'cap' ? 'user space, as the packet was read' : KERNEL_STAMPS;
        this.#since[index] = Date.now() / 1000;
        this.setPoint(index, { status: 'capturing', engine, linkType, message: null });
        const missed = this.#gapEnded(index);
        const point = this.points[index];
        const where = `${isFirst ? 'listening' : 'listening again'} on ${point === undefined ? 'nothing' : pointName(point)} (engine ${engine})`;
        this.say('info', missed === null ? where : `${where}; ${missed}`);
        for (const warning of warnings) this.say('warning', warning);
      },
      ended: (event) => this.#pointEnded(index, event),
      problem: (message) => {
        // A block that came in pieces: its packet is lost between the engine and here.
        this.#cutInPipe++;
        this.say('warning', `${this.points[index]?.interface}: ${message}`);
      },
      counts: () => {
        this.core.counts.revision++;
      },
    };
  }

  #pointEnded(index: number, event: Extract<CaptureEvent, { kind: 'ended' }>): void {
    if (event.end !== 'stopped') this.#since[index] = null;
    const run = this.#runs[index] as PointRun;
    if (event.end === 'stopped') return;
    const isGone = event.end === 'interface-gone' || (event.end === 'no-interface' && run.hasStarted);
    const waits = event.resumes || (isGone && this.#following.canReturn(index));
    const text = event.hint === null ? event.message : `${event.message} (${event.hint})`;
    this.#gapBegins(index);
    run.resumes = event.resumes;
    this.setPoint(index, { status: waits ? 'waiting' : 'failed', message: text });
    this.say(waits ? 'warning' : 'error', waits ? `${text}; waiting for it to return` : text);
    if (waits) this.#follow();
    else if (this.statuses.every((status) => status.status === 'failed')) this.#allFailed(event);
  }

  /** Nothing is left to capture with: what has been seen stays, the capture is over. */
  #allFailed(event: Extract<CaptureEvent, { kind: 'ended' }>): void {
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

  async #startPoint(index: number): Promise<void> {
    const point = this.points[index] as CapturePoint;
    const netns = this.#namespaceOf(point);
    if (netns === undefined) {
      const waits = (this.#runs[index] as PointRun).hasStarted && this.#following.canReturn(index);
      const message = `the namespace ${point.netns} of ${point.interface} is not known any more`;
      this.setPoint(index, { status: waits ? 'waiting' : 'failed', message });
      return;
    }
    this.setPoint(index, { point, status: 'starting', message: null });
    try {
      await this.#live[index]?.start({
        point,
        netns,
        filter: pointFilter(point.filter, withAlso(this.filter, point.also), this.#isTrunk(point)),
        engine: this.#engine,
        description: [point.container, point.network].filter(Boolean).join(' '),
      });
    } catch (error) {
      this.setPoint(index, { status: 'failed', message: messageOf(error) });
      this.say('error', messageOf(error));
    }
  }

  #isTrunk({ netns, interface: name }: CapturePoint): boolean {
    return netns === null && this.store.version?.topology.trunks.some(({ trunk }) => trunk === name) === true;
  }

  /** Null for the host's own namespace, undefined where the way in is lost. */
  #namespaceOf(point: CapturePoint): CaptureNamespace | null | undefined {
    if (point.netns === null) return null;
    return namespaceOf(this.store.version?.document, point.netns);
  }

  #hostChanged(reason: string | null): void {
    if (reason === null) {
      this.core.renewal.recount();
      this.notifier.touch();
      return;
    }
    this.say('info', reason);
    this.#saving?.facts();
    this.core.renewal.rejudge(reason, Number(this.store.version?.document.takenAt ?? 0), this.store.unchangedAtSec);
    this.#follow();
    this.core.verdicts.judgeSome();
    this.notifier.touch();
  }

  /** Does what has become necessary by what happened to the host. */
  #follow(): void {
    const { version } = this.store;
    if (version === null || this.#stopping !== null) return;
    const progress = this.points.map((point, index) => {
      const { resumes, missingSinceSec, isMoving } = this.#runs[index] as PointRun;
      const { status } = this.statuses[index] as PointStatus;
      const isOver = isMoving || status === 'failed' || status === 'stopped';
      return {
        point,
        status: isOver ? ('over' as const) : status === 'waiting' ? ('waiting' as const) : ('capturing' as const),
        resumes,
        endedAtSec: missingSinceSec,
      };
    });
    for (const step of this.#following.look(version, progress)) this.#take(step);
  }

  #take(step: FollowStep): void {
    switch (step.kind) {
      case 'say':
        this.say(step.severity, step.text);
        return;
      case 'move':
        this.say('info', step.text);
        void this.#move(step.index, step.point);
        return;
      case 'lose':
        this.say('warning', `${step.text}; waiting for it to return`);
        void this.#lose(step.index, step.text);
        return;
      case 'add': {
        this.say('info', step.text);
        const index = this.addPoint(step.point);
        this.#prepare(index);
        void this.#startPoint(index);
        return;
      }
      default:
        assertNever(step);
    }
  }

  /** What the old engine still has belongs to the old place, and is read before the new one begins. */
  async #move(index: number, point: CapturePoint): Promise<void> {
    await this.#halt(index, 'starting', null);
    if (this.#stopping !== null) return;
    this.points[index] = point;
    await this.#startPoint(index);
    (this.#runs[index] as PointRun).isMoving = false;
    // It may have moved on while its engine was being exchanged.
    this.#follow();
  }

  async #lose(index: number, message: string): Promise<void> {
    await this.#halt(index, 'waiting', message);
    (this.#runs[index] as PointRun).isMoving = false;
    this.#follow();
  }

  async #halt(index: number, status: 'starting' | 'waiting', message: string | null): Promise<void> {
    const run = this.#runs[index] as PointRun;
    run.isMoving = true;
    run.resumes = false;
    this.setPoint(index, { status, message });
    this.#gapBegins(index);
    await this.#live[index]?.stop();
  }

  /** Engines take a filter when they start. A point that waits for its interface starts with the one of then. */
  async #restartAll(): Promise<void> {
    await Promise.all(this.#live.map((point) => point.stop()));
    await Promise.all(
      this.points.map(async (_point, index) => {
        const run = this.#runs[index] as PointRun;
        if (run.isMoving) return;
        run.resumes = false;
        if (this.statuses[index]?.status !== 'waiting') {
          this.#gapBegins(index);
          await this.#startPoint(index);
        }
      }),
    );
  }

  #prepare(index: number): void {
    this.#runs[index] = { resumes: false, missingSinceSec: null, hasStarted: false, isMoving: false };
    this.#live[index] = new LivePoint(this.#agent, this.#listenerOf(index));
  }

  #gapBegins(index: number): void {
    const run = this.#runs[index] as PointRun;
    if (run.hasStarted) run.missingSinceSec ??= Date.now() / 1000;
  }

  /** In words what was missed until now; null where nothing was. */
  #gapEnded(index: number): string | null {
    const run = this.#runs[index] as PointRun;
    const from = run.missingSinceSec;
    run.hasStarted = true;
    run.resumes = false;
    run.missingSinceSec = null;
    const gap = from === null ? null : { from, to: Date.now() / 1000 };
    if (gap !== null) {
      this.setPoint(index, { gaps: [...(this.statuses[index]?.gaps ?? []), gap] });
      // What comes now may come from another device, or through another filter. Its description will tell of the gap.
      this.#saving?.leave(index);
    }
    this.#saving?.describe(index, this.#linkTypes[index] as number);
    return gap === null ? null : gapWords(gap);
  }

  /** Flows that were seen behind a translation are laid beside the kernel's own table of connections. */
  async #lookUpConnections(): Promise<void> {
    this.#connectionsAtMs = performance.now();
    this.#lookingUp = true;
    try {
      const snapshot = await this.#agent.collect({ firewall: false, conntrack: true, namespaces: 'none', docker: false });
      this.store.replaceConnections(connectionsOf(snapshot));
      this.#saving?.facts();
    } catch (error) {
      // The verdicts keep their assumptions, which they name.
      this.say('warning', `the connections could not be read: ${messageOf(error)}`);
    } finally {
      this.#lookingUp = false;
      this.core.verdicts.connectionsRead();
    }
  }

  #tellShed(): void {
    this.notifier.isSlow = this.#shedding.isBehind;
    this.core.intake.isHurried = this.#shedding.isBehind;
    const news = this.#shedding.news();
    if (news !== null) this.say(news.severity, news.text);
  }

  #tick(): void {
    const nowMs = Date.now();
    this.core.advance(Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000);
    this.core.verdicts.judgeSome();
    this.#saving?.tick();
    if (this.core.verdicts.wantsConnections && !this.#lookingUp && performance.now() - this.#connectionsAtMs > CONNECTIONS_MS)
      void this.#lookUpConnections();
    this.#shedding.passed(performance.now());
    this.#tellShed();
    this.measureRate();
    this.notifier.touch();
  }
}

const hasFailed = ({ error, notSaved }: SavingState): boolean => error !== null || notSaved.packets > 0;

interface PointRun {
  /** The agent goes on by itself when an interface of that name is back. */
  resumes: boolean;
  /** Since when nothing has been captured, seconds since the epoch; null while it is, and before it ever was. */
  missingSinceSec: number | null;
  hasStarted: boolean;
  /** Its engine is being exchanged. */
  isMoving: boolean;
}

const withAlso = (wanted: string, also: string | undefined): string =>
  also === undefined || wanted === '' ? wanted : `(${wanted}) or (${also})`;
