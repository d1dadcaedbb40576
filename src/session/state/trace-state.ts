/** A running trace of the kernel's, as screens and commands see it. */
import type { VethscopeError } from '../../base/errors.ts';
import type { Verdict } from '../../path/verdict.ts';
import type { TraceComparison } from '../../trace/compare.ts';
import type { TracePacket } from '../../trace/event.ts';
import type { CaptureView } from './capture-view.ts';

/** A running trace. */
export interface TraceView {
  getState(): TraceState;
  subscribe(listener: () => void): () => void;
  /** Each compared packet, in order. */
  observe(observer: (packet: TracedPacket) => void): () => void;
  /** Settles when nothing of the trace is left in the kernel. */
  readonly finished: Promise<void>;
  stop(): Promise<void>;
}

export interface TraceState {
  /** The question in words. */
  readonly question: string;
  readonly status: 'starting' | 'running' | 'ended';
  /** What was set for the time of the trace, what cannot be seen, what was sent. */
  readonly remarks: readonly string[];
  /** The newest compared packets, oldest first. */
  readonly packets: readonly TracedPacket[];
  readonly there: number;
  readonly replies: number;
  /** Errors about the conversation and other packets of its connection, which are not compared. */
  readonly others: number;
  /** Packets that passed while rules changed or messages were lost, whose trace shows too little to speak against the prediction. */
  readonly incomplete: number;
  readonly agreeing: number;
  readonly differing: number;
  readonly lost: TraceLost;
  /** Why it ended by itself; null where it did not, or only its time was over. */
  readonly problem: VethscopeError | null;
}

/** One packet whose way the kernel has told, beside the prediction. */
export interface TracedPacket {
  /** Counts up from 1. */
  readonly number: number;
  readonly direction: 'there' | 'reply';
  /** As it was first seen. */
  readonly packet: TracePacket;
  /** The prediction for exactly this packet; its evidence is `traced` where the kernel did the same. */
  readonly verdict: Verdict;
  readonly comparison: TraceComparison;
  /** What the kernel did with it in the end; null where its trace does not show that. */
  readonly outcome: 'accept' | 'drop' | 'reject' | null;
  /** One sentence: agreement, or what the kernel did and what was predicted. */
  readonly conclusion: string;
}

/** What was not told of the kernel's trace, by where it was lost; null where nobody counts. */
export interface TraceLost {
  /** Messages that came faster than they were read. */
  readonly messages: number | null;
  /** Packets left out to stay below the rate. */
  readonly overRate: number | null;
  readonly legacyRecords: number | null;
  /** How often reading began anew because rules changed. */
  readonly gaps: number;
  /** Lines that could not be read or laid to a packet. */
  readonly unreadable: number;
}

/** What the kernel's trace is to be about: a question as `explain` takes it, or a flow that is captured. */
export type TraceSubject =
  | { readonly kind: 'question'; readonly src: string; readonly dst: string; readonly proto: string }
  | { readonly kind: 'flow'; readonly capture: CaptureView; readonly flowId: number };

export interface TraceOptions {
  /** Ends when so many packets of SRC's direction have been compared, with their answers; null for no limit. */
  readonly packetLimit: number | null;
  /** Ends after so long; null for no limit. */
  readonly durationMs: number | null;
  /** Sends one such packet as soon as the trace has begun; else it waits for others to send. */
  readonly send: boolean;
}
