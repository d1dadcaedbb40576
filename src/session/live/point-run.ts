/** One point of a live capture as it runs: its engine, since when it listens, and what was missed in between. */
import type { EngineKind } from '../../agent/protocol.ts';
import type { PointCondition } from '../flows/trail-keeper.ts';
import type { UsedPoint } from '../saving/live-saving.ts';
import type { CaptureGap } from '../state/capture-state.ts';
import type { LivePoint } from './live-point.ts';

const KERNEL_STAMPS = 'kernel';
/** An engine tells its counts once a second. Of one that is silent for longer nobody knows what it has missed, or what it will bring late. */
const SILENT_MS = 3_000;

export class PointRun {
  readonly live: LivePoint;
  /** The agent goes on by itself when an interface of that name is back. */
  resumes = false;
  /** Its engine is being exchanged. */
  isMoving = false;
  /** Null before it listened for the first time, like who stamps the packets. */
  #linkType: number | null = null;
  #stamps: string | null = null;
  /** Since when it listens without a break, seconds since the epoch; null while it does not. */
  #sinceSec: number | null = null;
  #missingSinceSec: number | null = null;
  /** When the engine was heard last, in monotonic milliseconds; null while it need not be. */
  #heardMs: number | null = null;
  #isSilent = false;

  constructor(live: LivePoint) {
    this.live = live;
  }

  get hasStarted(): boolean {
    return this.#linkType !== null;
  }

  /** Since when nothing has been captured, seconds since the epoch; null while it is, and before it ever was. */
  get missingSinceSec(): number | null {
    return this.#missingSinceSec;
  }

  /** Who stamps the packets, in words. */
  get stamps(): string {
    return this.#stamps ?? 'unknown';
  }

  /** The engine listens, for the first time or again. Returns what was missed until now; null where nothing was. */
  listens(linkType: number, engine: EngineKind): CaptureGap | null {
    const nowSec = Date.now() / 1000;
    const from = this.#missingSinceSec;
    this.#linkType = linkType;
    this.#stamps = engine === 'cap' ? 'user space, as the packet was read' : KERNEL_STAMPS;
    this.#sinceSec = nowSec;
    this.#missingSinceSec = null;
    this.#isSilent = false;
    this.#heardMs = performance.now();
    this.resumes = false;
    return from === null ? null : { from, to: nowSec };
  }

  /** The engine has told its counts, at the monotonic time `nowMs`. What passed while it was silent is not known to have been seen. */
  heard(nowMs: number): void {
    if (this.#heardMs === null) return;
    this.passed(nowMs);
    this.#heardMs = nowMs;
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#sinceSec = Date.now() / 1000;
  }

  /** Called now and then. */
  passed(nowMs: number): void {
    if (this.#heardMs !== null && nowMs - this.#heardMs > SILENT_MS) this.#isSilent = true;
  }

  /** The engine was stopped, and has told all. */
  stopped(): void {
    this.#heardMs = null;
  }

  /** The engine has ended by itself. */
  broke(resumes: boolean): void {
    this.#sinceSec = null;
    this.#heardMs = null;
    this.misses();
    this.resumes = resumes;
  }

  /** Nothing is captured from now on. */
  misses(): void {
    if (this.hasStarted) this.#missingSinceSec ??= Date.now() / 1000;
  }

  /** `overlooked`: packets that were only counted. They are missing in the trails like what was lost. */
  condition(overlooked: number): PointCondition {
    const { kernel, engine, interface: atInterface } = this.live.counts;
    const known = kernel === null ? (engine === 0 ? null : engine) : kernel + (engine ?? 0) + (atInterface ?? 0);
    return {
      sinceSec: this.#isSilent ? null : this.#sinceSec,
      lost: known === null && overlooked === 0 ? null : (known ?? 0) + overlooked,
      hasKernelStamps: this.#stamps === KERNEL_STAMPS,
    };
  }

  /** Null where it has never listened. */
  used(point: number): UsedPoint | null {
    if (this.#linkType === null) return null;
    const { received, kernel, interface: droppedByInterface } = this.live.counts;
    return { point, linkType: this.#linkType, counts: { received, droppedByKernel: kernel, droppedByInterface } };
  }
}
