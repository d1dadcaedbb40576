/** What became of a capture's packets rule by rule: how many each rule and policy matched, as foretold, and how many the kernel counted. */
import type { Backend, RuleFamily } from '../netfilter/ruleset.ts';

export interface RuleUse {
  /** The container, or the overlay network, whose own rule it is; null for the host's. */
  readonly namespace: string | null;
  readonly backend: Backend;
  readonly family: RuleFamily;
  readonly table: string;
  readonly chain: string;
  /** Null for the chain's policy. */
  readonly rule: number | null;
  readonly text: string;
  readonly packets: number;
  readonly bytes: number;
  readonly flows: number;
  /** Packets that met it where the verdict is undetermined: they may have. */
  readonly uncertain: number;
  /** What its own counter grew by from the first snapshot to the last, from everybody's packets; null where none tells. */
  readonly counted: number | null;
}

export interface RuleUses {
  /** In the order of the rules, those that nothing met among them. */
  readonly rules: readonly RuleUse[];
  /** Packets of flows that were judged. */
  readonly packets: number;
  /** Answers that no way is foretold of, and packets of flows without a verdict. */
  readonly unplaced: number;
}

export const isUsed = ({ packets, uncertain }: RuleUse): boolean => packets + uncertain > 0;
