/** A capture as screens and commands see it. */
import type { Direction, Flow } from '../../flow/flow.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Verdict } from '../../path/verdict.ts';
import type { SaveOptions } from '../saving/save-options.ts';
import type { SessionTransform } from '../saving/transform.ts';
import type { CaptureState, SessionEvent } from './capture-state.ts';
import type { FlowPage, FlowQuery, FlowRow } from './flow-row.ts';
import type { FlowQuestion, FlowTraced } from './flow-verdict.ts';
import type { Replay } from './replay-state.ts';

/** A running or replayed capture, as the screens see it. */
export interface CaptureView {
  /** Where a saved session is shown as of a moment of it. */
  readonly replay?: Replay | undefined;
  /** Adds an observer; do so in the same turn in which the view was handed out and it misses nothing. Returns the way to stop. */
  observe(observer: CaptureObserver): () => void;
  /** Settles when a file has been read to its end, or a live capture was stopped; rejects where it could not begin. */
  readonly finished: Promise<void>;
  getState(): CaptureState;
  /** Called at most about ten times a second, after getState() has changed. Returns the way to stop. */
  subscribe(listener: () => void): () => void;
  flows(query: FlowQuery): FlowPage;
  flow(id: number): FlowRow | null;
  /** The newest packets of the flow that are still in memory, oldest first. */
  packetsOf(flowId: number, limit: number): readonly StoredPacket[];
  /** The flow's verdict with near misses, for "why not others". */
  explain(flowId: number): { readonly verdict: Verdict; readonly reply: Verdict | null } | null;
  /** The question about the flow, or why none can be asked. */
  question(flowId: number): FlowQuestion | null;
  /** Notes what the kernel's trace said of the flow's packets. */
  noteTrace(flowId: number, direction: 'there' | 'reply', traced: FlowTraced): void;
  /** Sentences for a person: what happens, why, and what to do; from the diagnosis stage. */
  why(flowId: number): readonly string[];
  setFilter(filter: string): Promise<void>;
  startSaving(path: string, options?: SaveOptions): Promise<void>;
  stopSaving(): Promise<void>;
  /** Writes what the memory ring still holds, or a part of it. Returns how many packets. */
  saveRing(path: string, what?: RingSelection): Promise<number>;
  stop(): Promise<void>;
}

/** What a headless command follows. Rows are valid during the call only. */
export interface CaptureObserver {
  /** Every packet, in order, after its flow has been brought up to date; `direction` 0 is a→b. */
  packet?(packet: Packet, flow: Flow, direction: Direction): void;
  /** A flow has ended: closed, aged, evicted, or the capture has ended. Called once a flow. */
  flowEnded?(row: FlowRow): void;
  /** The first verdict of a flow, and every later one that differs. */
  verdictChanged?(row: FlowRow): void;
  /** What was taken for a flow of its own at one point is a stage of another, whose row it belongs to. */
  flowJoined?(flowId: number, rowId: number): void;
  event?(event: SessionEvent): void;
}

/** A packet kept in memory, copied out of the ring. */
export interface StoredPacket {
  readonly sequence: number;
  readonly timeSec: number;
  readonly timeNsec: number;
  readonly interfaceId: number;
  readonly linkType: number;
  readonly originalLength: number;
  readonly bytes: Uint8Array;
}

/** A part of what is kept in memory; each null or absent for all. */
export interface RingSelection {
  /** The last so many milliseconds, counted back from the newest packet. */
  readonly lastMs?: number | null;
  /** Ids of flows. */
  readonly flows?: readonly number[] | null;
  readonly only?: ((row: FlowRow) => boolean) | null;
  readonly transform?: SessionTransform | null;
}
