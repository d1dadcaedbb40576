/** What a display filter looks at: one flow with its names, its words and its verdicts. The rows of the flow table are such. */
import type { Flow } from '../flow/flow.ts';
import type { Verdict } from '../path/verdict.ts';

export interface FilterVerdict {
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
  /** Set where what was seen speaks against the prediction. */
  readonly contradiction: object | null;
  /** Later verdicts than the first. */
  readonly changes: readonly unknown[];
}

export interface FilterRow {
  readonly flow: Flow;
  readonly aName: string;
  readonly bName: string;
  readonly protocol: string;
  readonly state: string;
  /** Null where there is none (yet). */
  readonly verdict: FilterVerdict | null;
  readonly proxied?: object | null;
  /** Names, addresses, ports and protocol in lower case, for bare words; where it is absent they are looked at one by one. */
  readonly searchText?: string;
}

/** True for the flows that are shown. */
export type RowFilter = (row: FilterRow) => boolean;
