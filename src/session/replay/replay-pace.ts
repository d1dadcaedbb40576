/** How far a file may be read: up to a moment of its own time, which is moved on while it waits. */

export class Pace {
  #untilSec: number;
  #heldSec: number | null = null;
  #release: () => void = () => {};
  readonly #waiting = new Set<() => void>();

  constructor(untilSec: number) {
    this.#untilSec = untilSec;
  }

  get untilSec(): number {
    return this.#untilSec;
  }

  /** When the packet was captured that is waited with; null while none is. */
  get heldSec(): number | null {
    return this.#heldSec;
  }

  allows(sec: number, nsec: number): boolean {
    return sec + nsec / 1e9 <= this.#untilSec;
  }

  /** Called with the first packet that may not be read yet. Settles when it may. */
  hold(sec: number, nsec: number): Promise<void> {
    this.#heldSec = sec + nsec / 1e9;
    for (const told of this.#waiting) told();
    this.#waiting.clear();
    return new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  allow(untilSec: number): void {
    this.#untilSec = Math.max(this.#untilSec, untilSec);
    if (this.#heldSec === null || this.#heldSec > this.#untilSec) return;
    this.free();
  }

  /** Whoever waits goes on, whatever the time: the file is closed. */
  free(): void {
    this.#heldSec = null;
    this.#release();
  }

  /** Settles as soon as a packet is waited with. */
  reached(): Promise<void> {
    if (this.#heldSec !== null) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }
}
