/** Tells listeners that the state has moved, at most twenty times a second: a screen need not know every packet. */

const INTERVAL_MS = 50;
/** While packets come faster than they are worked off: seldomer, but still moving for who looks. */
const SLOW_INTERVAL_MS = 80;

export class Notifier {
  /** Packets come faster than they are worked off. */
  isSlow = false;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | null = null;
  #lastMs = 0;

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something has moved. The first call after a pause is passed on at once, later ones with the next twentieth of a second. */
  touch(): void {
    if (this.#timer !== null || this.#listeners.size === 0) return;
    const waitMs = Math.max(0, this.#lastMs + (this.isSlow ? SLOW_INTERVAL_MS : INTERVAL_MS) - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#lastMs = performance.now();
      for (const listener of this.#listeners) listener();
    }, waitMs);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#listeners.clear();
  }
}
