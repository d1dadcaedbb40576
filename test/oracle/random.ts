/** Seeded choices: the same seed gives the same case. mulberry32 by T. Ettinger (public domain). */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to and without `bound`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * bound);
  }

  chance(probability: number): boolean {
    return this.below(1_000_000) < probability * 1_000_000;
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  of<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to choose from');
    return list[this.below(list.length)] as T;
  }

  some<T>(list: readonly T[], most: number): readonly T[] {
    const left = list.slice();
    const taken: T[] = [];
    for (let n = this.between(1, Math.min(most, left.length)); n > 0; n--) taken.push(...left.splice(this.below(left.length), 1));
    return taken;
  }
}
