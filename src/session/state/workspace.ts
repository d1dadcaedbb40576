/** All that can be done on a host, as screens and commands ask for it. */
import type { Verdict } from '../../path/verdict.ts';
import type { SessionDiff } from '../../report/session-diff.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { SaveOptions } from '../saving/save-options.ts';
import type { SessionTransform } from '../saving/transform.ts';
import type { CaptureView } from './capture-view.ts';
import type { FlowRow } from './flow-row.ts';
import type { HostState } from './host-state.ts';
import type { RuleCounting } from './rule-counting.ts';
import type { TraceOptions, TraceSubject, TraceView } from './trace-state.ts';

/** A host (live, or a snapshot) with all that can be done on it; owned by the session stage, closed once. */
export interface Workspace {
  /** Null where files are judged by what was known in their own time. */
  readonly judgedBy: JudgedBy | null;
  getHost(): HostState | null;
  subscribe(listener: () => void): () => void;
  openCapture(points: readonly CapturePoint[], options: CaptureOptions): Promise<CaptureView>;
  /** All places where packets between SRC and DST (as in `explain`) can be captured, and those on the way where none can. */
  pointsBetween(src: string, dst: string): PointsBetween;
  /** A saved session or any pcap or pcapng. `filter` is pcap-filter syntax, '' for all. */
  openFile(path: string, options?: FileOptions): Promise<CaptureView>;
  /** Which flows of a file are decided otherwise than by the rules of its own time. Rejects where no others were given. */
  diffFile(path: string): Promise<SessionDiff>;
  /** Writes a file anew, with some of its packets only, or changed. */
  rewriteFile(path: string, to: string, options?: RewriteFileOptions): Promise<RewriteResult>;
  /** Counts which rules the packets of a capture meet; ask in the turn in which the view was handed out. */
  countRules(capture: CaptureView): RuleCounting;
  /** SRC and DST: a container, an address, `host` or `outside`. PROTO: `icmp`, `tcp:80`, `udp:53`. Throws a usage error for bad ones. */
  explain(src: string, dst: string, proto: string, options: { readonly whyNot: boolean }): ExplainAnswer;
  /** Asks the kernel for its trace, with rules of our own that end with it. Rejects where this host's kernel cannot be asked. */
  trace(subject: TraceSubject, options: TraceOptions): Promise<TraceView>;
  /** Where captures are saved by default: `captures/web1-20261121-0314.pcapng`. */
  suggestFileName(label: string): string;
  close(): Promise<void>;
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

/** The places along a conversation's way. */
export interface PointsBetween {
  readonly points: readonly CapturePoint[];
  /** Places on the way that nothing can be captured at from here, in words. */
  readonly missing: readonly string[];
  /** What the rules would do to a ping there: `DROP by filter OUTPUT #1 in web1`. */
  readonly predicted: string;
}

/** Other rules, or another host's facts, that decide in the place of those of a file's own time. */
export interface JudgedBy {
  readonly kind: 'rules' | 'snapshot';
  /** `what if: filter, nat of IPv4 from new.save`. */
  readonly words: string;
}
