/** What the agent hands over of the kernel's trace, read into packets' passages: nft's text and the records of legacy rules. */
import type { HostFacts } from '../../host/facts.ts';
import type { VerdictStep } from '../../path/verdict.ts';
import { CaptureReader } from '../../pcap/reader.ts';
import { isAbsent } from '../../trace/compare.ts';
import type { TraceEvent } from '../../trace/event.ts';
import { readNflogTrace } from '../../trace/nflog.ts';
import { NftMonitorReader } from '../../trace/nft-monitor.ts';
import { type Passage, Passages } from '../../trace/passages.ts';
import { indexRules, type RuleIndex } from '../../trace/rule-index.ts';

/** As the agent names its tables. */
const OWN_TABLE = /^vethscope_trace_/;
/** What nft prints where its socket overflowed. */
const OVERRUN = /lost some netlink events/;

export const isOwnTable = (table: string): boolean => OWN_TABLE.test(table);

/**
 * The two ways have no common clock: what legacy rules tell waits a little, so that the packet is known by then from where it came in, with the
 * addresses that it had there.
 */
const HELD_MS = 120;

interface Held {
  readonly event: TraceEvent;
  readonly atMs: number;
}

export class TraceReader {
  /** How often nft said that messages were lost. */
  overruns = 0;
  #index: RuleIndex;
  #nftJson: string;
  #facts: HostFacts;
  readonly #nft = new NftMonitorReader();
  readonly #records = new CaptureReader();
  readonly #passages: Passages;
  #damaged = 0;
  readonly #held: Held[] = [];

  constructor(nftJson: string, facts: HostFacts) {
    this.#nftJson = nftJson;
    this.#facts = facts;
    this.#index = indexRules(nftJson, facts.self.rulesets);
    this.#passages = new Passages(
      () => this.#index,
      (event) => isOwnTable(event.table),
    );
  }

  isAbsent(step: VerdictStep): boolean {
    return isAbsent(this.#index, step);
  }

  /** Lines and records that could not be read, and rules whose packet is not known. */
  get unreadable(): number {
    return this.#nft.unreadable + this.#damaged + this.#passages.orphans;
  }

  rules(nftJson: string): void {
    this.#nftJson = nftJson;
    this.#reindex();
  }

  /** The facts were read anew: legacy's rules are theirs. */
  facts(facts: HostFacts): void {
    this.#facts = facts;
    this.#reindex();
  }

  text(text: string, nowMs: number): void {
    const lines = text.split('\n');
    const said = lines.filter((line) => OVERRUN.test(line)).length;
    this.overruns += said;
    const rest = said === 0 ? text : lines.filter((line) => !OVERRUN.test(line)).join('\n');
    for (const event of this.#nft.push(rest)) this.#add(event, nowMs);
  }

  records(bytes: Uint8Array, nowMs: number): void {
    this.#records.push(bytes);
    const device = (ifindex: number): string | null => this.#facts.self.links?.find((link) => link.ifindex === ifindex)?.name ?? null;
    for (let event = this.#records.next(); event !== null; event = this.#records.next()) {
      if (event.kind === 'problem') this.#damaged++;
      if (event.kind !== 'packet') continue;
      const { packet } = this.#records;
      const read = readNflogTrace(packet.bytes.subarray(packet.start, packet.end), device);
      // Other rules' logs come here too: they are none of ours.
      if (read !== null) this.#held.push({ event: read, atMs: nowMs });
    }
  }

  /** Passages of which nothing was heard for `settledMs`. */
  take(nowMs: number, settledMs: number): readonly Passage[] {
    while (this.#held.length > 0 && (this.#held[0] as Held).atMs <= nowMs - HELD_MS) this.#release(nowMs);
    return this.#passages.take(nowMs - settledMs);
  }

  /** All that are left. */
  rest(nowMs: number): readonly Passage[] {
    for (const event of this.#nft.end()) this.#add(event, nowMs);
    while (this.#held.length > 0) this.#release(nowMs);
    return this.#passages.take();
  }

  #release(nowMs: number): void {
    const held = this.#held.shift();
    if (held !== undefined) this.#add(held.event, nowMs);
  }

  #add(event: TraceEvent, nowMs: number): void {
    this.#passages.add(event, nowMs);
  }

  #reindex(): void {
    this.#index = indexRules(this.#nftJson, this.#facts.self.rulesets);
  }
}
