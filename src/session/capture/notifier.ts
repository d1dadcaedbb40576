/** Tells listeners that the state has moved, at most twenty times a second: a screen need not know every packet. */

const INTERVAL_MS = 50;
/** While packets come faster than they are worked off: seldomer, but still moving for who looks. */
const SLOW_INTERVAL_MS = 60;
/** Then what the listeners do may take one part in so many of the time, */
const SLOW_SHARE = 3;
/** as long as they hear something now and then. */
const SLOWEST_INTERVAL_MS = 1_000;

export class Notifier {
  /** Packets come faster than they are worked off. */
  isSlow = false;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | null = null;
  readonly #nowMs: () => number;
  #lastMs = 0;
  #tookMs = 0;

  /** `nowMs` is monotonic. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something has moved. The first call after a pause is passed on at once, later ones with the next twentieth of a second. */
  touch(): void {
    if (this.#timer !== null || this.#listeners.size === 0) return;
    const waitMs = Math.max(0, this.#lastMs + this.#intervalMs - this.#nowMs());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#lastMs = this.#nowMs();
      for (const listener of this.#listeners) listener();
      // A tick that is asked for in a microtask comes when none are left: what listeners put off to them, such as drawing a frame, is done.
      queueMicrotask(() =>
        process.nextTick(() => {
          this.#tookMs = this.#nowMs() - this.#lastMs;
        }),
      );
    }, waitMs);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#listeners.clear();
  }

  get #intervalMs(): number {
    return this.isSlow ? Math.min(SLOWEST_INTERVAL_MS, Math.max(SLOW_INTERVAL_MS, SLOW_SHARE * this.#tookMs)) : INTERVAL_MS;
  }
}
