/** Packets a second of every interface of the host, and those it dropped, from /proc/net/dev (proc(5)): what the screens show as "now". */
import { readFileSync } from 'node:fs';

const KEPT_SECONDS = 8;

/** Those of this machine; null where it is no Linux or has no /proc: the column stays empty. */
export const localCounters = (): string | null => {
  try {
    return readFileSync('/proc/self/net/dev', 'utf8');
  } catch {
    return null;
  }
};

export class InterfaceTraffic {
  readonly #counts = new Map<string, number>();
  readonly #rates = new Map<string, number[]>();
  readonly #dropCounts = new Map<string, number>();
  #dropped: ReadonlyMap<string, number> = new Map();

  get rates(): ReadonlyMap<string, readonly number[]> {
    return this.#rates;
  }

  /** Packets that each interface dropped since the reading before, coming in and going out; those that dropped none are left out. */
  get dropped(): ReadonlyMap<string, number> {
    return this.#dropped;
  }

  /** Takes what /proc/net/dev says, about every second. Interfaces that are gone are forgotten. */
  sample(text: string): void {
    const seen = new Set<string>();
    const dropped = new Map<string, number>();
    for (const line of text.split('\n').slice(2)) {
      const colon = line.indexOf(':');
      if (colon < 0) continue;
      const name = line.slice(0, colon).trim();
      const fields = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/)
        .map(Number);
      const packets = (fields[1] ?? 0) + (fields[9] ?? 0);
      const drops = (fields[3] ?? 0) + (fields[11] ?? 0);
      const droppedNow = drops - (this.#dropCounts.get(name) ?? drops);
      if (droppedNow > 0) dropped.set(name, droppedNow);
      this.#dropCounts.set(name, drops);
      const before = this.#counts.get(name);
      this.#counts.set(name, packets);
      seen.add(name);
      if (before === undefined) continue;
      // A new array each time: screens compare by identity.
      this.#rates.set(name, [...(this.#rates.get(name) ?? []), Math.max(0, packets - before)].slice(-KEPT_SECONDS));
    }
    for (const name of this.#counts.keys()) {
      if (seen.has(name)) continue;
      this.#counts.delete(name);
      this.#dropCounts.delete(name);
      this.#rates.delete(name);
    }
    this.#dropped = dropped;
  }
}
