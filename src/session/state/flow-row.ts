/** The flows of a capture as rows to show, and how they are asked for. */
import type { Flow } from '../../flow/flow.ts';
import type { FlowProxied, FlowTraces, FlowTrail, FlowVerdict } from './flow-verdict.ts';

/** One row of the flow table, ready to show: names resolved, everything safe to print. */
export interface FlowRow {
  readonly flow: Flow;
  readonly aName: string;
  readonly bName: string;
  readonly protocol: string;
  readonly state: string;
  /** Null while it has not been computed yet. */
  readonly verdict: FlowVerdict | null;
  /** ACCEPT, DROP, REJECT, UNDETERMINED, or '' where there is none (ARP). */
  readonly outcome: string;
  /** What decided, in words: `filter DOCKER-ISOLATION-STAGE-2 #1`. */
  readonly by: string;
  /** What the kernel's own trace said of the packet there and of the reply; null where none was asked for since the verdict. */
  readonly traced: FlowTraces;
  /** Null where docker-proxy has no part in it, as far as is known. */
  readonly proxied?: FlowProxied | null;
  /** Null where one point only is captured. Worked out when it is asked for. */
  readonly trail?: FlowTrail | null;
}

export type FlowSort = 'first' | 'last' | 'packets' | 'bytes' | 'rtt' | 'verdict' | 'name';

export interface FlowQuery {
  readonly sort: FlowSort;
  readonly descending: boolean;
  /** Words that must all appear in the row (names, addresses, ports, protocol, state, verdict, rule). */
  readonly search: string;
  readonly offset: number;
  readonly limit: number;
}

export interface FlowPage {
  readonly rows: readonly FlowRow[];
  /** How many match the search. */
  readonly total: number;
}
