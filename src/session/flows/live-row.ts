/** A flow's row as it is handed out: its words are made when somebody reads them. Of a million flows most are only counted. */
import type { FilterRow } from '../../filter/row.ts';
import type { Flow } from '../../flow/flow.ts';
import type { FlowRow } from '../state/flow-row.ts';
import type { FlowProxied, FlowTraces, FlowTrail } from '../state/flow-verdict.ts';
import type { LiveVerdict } from '../verdicts/live-verdict.ts';
import type { FlowNote } from './flow-note.ts';

/** Who knows the words. */
export interface RowWords {
  nameOfEnd(note: FlowNote, end: 'aName' | 'bName'): string;
  protocolOf(note: FlowNote): string;
  /** What bare words of a display filter are looked for in. */
  searchTextOf(note: FlowNote): string;
  stateOf(note: FlowNote): string;
  decision(note: FlowNote, verdict: LiveVerdict | null, proxied: FlowProxied | null): Decision;
  proxiedOf(note: FlowNote): FlowProxied | null;
  trailOf(note: FlowNote): FlowTrail | null;
}

export type Decision = Pick<FlowRow, 'outcome' | 'by'>;

export class LiveRow implements FlowRow, FilterRow {
  readonly flow: Flow;
  readonly verdict: LiveVerdict | null;
  readonly traced: FlowTraces;
  readonly #note: FlowNote;
  readonly #words: RowWords;
  #decision: Decision | null = null;

  constructor(note: FlowNote, words: RowWords) {
    this.flow = note.flow;
    this.verdict = note.verdict;
    this.traced = note.traced;
    this.#note = note;
    this.#words = words;
  }

  get aName(): string {
    return this.#words.nameOfEnd(this.#note, 'aName');
  }

  get bName(): string {
    return this.#words.nameOfEnd(this.#note, 'bName');
  }

  get protocol(): string {
    return this.#words.protocolOf(this.#note);
  }

  get state(): string {
    return this.#words.stateOf(this.#note);
  }

  get searchText(): string {
    return this.#words.searchTextOf(this.#note);
  }

  get outcome(): string {
    return this.#decided().outcome;
  }

  get by(): string {
    return this.#decided().by;
  }

  get proxied(): FlowProxied | null {
    return this.#words.proxiedOf(this.#note);
  }

  get trail(): FlowTrail | null {
    return this.#words.trailOf(this.#note);
  }

  #decided(): Decision {
    this.#decision ??= this.#words.decision(this.#note, this.verdict, this.proxied);
    return this.#decision;
  }
}

/** The row as it is now, whatever becomes of its flow. */
export const frozenRow = (row: FlowRow): FlowRow => ({
  flow: structuredClone(row.flow),
  aName: row.aName,
  bName: row.bName,
  protocol: row.protocol,
  state: row.state,
  verdict: row.verdict,
  outcome: row.outcome,
  by: row.by,
  traced: row.traced,
  proxied: row.proxied ?? null,
  trail: row.trail ?? null,
});
