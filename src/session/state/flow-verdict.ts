/** What is known of the verdict about a flow, and what was seen beside it. */
import type { Evidence } from '../../flow/proxied.ts';
import type { PacketSpec, Verdict } from '../../path/verdict.ts';
import type { Trail } from '../../trail/trail.ts';

/** A verdict as it belongs to a live flow: when and why it changed, and whether the rule's counter moved with the packets. */
export interface FlowVerdict {
  readonly verdict: Verdict;
  /** The outcomes by themselves: reading them makes no verdict. */
  readonly outcome: Verdict['outcome'];
  readonly replyOutcome: Verdict['outcome'] | null;
  /** The reply's, null where no reply is expected or it cannot be said. */
  readonly reply: Verdict | null;
  /** How the question was formed where the capture point does not show it (what was assumed about device and translation). */
  readonly assumptions: readonly string[];
  /** Packets that the deciding rule has counted since the flow began; null where there is no counter to look at. */
  readonly counted: number | null;
  /** The same of the rules that translate it. */
  readonly natCounted: readonly RuleCount[];
  /** What was seen and cannot be where the prediction is right; null where nothing was. */
  readonly contradiction: Contradiction | null;
  readonly changes: readonly { readonly at: number; readonly from: string; readonly to: string; readonly because: string }[];
}

/** The question about a flow, or why none can be asked. */
export type FlowQuestion = { readonly spec: PacketSpec; readonly assumptions: readonly string[] } | { readonly unknown: string };

/** What a rule of a nat table, which sees the first packet of each connection only, has counted since a flow began. */
export interface RuleCount {
  readonly by: string;
  readonly connections: number | null;
}

export interface Contradiction {
  /**
   * An answer came to what should have been dropped, or the rule that should have decided did not count; it was seen at a place beyond
   * the predicted end, or not at one where it should have come.
   */
  readonly kind: 'answered' | 'not-counted' | 'seen-beyond' | 'not-seen';
  /** A sentence for a person, with what to try. */
  readonly text: string;
}

/** A flow at several capture points. */
export interface FlowTrail {
  /** Null where no packet of that direction was seen. */
  readonly there: DirectionTrail | null;
  readonly reply: DirectionTrail | null;
  /** Who stamped the times: those of user space are late by as long as the engine had to wait. */
  readonly stamps: 'kernel' | 'user space';
}

/** Where the packets of one direction were seen, beside what was predicted. */
export interface DirectionTrail {
  readonly trail: Trail;
  /** One sentence: the last place seen, the next expected, what lies between. */
  readonly words: string | null;
}

/** What is known of a flow that is half of a connection which docker-proxy carries. */
export interface FlowProxied {
  /** `client`: from the client to docker-proxy; `container`: from docker-proxy to the container. */
  readonly half: 'client' | 'container';
  /** The flow that is the other half; null where it was not seen, or is not told apart from others. */
  readonly flow: number | null;
  /** What joined them: the same bytes on both. */
  readonly evidence: Evidence | null;
  /** The flows that may be the other half, where that is not decided. */
  readonly candidates: readonly number[];
  /** The client's own `address:port`, where it is known. */
  readonly client: string | null;
  readonly words: string;
}

export interface FlowTraces {
  readonly there: FlowTraced | null;
  readonly reply: FlowTraced | null;
}

/** What the kernel's trace of a flow's packets said about its verdict. */
export interface FlowTraced {
  readonly agrees: boolean;
  /** One sentence. */
  readonly conclusion: string;
}
