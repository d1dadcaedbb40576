/**
 * The points of a live capture with their engines: started, started anew with another filter, and exchanged where a container has come back
 * elsewhere. following.ts decides where the points are; this stops and starts.
 */
import type { AgentClient, CaptureEvent } from '../../agent/client.ts';
import type { CaptureNamespace, EngineKind } from '../../agent/protocol.ts';
import { assertNever } from '../../base/assert-never.ts';
import { messageOf } from '../../base/errors.ts';
import { pointName } from '../../topology/points.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { PointStatus } from '../capture/capture-base.ts';
import { gapWords } from '../capture/capture-gap.ts';
import type { HostStore } from '../host-store.ts';
import { namespaceOf } from '../namespace-of.ts';
import type { UsedPoint } from '../saving/live-saving.ts';
import type { CaptureGap, LostCounts, SessionEvent } from '../state/capture-state.ts';
import { Following, type FollowStep } from './following.ts';
import type { LiveFeed } from './live-feed.ts';
import { LivePoint, type LivePointListener, total } from './live-point.ts';
import { pointFilter } from './point-filter.ts';
import { PointRun } from './point-run.ts';

export type EndedEvent = Extract<CaptureEvent, { kind: 'ended' }>;

/** What the points need of the capture that they belong to, and what they tell it. */
export interface PointsOwner {
  /** The capture's own: the index is the packets' interfaceId. */
  readonly points: CapturePoint[];
  readonly statuses: readonly PointStatus[];
  readonly feed: LiveFeed;
  filter(): string;
  isStopping(): boolean;
  /** Returns its index. */
  addPoint(point: CapturePoint): number;
  setPoint(index: number, change: Partial<PointStatus>): void;
  say(severity: SessionEvent['severity'], text: string): void;
  /** A point listens, for the first time or again; `gap` is what was missed until now. */
  listens(index: number, linkType: number, gap: CaptureGap | null): void;
  /** Nothing is left to capture with. */
  allFailed(event: EndedEvent): void;
}

export interface LivePointsOptions {
  readonly agent: AgentClient;
  readonly store: HostStore;
  readonly engine: EngineKind;
  /** Ids of containers that were asked for as a whole. */
  readonly whole: readonly string[];
}

export class LivePoints {
  readonly #owner: PointsOwner;
  readonly #options: LivePointsOptions;
  readonly #following: Following;
  /** By point. */
  readonly #runs: PointRun[] = [];
  #cutInPipe = 0;

  constructor(owner: PointsOwner, options: LivePointsOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#following = new Following(owner.points, options.whole, options.store.version);
    owner.points.forEach((_point, index) => {
      this.#prepare(index);
    });
  }

  /** Undefined for a point that there is not. */
  run(index: number): PointRun | undefined {
    return this.#runs[index];
  }

  /** The points that listen or have listened. */
  get used(): readonly UsedPoint[] {
    return this.#runs.flatMap((run, index) => run.used(index) ?? []);
  }

  lost(): LostCounts {
    const counts = this.#runs.filter(({ live }) => live.hasBegun).map(({ live }) => live.counts);
    return { kernel: total(counts, ({ kernel }) => kernel), engine: total(counts, ({ engine }) => engine), pipe: this.#cutInPipe };
  }

  async start(): Promise<void> {
    await Promise.all(this.#runs.map((_run, index) => this.#startPoint(index)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#runs.map(({ live }) => live.stop()));
  }

  /** Engines take a filter when they start. A point that waits for its interface starts with the one of then. */
  async restart(): Promise<void> {
    await this.stop();
    await Promise.all(
      this.#runs.map(async (run, index) => {
        if (run.isMoving) return;
        run.resumes = false;
        if (this.#owner.statuses[index]?.status !== 'waiting') {
          run.misses();
          await this.#startPoint(index);
        }
      }),
    );
  }

  /** Does what has become necessary by what happened to the host. */
  follow(): void {
    const { version } = this.#options.store;
    if (version === null || this.#owner.isStopping()) return;
    const progress = this.#owner.points.map((point, index) => {
      const { resumes, missingSinceSec, isMoving } = this.#runOf(index);
      const { status } = this.#owner.statuses[index] as PointStatus;
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

  /** Called now and then, so that an engine which is silent is noticed. */
  passed(nowMs: number): void {
    for (const run of this.#runs) run.passed(nowMs);
  }

  #runOf(index: number): PointRun {
    return this.#runs[index] as PointRun;
  }

  #prepare(index: number): void {
    this.#runs[index] = new PointRun(new LivePoint(this.#options.agent, this.#listenerOf(index)));
  }

  #listenerOf(index: number): LivePointListener {
    const { feed } = this.#owner;
    const fed = feed.of(index);
    return {
      ...fed,
      counts: () => {
        this.#runOf(index).heard(performance.now());
        fed.counts();
      },
      started: (linkType, engine, warnings, isFirst) => this.#started(index, linkType, engine, warnings, isFirst),
      ended: (event) => this.#ended(index, event),
      problem: (message) => {
        // A block that came in pieces: its packet is lost between the engine and here.
        this.#cutInPipe++;
        this.#owner.say('warning', `${this.#owner.points[index]?.interface}: ${message}`);
      },
    };
  }

  #started(index: number, linkType: number, engine: EngineKind, warnings: readonly string[], isFirst: boolean): void {
    const owner = this.#owner;
    const gap = this.#runOf(index).listens(linkType, engine);
    owner.setPoint(index, { status: 'capturing', engine, linkType, message: null });
    if (gap !== null) owner.setPoint(index, { gaps: [...(owner.statuses[index]?.gaps ?? []), gap] });
    owner.listens(index, linkType, gap);
    const point = owner.points[index];
    const where = `${isFirst ? 'listening' : 'listening again'} on ${point === undefined ? 'nothing' : pointName(point)} (engine ${engine})`;
    owner.say('info', gap === null ? where : `${where}; ${gapWords(gap)}`);
    for (const warning of warnings) owner.say('warning', warning);
  }

  #ended(index: number, event: EndedEvent): void {
    const run = this.#runOf(index);
    if (event.end === 'stopped') {
      run.stopped();
      return;
    }
    const owner = this.#owner;
    const isGone = event.end === 'interface-gone' || (event.end === 'no-interface' && run.hasStarted);
    const waits = event.resumes || (isGone && this.#following.canReturn(index));
    const text = event.hint === null ? event.message : `${event.message} (${event.hint})`;
    run.broke(event.resumes);
    owner.setPoint(index, { status: waits ? 'waiting' : 'failed', message: text });
    owner.say(waits ? 'warning' : 'error', waits ? `${text}; waiting for it to return` : text);
    if (waits) this.follow();
    else if (owner.statuses.every(({ status }) => status === 'failed')) owner.allFailed(event);
  }

  async #startPoint(index: number): Promise<void> {
    const owner = this.#owner;
    const run = this.#runOf(index);
    const point = owner.points[index] as CapturePoint;
    const netns = this.#namespaceOf(point);
    if (netns === undefined) {
      const waits = run.hasStarted && this.#following.canReturn(index);
      const message = `the namespace ${point.netns} of ${point.interface} is not known any more`;
      owner.setPoint(index, { status: waits ? 'waiting' : 'failed', message });
      return;
    }
    owner.setPoint(index, { point, status: 'starting', message: null });
    try {
      await run.live.start({
        point,
        netns,
        filter: pointFilter(point.filter, withAlso(owner.filter(), point.also), this.#isTrunk(point)),
        engine: this.#options.engine,
        description: [point.container, point.network].filter(Boolean).join(' '),
      });
    } catch (error) {
      owner.setPoint(index, { status: 'failed', message: messageOf(error) });
      owner.say('error', messageOf(error));
    }
  }

  #isTrunk({ netns, interface: name }: CapturePoint): boolean {
    return netns === null && this.#options.store.version?.topology.trunks.some(({ trunk }) => trunk === name) === true;
  }

  /** Null for the host's own namespace, undefined where the way in is lost. */
  #namespaceOf(point: CapturePoint): CaptureNamespace | null | undefined {
    return point.netns === null ? null : namespaceOf(this.#options.store.version?.document, point.netns);
  }

  #take(step: FollowStep): void {
    const owner = this.#owner;
    switch (step.kind) {
      case 'say':
        owner.say(step.severity, step.text);
        return;
      case 'move':
        owner.say('info', step.text);
        void this.#move(step.index, step.point);
        return;
      case 'lose':
        owner.say('warning', `${step.text}; waiting for it to return`);
        void this.#lose(step.index, step.text);
        return;
      case 'add': {
        owner.say('info', step.text);
        const index = owner.addPoint(step.point);
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
    if (this.#owner.isStopping()) return;
    this.#owner.points[index] = point;
    await this.#startPoint(index);
    this.#runOf(index).isMoving = false;
    // It may have moved on while its engine was being exchanged.
    this.follow();
  }

  async #lose(index: number, message: string): Promise<void> {
    await this.#halt(index, 'waiting', message);
    this.#runOf(index).isMoving = false;
    this.follow();
  }

  async #halt(index: number, status: 'starting' | 'waiting', message: string | null): Promise<void> {
    const run = this.#runOf(index);
    run.isMoving = true;
    run.resumes = false;
    this.#owner.setPoint(index, { status, message });
    run.misses();
    await run.live.stop();
  }
}

const withAlso = (wanted: string, also: string | undefined): string =>
  also === undefined || wanted === '' ? wanted : `(${wanted}) or (${also})`;
