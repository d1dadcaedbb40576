/** The one state that the TUI and the headless commands read: plain values, replaced whenever something changed. */
import type { VethscopeError } from '../base/errors.ts';
import type { Direction, Flow } from '../flow/flow.ts';
import type { Evidence } from '../flow/proxied.ts';
import type { HostFacts } from '../host/facts.ts';
import type { Packet } from '../packet/packet.ts';
import type { PacketSpec, Verdict } from '../path/verdict.ts';
import type { RuleUses } from '../report/rule-use.ts';
import type { CapturePoint, Topology } from '../topology/topology.ts';
import type { TraceComparison } from '../trace/compare.ts';
import type { TracePacket } from '../trace/event.ts';
import type { Trail } from '../trail/trail.ts';
import type { Replay } from './replay-state.ts';
import type { SaveOptions } from './saving/save-options.ts';
import type { SessionTransform } from './saving/transform.ts';

/** The host as known now: facts, topology, and how old they are. */
export interface HostState {
  readonly facts: HostFacts;
  readonly topology: Topology;
  /** Counts up with every change of more than counters. */
  readonly generation: number;
  readonly live: boolean;
  /** Why the facts are missing or old (Docker is away); null where all is well. */
  readonly trouble: string | null;
  /** Packets per second of each interface of the host in the newest seconds, oldest first; absent where nobody counts them. */
  readonly traffic?: ReadonlyMap<string, readonly number[]>;
  /** Packets that interfaces dropped in the newest second, by name; those that dropped none are left out. */
  readonly dropped?: ReadonlyMap<string, number>;
}

/** Lost packets by who lost them; null where the engine cannot tell. */
export interface LostCounts {
  readonly kernel: number | null;
  readonly engine: number | null;
  readonly pipe: number;
}

export interface PointState {
  readonly point: CapturePoint;
  readonly status: 'starting' | 'capturing' | 'waiting' | 'stopped' | 'failed' | 'file';
  readonly engine: string | null;
  readonly linkType: number | null;
  /** Why it waits or failed. */
  readonly message: string | null;
  readonly packets: number;
  /** When nothing was captured there, oldest first: an interface was gone, an engine had to be started anew. */
  readonly gaps: readonly CaptureGap[];
}

/** Seconds since the epoch. */
export interface CaptureGap {
  readonly from: number;
  readonly to: number;
}

/** Something that happened during the capture: the interface went away, rules changed, the engine was started anew. */
export interface SessionEvent {
  /** Seconds since the epoch. */
  readonly at: number;
  readonly severity: 'info' | 'warning' | 'error';
  readonly text: string;
}

export interface SavingState {
  /** The file that is written, the newest of several. */
  readonly path: string;
  /** What is in files, over all of them. */
  readonly bytes: number;
  readonly packets: number;
  readonly files: number;
  /** What was to be saved and is in no file: the disk refused it, was too slow, or somebody deleted it. Captured bytes. */
  readonly notSaved: { readonly packets: number; readonly bytes: number };
  /** Why nothing is being saved now; null while it is. */
  readonly error: string | null;
}

export interface CaptureState {
  readonly points: readonly PointState[];
  readonly filter: string;
  readonly startedAt: number;
  readonly packets: number;
  readonly bytes: number;
  readonly packetsPerSecond: number;
  readonly flows: number;
  readonly flowsEvicted: number;
  /** Packets that could not be decoded beyond their link layer. */
  readonly undecoded: number;
  /** Packets that were counted, saved and not looked into, as there were too many: their flows do not count them. */
  readonly countedOnly: number;
  readonly lost: LostCounts;
  readonly saving: SavingState | null;
  readonly events: readonly SessionEvent[];
  readonly finished: boolean;
  /** Name of the file, for replayed sessions. */
  readonly file: string | null;
  /** Changes with every packet and verdict. */
  readonly revision: number;
}

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

/** Where the packets of one direction were seen, beside what was predicted. */
export interface DirectionTrail {
  readonly trail: Trail;
  /** One sentence: the last place seen, the next expected, what lies between. */
  readonly words: string | null;
}

/** A flow at several capture points. */
export interface FlowTrail {
  /** Null where no packet of that direction was seen. */
  readonly there: DirectionTrail | null;
  readonly reply: DirectionTrail | null;
  /** Who stamped the times: those of user space are late by as long as the engine had to wait. */
  readonly stamps: 'kernel' | 'user space';
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

/** A part of what is kept in memory; each null or absent for all. */
export interface RingSelection {
  /** The last so many milliseconds, counted back from the newest packet. */
  readonly lastMs?: number | null;
  /** Ids of flows. */
  readonly flows?: readonly number[] | null;
  readonly only?: ((row: FlowRow) => boolean) | null;
  readonly transform?: SessionTransform | null;
}

export interface CaptureOptions {
  readonly filter: string;
  /** Where the bytes of a saved session go instead of a file (`-w -`). */
  readonly saveToStdout?: boolean;
  /** False where nobody will ask for packets later: no memory is spent on them. */
  readonly keepPackets?: boolean;
  /** Room for the packets that are kept; a default where it is absent. */
  readonly ringBytes?: number;
  /** The capture ends by itself after exactly so many packets: no later one is counted, observed or saved. */
  readonly packetLimit?: number;
  readonly engine: 'cap' | 'tcpdump' | 'auto';
  /** `auto` takes the engine whose packets the kernel stamps and whose losses are counted, where it is there: trails rest on both. */
  readonly forTrail?: boolean;
  /** Ids of containers that were asked for as a whole: a network that one of them joins later is captured too. */
  readonly whole?: readonly string[];
  /** File to save to from the first packet on; null for none. */
  readonly saveTo: string | null;
  readonly save?: SaveOptions;
}

export interface FileOptions {
  /** With a cursor in time: `replay` of the view. */
  readonly replays?: boolean;
  /** pcap-filter syntax, '' for all. */
  readonly filter?: string;
  readonly keepPackets?: boolean;
  /** False where nobody will ask for a flow after its end has been told. */
  readonly keepEnded?: boolean;
  /** As in CaptureOptions. */
  readonly packetLimit?: number;
}

/** What of a file is written anew. */
export interface RewriteFileOptions {
  /** pcap-filter syntax, '' for all. */
  readonly filter?: string;
  /** Flows that it says yes to at any verdict of theirs, or at their end; null for all. */
  readonly only?: ((row: FlowRow) => boolean) | null;
  readonly packetLimit?: number | null;
  readonly transform?: SessionTransform | null;
}

export interface RewriteResult {
  /** Packets in the file that was read, up to where reading ended. */
  readonly read: number;
  readonly packets: number;
  readonly bytes: number;
  /** Blocks that were not understood and not passed on. */
  readonly leftOut: number;
  readonly points: number;
  /** What is damaged in the file. */
  readonly problems: readonly string[];
}

/** Answer to "what would happen to such a packet". */
export interface ExplainAnswer {
  /** The question as understood, in words: `web1 172.18.0.2 → web2 198.18.20.2 icmp echo-request`. */
  readonly question: string;
  readonly verdict: Verdict;
  readonly reply: Verdict | null;
  /** Sentences for a person: cause, evidence, what to do. */
  readonly why: readonly string[];
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

/** What the kernel's trace of a flow's packets said about its verdict. */
export interface FlowTraced {
  readonly agrees: boolean;
  /** One sentence. */
  readonly conclusion: string;
}

export interface FlowTraces {
  readonly there: FlowTraced | null;
  readonly reply: FlowTraced | null;
}

/** The places along a conversation's way. */
export interface PointsBetween {
  readonly points: readonly CapturePoint[];
  /** Places on the way that nothing can be captured at from here, in words. */
  readonly missing: readonly string[];
  /** What the rules would do to a ping there: `DROP by filter OUTPUT #1 in web1`. */
  readonly predicted: string;
}

export interface RuleCounting {
  /** As of now. */
  uses(): RuleUses;
}

/** A host (live, or a snapshot) with all that can be done on it; owned by the session stage, closed once. */
export interface Workspace {
  getHost(): HostState | null;
  subscribe(listener: () => void): () => void;
  openCapture(points: readonly CapturePoint[], options: CaptureOptions): Promise<CaptureView>;
  /** All places where packets between SRC and DST (as in `explain`) can be captured, and those on the way where none can. */
  pointsBetween(src: string, dst: string): PointsBetween;
  /** A saved session or any pcap or pcapng. `filter` is pcap-filter syntax, '' for all. */
  openFile(path: string, options?: FileOptions): Promise<CaptureView>;
  /** Writes a file anew, with some of its packets only, or changed. */
  rewriteFile(path: string, to: string, options?: RewriteFileOptions): Promise<RewriteResult>;
  /** Counts from now on which rules the packets of a capture meet. */
  countRules(capture: CaptureView): RuleCounting;
  /** SRC and DST: a container, an address, `host` or `outside`. PROTO: `icmp`, `tcp:80`, `udp:53`. Throws a usage error for bad ones. */
  explain(src: string, dst: string, proto: string, options: { readonly whyNot: boolean }): ExplainAnswer;
  /** Asks the kernel for its trace, with rules of our own that end with it. Rejects where this host's kernel cannot be asked. */
  trace(subject: TraceSubject, options: TraceOptions): Promise<TraceView>;
  /** Where captures are saved by default: `captures/web1-20261121-0314.pcapng`. */
  suggestFileName(label: string): string;
  close(): Promise<void>;
}
