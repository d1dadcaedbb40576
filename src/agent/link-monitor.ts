/**
 * Hears of changes to links, addresses and routes from `ip monitor`, which ends with the agent. ip-monitor(8).
 */
import type { Machine } from './machine/machine.ts';

const RESTART_AFTER_MS = 2000;
/** Several lines belong to one change: a container's start makes dozens. */
const SETTLE_MS = 30;

export class LinkMonitor {
  readonly #changed: () => void;
  readonly #machine: Machine;
  #leash: { release(): void } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(machine: Machine, changed: () => void) {
    this.#machine = machine;
    this.#changed = changed;
  }

  start(): void {
    const leash = this.#machine.follow(['ip', '-o', 'monitor', 'link', 'address', 'route'], {
      output: () => {
        this.#timer ??= setTimeout(() => {
          this.#timer = null;
          this.#changed();
        }, SETTLE_MS);
      },
      // its socket overflowed, or there is no such program
      ended: () => this.#again(),
    });
    this.#leash = leash;
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#leash?.release();
  }

  /** What happened meanwhile is unknown: it counts as a change. */
  #again(): void {
    if (this.#stopped || this.#leash === null) return;
    this.#leash = null;
    setTimeout(() => {
      if (this.#stopped) return;
      this.start();
      this.#changed();
    }, RESTART_AFTER_MS);
  }
}
