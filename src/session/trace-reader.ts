/** What the agent hands over of the kernel's trace, read into packets' passages: nft's text and the records of legacy rules. */
import type { HostFacts } from '../host/facts.ts';
import type { VerdictStep } from '../path/verdict.ts';
import { CaptureReader } from '../pcap/reader.ts';
import { isAbsent } from '../trace/compare.ts';
import type { TraceEvent } from '../trace/event.ts';
import { readNflogTrace } from '../trace/nflog.ts';
import { NftMonitorReader } from '../trace/nft-monitor.ts';
import { type Passage, Passages } from '../trace/passages.ts';
import { indexRules, type RuleIndex } from '../trace/rule-index.ts';

/** As the agent names its tables. */
const OWN_TABLE = /^vethscope_trace_/;
/** What nft prints where its socket overflowed. */
const OVERRUN = /lost some netlink events/;

export const isOwnTable = (table: string): boolean => OWN_TABLE.test(table);

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
      if (read !== null) this.#add(read, nowMs);
    }
  }

  /** Passages of which nothing was heard since `beforeMs`; all of them without it. */
  take(beforeMs?: number): readonly Passage[] {
    return this.#passages.take(beforeMs);
  }

  #add(event: TraceEvent, nowMs: number): void {
    this.#passages.add(event, nowMs);
  }

  #reindex(): void {
    this.#index = indexRules(this.#nftJson, this.#facts.self.rulesets);
  }
}
