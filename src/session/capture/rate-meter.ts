/** Packets a second over the last full second, from a counter that only grows. */

const WINDOW_MS = 1_000;

export class RateMeter {
  readonly #samples: { readonly atMs: number; readonly count: number }[] = [];

  /** Takes the counter's value now and returns the rate over the last second. */
  sample(count: number, nowMs: number): number {
    this.#samples.push({ atMs: nowMs, count });
    while (this.#samples.length > 2 && (this.#samples[1] as { atMs: number }).atMs <= nowMs - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0] as { atMs: number; count: number };
    const spanMs = nowMs - first.atMs;
    return spanMs < WINDOW_MS / 5 ? 0 : Math.round(((count - first.count) * 1_000) / spanMs);
  }
}
