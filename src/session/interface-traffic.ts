/** Packets a second of every interface of the host, from /proc/net/dev (proc(5)): what the picker shows as "now". */
import { readFileSync } from 'node:fs';

const KEPT_SECONDS = 8;

export class InterfaceTraffic {
  readonly #counts = new Map<string, number>();
  readonly #rates = new Map<string, number[]>();

  get rates(): ReadonlyMap<string, readonly number[]> {
    return this.#rates;
  }

  /** Reads the counters once; called about every second. Interfaces that are gone are forgotten. Returns false where /proc does not say. */
  sample(): boolean {
    let text: string;
    try {
      text = readFileSync('/proc/self/net/dev', 'utf8');
    } catch {
      // Not Linux, or no /proc: the column stays empty.
      return false;
    }
    const seen = new Set<string>();
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
      this.#rates.delete(name);
    }
    return true;
  }
}
