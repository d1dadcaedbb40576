/**
 * Wall-clock time with the resolution of the monotonic clock, for stamping packets in user space. The two are compared now and then, since
 * the wall clock may be set while we run; clock_gettime(2).
 */

const CHECK_EVERY_MS = 1000;
/** Date.now() counts whole milliseconds, so less than this is no difference. */
const TOLERANCE_MS = 2;

export class PacketClock {
  /** Seconds since the epoch and nanoseconds of the last `stamp`. */
  sec = 0;
  nsec = 0;
  #originSec: number;
  #originMs: number;
  #checkAt = 0;

  constructor() {
    this.#originSec = Math.floor(performance.timeOrigin / 1000);
    this.#originMs = performance.timeOrigin - this.#originSec * 1000;
  }

  /** Takes the time; returns the monotonic milliseconds, for measuring intervals. */
  stamp(): number {
    const now = performance.now();
    if (now >= this.#checkAt) this.#compare(now);
    const ms = this.#originMs + now;
    const seconds = Math.floor(ms / 1000);
    this.sec = this.#originSec + seconds;
    this.nsec = Math.floor((ms - seconds * 1000) * 1e6);
    return now;
  }

  #compare(now: number): void {
    this.#checkAt = now + CHECK_EVERY_MS;
    const difference = Date.now() - (this.#originSec * 1000 + this.#originMs + now);
    if (Math.abs(difference + 0.5) > TOLERANCE_MS) this.#originMs += difference + 0.5;
  }
}
