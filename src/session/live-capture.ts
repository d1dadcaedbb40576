/**
 * A live capture: engines at one or more points, facts kept fresh, and a session file where one is wanted. It follows its
 * containers: where a container comes back with another veth, capturing goes on there, and the person is told.
 */
import type { AgentClient, CaptureEvent } from '../agent/client.ts';
import type { CaptureNamespace, EngineKind } from '../agent/protocol.ts';
import { failure, messageOf, type VethscopeError } from '../base/errors.ts';
import { pointOfEndpoint } from '../topology/follow.ts';
import type { CapturePoint } from '../topology/topology.ts';
import { CaptureBase } from './capture-base.ts';
import { connectionsOf, type HostStore } from './host-store.ts';
import { LivePoint, type PointCounts } from './live-point.ts';
import { namespaceOf } from './namespace-of.ts';
import { SessionWriter } from './session-writer.ts';
import type { CaptureOptions, LostCounts, SavingState } from './state.ts';

const TICK_MS = 100;
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
  readonly #live: LivePoint[];
  readonly #linkTypes: number[] = [];
  readonly #stamps: string[] = [];
  readonly #stopListening: () => void;
  readonly #agent: AgentClient;
  #lookingUp = false;
  #cutInPipe = 0;
  #connectionsAtMs = 0;
  #writer: SessionWriter | null = null;
  /** A file that could not be finished stays to be seen. */
  #failedSaving: SavingState | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopping: Promise<void> | null = null;
  #settle: { resolve: () => void; reject: (error: unknown) => void } = { resolve: () => {}, reject: () => {} };

  constructor(points: readonly CapturePoint[], options: LiveCaptureOptions) {
    super(points, {
      store: options.store,
      filter: options.filter,
      keepPackets: options.keepPackets ?? true,
      packetLimit: options.packetLimit ?? null,
      startedAt: Date.now() / 1000,
    });
    this.#agent = options.agent;
    this.#engine = options.engine === 'auto' ? options.defaultEngine : options.engine;
    this.finished = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.finished.catch(() => {});
    this.#live = points.map((_point, index) => new LivePoint(options.agent, this.#listenerOf(index)));
    this.#stopListening = options.store.subscribe((reason) => this.#hostChanged(reason));
  }

  /** Starts the engines and, where wanted, the file. Rejects where the file cannot be made. */
  async begin(saveTo: string | null): Promise<void> {
    if (saveTo !== null) await this.startSaving(saveTo);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    await Promise.all(this.points.map((_point, index) => this.#startPoint(index)));
  }

  protected lost(): LostCounts {
    const counts = this.#live.map((point) => point.counts);
    return { kernel: sumOf(counts, (count) => count.kernel), engine: sumOf(counts, (count) => count.engine), pipe: this.#cutInPipe };
  }

  protected saving(): SavingState | null {
    const writer = this.#writer;
    return writer === null ? this.#failedSaving : savingState(writer);
  }

  protected fileName(): null {
    return null;
  }

  async setFilter(filter: string): Promise<void> {
    const before = this.filter;
    this.filter = filter;
    this.say('info', filter === '' ? 'the filter was taken away' : `the filter is now: ${filter}`);
    await Promise.all(this.#live.map((point) => point.stop()));
    await Promise.all(this.points.map((_point, index) => this.#startPoint(index)));
    const failed = this.statuses.find((status) => status.status === 'failed');
    if (failed === undefined) return;
    this.filter = before;
    await Promise.all(this.points.map((_point, index) => this.#startPoint(index)));
    throw failure(failed.message ?? 'the filter was not accepted', {
      hint: `the capture goes on with the filter it had: ${before || 'none'}`,
    });
  }

  async startSaving(path: string): Promise<void> {
    if (this.#writer !== null) throw failure(`already saving to ${this.#writer.path}`, { hint: 'stop that first' });
    const writer = await SessionWriter.open(
      path,
      this.points,
      (point, linkType) => ({ linkType, filter: this.filter, timeStampSource: this.#stamps[point] ?? 'unknown' }),
      (message) => this.say('error', message),
    );
    this.#writer = writer;
    this.#writeFacts(writer);
    this.core.comments();
    this.core.sink = writer;
    this.say('info', `saving to ${path}`);
  }

  async stopSaving(): Promise<void> {
    const writer = this.#writer;
    if (writer === null) return;
    this.core.sink = null;
    const nowMs = Date.now();
    this.#writeFacts(writer);
    for (const [index, linkType] of this.#linkTypes.entries()) {
      if (linkType === undefined) continue;
      const counts = this.#live[index]?.counts;
      if (counts === undefined) continue;
      const statistics = { received: counts.received, droppedByKernel: counts.kernel, droppedByInterface: counts.interface };
      writer.statistics(index, linkType, statistics, Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000);
    }
    await writer.close();
    this.#writer = null;
    this.#failedSaving = writer.error === null ? null : savingState(writer);
    if (writer.error === null && writer.path !== '-') this.say('info', `saved ${writer.packets} packets to ${writer.path}`);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<void> {
    await Promise.all(this.#live.map((point) => point.stop()));
    this.core.judgeAll();
    await this.stopSaving();
    this.#close();
    this.#settle.resolve();
  }

  #close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#stopListening();
    this.core.finishAll();
    this.isFinished = true;
    this.statuses.forEach((status, index) => {
      if (status.status !== 'failed') this.setPoint(index, { status: 'stopped' });
    });
    this.core.revision++;
    this.notifier.touch();
  }

  #listenerOf(index: number): ConstructorParameters<typeof LivePoint>[1] {
    return {
      packet: (raw) => {
        if (this.isAtLimit) return;
        this.core.ingest(raw, index, raw.linkType);
        if (this.isAtLimit) void this.stop();
      },
      chunkDone: () => {
        this.core.judgeSome();
        this.notifier.touch();
      },
      started: (linkType, engine, warnings, isFirst) => {
        this.#linkTypes[index] = linkType;
        this.#stamps[index] = engine === 'cap' ? 'user space, as the packet was read' : 'kernel';
        this.setPoint(index, { status: 'capturing', engine, linkType, message: null });
        this.say('info', `${isFirst ? 'listening' : 'listening again'} on ${this.points[index]?.id} (engine ${engine})`);
        for (const warning of warnings) this.say('warning', warning);
      },
      ended: (event) => this.#pointEnded(index, event),
      problem: (message) => {
        // A block that came in pieces: its packet is lost between the engine and here.
        this.#cutInPipe++;
        this.say('warning', `${this.points[index]?.interface}: ${message}`);
      },
      counts: () => {
        this.core.revision++;
      },
    };
  }

  #pointEnded(index: number, event: Extract<CaptureEvent, { kind: 'ended' }>): void {
    if (event.end === 'stopped') return;
    const waits = event.resumes || (event.end === 'interface-gone' && this.points[index]?.container !== null);
    const text = event.hint === null ? event.message : `${event.message} (${event.hint})`;
    this.setPoint(index, { status: waits ? 'waiting' : 'failed', message: text });
    this.say(waits ? 'warning' : 'error', waits ? `${text}; waiting for it to return` : text);
    if (waits) this.#follow(index);
    else if (this.statuses.every((status) => status.status === 'failed')) this.#allFailed(event);
  }

  /** Nothing is left to capture with: what has been seen stays, the capture is over. */
  #allFailed(event: Extract<CaptureEvent, { kind: 'ended' }>): void {
    if (this.#stopping !== null) return;
    if (this.core.packets > 0) {
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
      this.setPoint(index, { status: 'failed', message: `the namespace ${point.netns} of ${point.interface} is not known any more` });
      return;
    }
    this.setPoint(index, { point, status: 'starting', message: null });
    try {
      await this.#live[index]?.start({
        point,
        netns,
        filter: joinFilters(point.filter, this.filter),
        engine: this.#engine,
        description: [point.container, point.network].filter(Boolean).join(' '),
      });
    } catch (error) {
      this.setPoint(index, { status: 'failed', message: messageOf(error) });
      this.say('error', messageOf(error));
    }
  }

  /** Null for the host's own namespace, undefined where the way in is lost. */
  #namespaceOf(point: CapturePoint): CaptureNamespace | null | undefined {
    if (point.netns === null) return null;
    return namespaceOf(this.store.version?.document, point.netns);
  }

  #hostChanged(reason: string | null): void {
    if (reason === null) {
      this.core.recount();
      this.notifier.touch();
      return;
    }
    this.say('info', reason);
    if (this.#writer !== null) this.#writeFacts(this.#writer);
    this.core.rejudge(reason, Number(this.store.version?.document.takenAt ?? 0), this.store.unchangedAtSec);
    this.statuses.forEach((status, index) => {
      if (status.status === 'waiting') this.#follow(index);
    });
    this.core.judgeSome();
    this.notifier.touch();
  }

  /** Where the point's container is plugged in by another interface now, captures there instead. */
  #follow(index: number): void {
    const point = this.points[index] as CapturePoint;
    const topology = this.store.version?.topology;
    const next = topology === undefined ? null : pointOfEndpoint(topology, point);
    if (next === null || (next.id === point.id && next.netns === point.netns)) return;
    this.points[index] = next;
    this.say('info', `${point.container} is back on ${next.interface} (was ${point.interface})`);
    this.setPoint(index, { point: next, status: 'starting', message: null });
    void this.#live[index]?.stop().then(() => this.#startPoint(index));
  }

  /** Flows that were seen behind a translation are laid beside the kernel's own table of connections. */
  async #lookUpConnections(): Promise<void> {
    this.#connectionsAtMs = performance.now();
    this.#lookingUp = true;
    try {
      const snapshot = await this.#agent.collect({ firewall: false, conntrack: true, namespaces: 'none', docker: false });
      this.store.replaceConnections(connectionsOf(snapshot));
      if (this.#writer !== null) this.#writeFacts(this.#writer);
    } catch (error) {
      // The verdicts keep their assumptions, which they name.
      this.say('warning', `the connections could not be read: ${messageOf(error)}`);
    } finally {
      this.#lookingUp = false;
      this.core.connectionsRead();
    }
  }

  #writeFacts(writer: SessionWriter): void {
    const version = this.store.version;
    if (version === null) return;
    const nowMs = Date.now();
    writer.snapshot(version.document, Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000);
    writer.names(version.names.records());
  }

  #tick(): void {
    const nowMs = Date.now();
    this.core.advance(Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000);
    this.core.judgeSome();
    if (this.core.wantsConnections && !this.#lookingUp && performance.now() - this.#connectionsAtMs > CONNECTIONS_MS)
      void this.#lookUpConnections();
    this.measureRate();
    this.notifier.touch();
  }
}

const savingState = ({ path, bytes, packets, error }: SessionWriter): SavingState => ({ path, bytes, packets, error });

const sumOf = (counts: readonly PointCounts[], pick: (count: PointCounts) => number | null): number | null => {
  let total: number | null = null;
  for (const count of counts) {
    const value = pick(count);
    if (value !== null) total = (total ?? 0) + value;
  }
  return total;
};

const joinFilters = (own: string | null, wanted: string): string => {
  if (own === null || own === '') return wanted;
  return wanted === '' ? own : `(${own}) and (${wanted})`;
};
