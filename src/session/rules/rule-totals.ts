/** Packets, bytes and flows by rule, put together from what came of many flows that all went the same ways. */
import type { VerdictStep } from '../../path/verdict.ts';
import { metBy, noCounts, PARTS, type PartCounts, type Ways } from './rule-ways.ts';

/** Of flows that went the same ways. */
export interface WaysTally extends PartCounts {
  /** How many of them, by the parts that have come of them, a bit a part. */
  readonly flows: number[];
  /** Of flows that had met others before: by rule how many of them met it now for the first time. */
  readonly again: Map<string, number>;
}

export const newTally = (): WaysTally => ({ ...noCounts(), flows: new Array<number>(1 << PARTS.length).fill(0), again: new Map() });

export interface Hits {
  packets: number;
  bytes: number;
  flows: number;
  uncertain: number;
  readonly step: VerdictStep;
}

export class RuleTotals {
  readonly hits: Map<string, Hits>;
  packets: number;
  unplaced: number;

  constructor(from?: RuleTotals) {
    this.hits = new Map(from === undefined ? [] : [...from.hits].map(([key, hits]) => [key, { ...hits }]));
    this.packets = from?.packets ?? 0;
    this.unplaced = from?.unplaced ?? 0;
  }

  add(ways: Ways, { packets, bytes, flows, again }: WaysTally): void {
    for (const part of PARTS) {
      const count = packets[part] as number;
      if (count === 0) continue;
      const rules = ways.rules[part] ?? null;
      if (rules === null) this.unplaced += count;
      else {
        this.packets += count;
        for (const { key, step } of rules)
          this.#count(key, step, count, bytes[part] as number, ways.isCertain[part] === true && step.uncertain !== true);
      }
    }
    for (const [parts, count] of flows.entries()) if (count > 0) this.#addFlows(metBy(ways, parts), count);
    for (const [key, count] of again) this.#addFlows([key], count);
  }

  /** Packets of which no way is foretold. */
  leaveOut({ packets }: PartCounts): void {
    for (const part of PARTS) this.unplaced += packets[part] as number;
  }

  #addFlows(keys: Iterable<string>, count: number): void {
    for (const key of keys) {
      const hits = this.hits.get(key);
      if (hits !== undefined) hits.flows += count;
    }
  }

  #count(key: string, step: VerdictStep, packets: number, bytes: number, isCertain: boolean): void {
    let hits = this.hits.get(key);
    if (hits === undefined) {
      hits = { packets: 0, bytes: 0, flows: 0, uncertain: 0, step };
      this.hits.set(key, hits);
    }
    if (!isCertain) hits.uncertain += packets;
    else {
      hits.packets += packets;
      hits.bytes += bytes;
    }
  }
}
