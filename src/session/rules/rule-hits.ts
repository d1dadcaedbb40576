/**
 * Counts for each rule the packets of a capture that it matches, as the verdicts foretell. It looks at flows and not at packets, so it
 * may run beside any capture: a flow is looked at when its verdict comes, when facts change, and when it is over.
 */
import type { Flow } from '../../flow/flow.ts';
import type { Verdict } from '../../path/verdict.ts';
import type { RuleUse, RuleUses } from '../../report/rule-use.ts';
import type { HostStore } from '../host-store.ts';
import type { CaptureObserver, CaptureView } from '../state/capture-view.ts';
import type { FlowRow } from '../state/flow-row.ts';
import type { FlowVerdict } from '../state/flow-verdict.ts';
import type { RuleCounting } from '../state/rule-counting.ts';
import { LiveVerdict } from '../verdicts/live-verdict.ts';
import { RuleCounters } from './rule-counters.ts';
import { newTally, RuleTotals, type WaysTally } from './rule-totals.ts';
import { countInto, metBy, noCounts, PARTS, type PartCounts, type Ways, waysOf } from './rule-ways.ts';

/** What is asked of a capture. */
export type CountedView = Pick<CaptureView, 'observe' | 'question' | 'flow' | 'finished'>;

/** A flow that goes on. */
interface Entry {
  readonly flow: Flow;
  ways: Ways | null;
  /** Facts have changed since the ways were found. */
  isOld: boolean;
  /** What is counted already; null before the first change of facts. */
  taken: PartCounts | null;
  /** The ways that what is counted went, and the parts of it; null before. */
  past: { readonly ways: Ways; readonly parts: number }[] | null;
}

/** Ways that no open flow goes any more are kept apart up to here: most will be gone again. */
const MAX_IDLE_WAYS = 1_000;

export class RuleHits implements CaptureObserver, RuleCounting {
  readonly #store: HostStore;
  readonly #view: CountedView;
  readonly #counters: RuleCounters;
  readonly #entries = new Map<number, Entry>();
  readonly #tallies = new Map<Ways, WaysTally>();
  readonly #stops: (() => void)[];
  readonly #totals = new RuleTotals();
  /** Written over for each flow. */
  readonly #counts = noCounts();
  #ways = new WeakMap<Verdict, Ways>();
  #generation: number;
  #final: RuleUses | null = null;

  /** Call it in the turn in which the view was handed out. `hasFacts`: what the store knows by now holds for the capture. */
  constructor(store: HostStore, view: CountedView, hasFacts = true) {
    this.#store = store;
    this.#view = view;
    this.#counters = new RuleCounters(store);
    this.#generation = store.version?.generation ?? 0;
    if (hasFacts && store.version !== null) this.#counters.read(store.version.facts);
    this.#stops = [store.subscribe((reason) => this.#factsRead(reason)), view.observe(this)];
    const close = (): void => this.close();
    view.finished.then(close, close);
  }

  /** What has come since the facts changed was decided by this verdict, too. */
  verdictChanged({ flow, verdict }: FlowRow): void {
    if (verdict === null) return;
    const known = this.#entries.get(flow.id);
    const entry = known ?? { flow, ways: null, isOld: false, taken: null, past: null };
    if (known === undefined) this.#entries.set(flow.id, entry);
    entry.ways = this.#waysOf(flow.id, verdict);
    entry.isOld = false;
  }

  flowJoined(flowId: number): void {
    this.#entries.delete(flowId);
  }

  flowEnded(row: FlowRow): void {
    const { flow, verdict } = row;
    // What travels in a tunnel is counted by the packets around it.
    if (flow.tunnel !== null) return;
    const entry = this.#entries.get(flow.id) ?? { flow, ways: null, isOld: true, taken: null, past: null };
    this.#entries.delete(flow.id);
    this.#renew(entry, verdict);
    this.#book(entry, this.#totals, (ways) => this.#tallyOf(ways));
  }

  uses(): RuleUses {
    if (this.#final !== null) return this.#final;
    const totals = new RuleTotals(this.#totals);
    for (const [ways, tally] of this.#tallies) totals.add(ways, tally);
    const open = new Map<Ways, WaysTally>();
    for (const entry of this.#entries.values()) {
      this.#renew(entry, entry.isOld ? (this.#view.flow(entry.flow.id)?.verdict ?? null) : null);
      this.#book(entry, totals, (ways) => {
        const tally = open.get(ways) ?? newTally();
        open.set(ways, tally);
        return tally;
      });
    }
    for (const [ways, tally] of open) totals.add(ways, tally);
    return this.#listed(totals);
  }

  /** What was counted stays as it is. */
  close(): void {
    if (this.#final !== null) return;
    this.#final = this.uses();
    for (const stop of this.#stops) stop();
    this.#entries.clear();
    this.#tallies.clear();
  }

  #listed({ hits, packets: followed, unplaced }: RuleTotals): RuleUses {
    const rules: RuleUse[] = [];
    const told = new Set<string>();
    const facts = this.#store.version?.facts ?? null;
    for (const { ref, key } of this.#counters.listed(facts)) {
      told.add(key);
      const { packets = 0, bytes = 0, flows = 0, uncertain = 0 } = hits.get(key) ?? {};
      const { backend, family, table, chain, rule, text } = ref;
      const counted = this.#counters.growthOf({ ref, key });
      rules.push({ namespace: null, backend, family, table, chain, rule, text, packets, bytes, flows, uncertain, counted });
    }
    // Those of containers, and those that were gone by the end.
    for (const [key, { step, packets, bytes, flows, uncertain }] of hits) {
      if (told.has(key)) continue;
      const { namespace = null, backend = 'nft', family = 'ip', table, chain, rule, text } = step;
      rules.push({
        ...{ namespace, backend, family, table: table ?? '', chain: chain ?? '', rule, text },
        ...{ packets, bytes, flows, uncertain, counted: null },
      });
    }
    return { rules, packets: followed, unplaced };
  }

  /** Until now the rules of before decided. */
  #factsRead(reason: string | null): void {
    const version = this.#store.version;
    if (version === null || (reason === null && version.generation === this.#generation)) return;
    if (version.generation !== this.#generation) {
      this.#generation = version.generation;
      for (const entry of this.#entries.values()) {
        // What has no verdict yet has only just begun.
        if (entry.ways === null) continue;
        const parts = this.#book(entry, this.#totals, (ways) => this.#tallyOf(ways));
        if (parts > 0) {
          entry.past ??= [];
          entry.past.push({ ways: entry.ways, parts });
        }
        entry.taken = noCounts();
        countInto(entry.taken, entry.flow, null);
        entry.isOld = true;
      }
      this.#ways = new WeakMap();
    }
    this.#counters.read(version.facts);
  }

  /** Its verdict may rest on the facts of now without having changed. */
  #renew(entry: Entry, verdict: FlowVerdict | null): void {
    if (!entry.isOld || verdict === null || countInto(this.#counts, entry.flow, entry.taken) === 0) return;
    entry.ways = this.#waysOf(entry.flow.id, verdict) ?? entry.ways;
    entry.isOld = false;
  }

  /** Adds what has come of the flow since it was counted last, and leaves the flow as it is. Returns the parts of it, a bit a part. */
  #book(entry: Entry, totals: RuleTotals, tallyOf: (ways: Ways) => WaysTally): number {
    const { ways, past } = entry;
    const counts = this.#counts;
    const parts = countInto(counts, entry.flow, entry.taken);
    if (parts === 0) return parts;
    if (ways === null) {
      totals.leaveOut(counts);
      return parts;
    }
    const tally = tallyOf(ways);
    for (const part of PARTS) {
      tally.packets[part] = (tally.packets[part] as number) + (counts.packets[part] as number);
      tally.bytes[part] = (tally.bytes[part] as number) + (counts.bytes[part] as number);
    }
    if (past === null) tally.flows[parts] = (tally.flows[parts] as number) + 1;
    else for (const key of newlyMet(past, ways, parts)) tally.again.set(key, (tally.again.get(key) ?? 0) + 1);
    return parts;
  }

  #tallyOf(ways: Ways): WaysTally {
    const known = this.#tallies.get(ways);
    if (known !== undefined) return known;
    if (this.#tallies.size >= MAX_IDLE_WAYS) {
      for (const [old, tally] of this.#tallies) this.#totals.add(old, tally);
      this.#tallies.clear();
    }
    const tally = newTally();
    this.#tallies.set(ways, tally);
    return tally;
  }

  #waysOf(flowId: number, live: FlowVerdict): Ways | null {
    const shared = live instanceof LiveVerdict ? live.template : live.verdict;
    const known = this.#ways.get(shared);
    if (known !== undefined) return known;
    const question = this.#view.question(flowId);
    const version = this.#store.version;
    if (question === null || 'unknown' in question || version === null) return null;
    const ways = waysOf(version.model, question.spec, live);
    this.#ways.set(shared, ways);
    return ways;
  }
}

/** Rules at which the flow is not counted yet. */
const newlyMet = (past: NonNullable<Entry['past']>, ways: Ways, parts: number): readonly string[] => {
  const known = past.map((each) => metBy(each.ways, each.parts));
  return [...metBy(ways, parts)].filter((key) => !known.some((keys) => keys.has(key)));
};
