/** What a diagnosis is made from and what it gives: the answer for a person first, then what it rests on, then what to do. */
import type { Flow } from '../flow/flow.ts';
import type { HostFacts } from '../host/facts.ts';
import type { PacketSpec, Verdict } from '../path/verdict.ts';
import type { Topology } from '../topology/topology.ts';
import type { Case } from './case.ts';

export interface DiagnosisInput {
  /** The question in words, where a person asked one. */
  readonly question?: string;
  readonly spec: PacketSpec;
  readonly verdict: Verdict;
  /** Null where no reply is expected or it cannot be said. */
  readonly reply: Verdict | null;
  /** The conversation as it was seen; null where nothing was captured. */
  readonly flow: Flow | null;
  /** Packets of the flow came in, and the rule that decides counted none of them. */
  readonly notCounted?: boolean;
  readonly facts: HostFacts;
  readonly topology: Topology;
}

export interface Diagnosis {
  /** Stable name of the cause, as in docs/diagnoses.md. */
  readonly id: string;
  /** `cause`: why it does not work (or works otherwise than one thinks). `note`: something to know beside it. */
  readonly weight: 'cause' | 'note';
  /** For a person, names before addresses. */
  readonly sentence: string;
  /** What it rests on: the rule, the sysctl, the route. */
  readonly evidence: readonly string[];
  /** One command that mends it, shown and never run; null where no command would. */
  readonly fix: string | null;
  /** What the command is for: `To let them talk`. */
  readonly fixFor: string | null;
}

export interface Finding {
  readonly sentence: string;
  readonly evidence?: readonly string[];
  readonly fix?: string;
  /** Default `To mend it`. */
  readonly fixFor?: string;
  readonly weight?: Diagnosis['weight'];
}

/** One cause. It looks at facts and at the shape of rules; names of chains only choose words. */
export interface Cause {
  readonly id: string;
  /** True for one that also explains what another namespace than the host's decides, or what stops the packet of a tunnel; the others are asked about the host's decisions only. */
  readonly inside?: true;
  readonly find: (subject: Case) => Finding | null;
}
