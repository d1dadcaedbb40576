/**
 * What is left undone when packets come faster than they can be worked off: first the screen is drawn less often, then packets are only
 * counted and saved, and only when even that is too much the engine drops some. Each is counted by who does it.
 *
 * How far behind a capture is shows in how old its packets are when they have been worked off. Engines on other machines have clocks of their
 * own, so age counts from the least that was seen within the last minute.
 */

import { countText } from '../../report/time.ts';

/** `display`: the screen is drawn less often. `decoding`: packets are counted and saved, and their flows stay as they are. */
export type Shed = 'nothing' | 'display' | 'decoding';

const DISPLAY_MS = 150;
const DECODING_MS = 500;
/** What is behind after a pause (many new flows, new rules compiled) is made up for: within this time it must have become less by a fifth. */
const LASTING_MS = 500;
const STILL_BEHIND = 0.8;
const CALM_MS = 60;
/** Without packets for so long nothing is behind. */
const SILENT_MS = 500;
const WINDOW_MS = 30_000;

/** How far behind one capture point is. */
export class PointShedding {
  shed: Shed = 'nothing';
  /** Packets that were counted only. */
  packets = 0;
  #leastAgeMs = Number.POSITIVE_INFINITY;
  #leastBeforeMs = Number.POSITIVE_INFINITY;
  #windowEndsMs = Number.NEGATIVE_INFINITY;
  #behind: { readonly sinceMs: number; readonly byMs: number } | null = null;
  #heardMs = Number.NEGATIVE_INFINITY;

  /** Some packets have been worked off at `nowMs`, the newest of which passed `ageMs` ago. `nowMs` is monotonic. */
  heard(ageMs: number, nowMs: number): void {
    if (nowMs >= this.#windowEndsMs) {
      this.#leastBeforeMs = this.#leastAgeMs;
      this.#leastAgeMs = ageMs;
      this.#windowEndsMs = nowMs + WINDOW_MS;
    }
    this.#leastAgeMs = Math.min(this.#leastAgeMs, ageMs);
    this.#heardMs = nowMs;
    this.#decide(ageMs - Math.min(this.#leastAgeMs, this.#leastBeforeMs), nowMs);
  }

  /** Called now and then, so that a capture whose packets cease gets calm. */
  passed(nowMs: number): void {
    if (nowMs - this.#heardMs > SILENT_MS) this.#calm();
  }

  #decide(behindMs: number, nowMs: number): void {
    if (behindMs < CALM_MS) {
      this.#calm();
      return;
    }
    if (behindMs >= DISPLAY_MS && this.shed === 'nothing') this.shed = 'display';
    if (behindMs < DECODING_MS) {
      this.#behind = null;
      return;
    }
    this.#behind ??= { sinceMs: nowMs, byMs: behindMs };
    if (nowMs - this.#behind.sinceMs < LASTING_MS) return;
    if (behindMs > this.#behind.byMs * STILL_BEHIND) this.shed = 'decoding';
    this.#behind = { sinceMs: nowMs, byMs: behindMs };
  }

  #calm(): void {
    this.shed = 'nothing';
    this.#behind = null;
  }
}

/** The points of one capture: what is said of them together. */
export class Shedding {
  readonly #points: PointShedding[] = [];
  #wasOverlooking = false;

  of(point: number): PointShedding {
    this.#points[point] ??= new PointShedding();
    return this.#points[point];
  }

  /** Packets that were counted only. */
  get packets(): number {
    return this.#points.reduce((sum, { packets }) => sum + packets, 0);
  }

  get isBehind(): boolean {
    return this.#points.some(({ shed }) => shed !== 'nothing');
  }

  passed(nowMs: number): void {
    for (const point of this.#points) point.passed(nowMs);
  }

  /** What has changed since it was asked last, for the person; null for nothing. */
  news(): { readonly severity: 'info' | 'warning'; readonly text: string } | null {
    const isOverlooking = this.#points.some(({ shed }) => shed === 'decoding');
    if (isOverlooking === this.#wasOverlooking) return null;
    this.#wasOverlooking = isOverlooking;
    return isOverlooking
      ? { severity: 'warning', text: 'too many packets to look into: they are counted and saved, and flows stay as they are' }
      : { severity: 'info', text: `packets are looked into again; ${countText(this.packets, 'packet')} so far were only counted` };
  }
}
