/**
 * When a trace is not whole: from the first sign of a change of the rules until the kernel's trace is read anew and the changed host is known,
 * and after messages were lost. What seems to be missing of a packet from such a time proves nothing.
 */

/** What the kernel had queued when it lost messages may take so long to be read. */
const BACKLOG_MS = 1000;

export class TraceGaps {
  #open = 0;
  #wholeFromMs = Number.NEGATIVE_INFINITY;

  /** Rules have changed: what the trace says is laid to the old rules as well as to the new ones. */
  opened(): void {
    this.#open++;
  }

  /** The trace is read anew, and predictions are about the rules as they are. */
  closed(nowMs: number): void {
    this.#open--;
    this.#wholeFromMs = Math.max(this.#wholeFromMs, nowMs);
  }

  lost(nowMs: number): void {
    this.#wholeFromMs = Math.max(this.#wholeFromMs, nowMs + BACKLOG_MS);
  }

  /** Of a packet that was first seen at `beganMs` and is looked at now, however late that is. */
  isIncomplete(beganMs: number): boolean {
    return this.#open > 0 || beganMs < this.#wholeFromMs;
  }
}
