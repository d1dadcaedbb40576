/**
 * What main and the agent say to each other over the child process's IPC channel. The agent collects and starts; it never
 * looks into packets. Packets travel beside this channel, as pcapng over a FIFO that main has made.
 */
import type { SnapshotDocument } from '../host/snapshot.ts';

/** How the address of `--docker-host` reaches the agent: a variable of its environment. */
export const DOCKER_HOST_OPTION = 'VETHSCOPE_DOCKER_HOST';
/** The same for a machine that is reached by ssh: a RemoteLink as JSON. */
export const REMOTE_OPTION = 'VETHSCOPE_REMOTE';

/** Which facts to collect. `links` of other namespaces serve the topology; `rules` is all that decides about packets there, `full` the outputs of all commands. */
export interface CollectRequest {
  readonly firewall: boolean;
  readonly conntrack: boolean;
  readonly namespaces: 'none' | 'links' | 'rules' | 'full';
  readonly docker: boolean;
}

export type EngineKind = 'cap' | 'tcpdump';

/** Another namespace: its inode, and the way in. The engine checks the inode before it opens anything. */
export interface CaptureNamespace {
  readonly id: string;
  /** A process in it; null where only `path` leads there. */
  readonly pid: number | null;
  /** When that process began (field 22 of its stat), so that another one with its number is not taken for it; null where it is not known. */
  readonly startTime: string | null;
  /** A path that names it where no process does (`/run/netns/NAME`, NamespaceDocument.path). */
  readonly path?: string;
}

export interface StartCapture {
  /** Chosen by main; every later message about this capture carries it. */
  readonly captureId: number;
  readonly interface: string;
  /** Null for the agent's own namespace. */
  readonly netns: CaptureNamespace | null;
  readonly filter: string;
  readonly engine: EngineKind;
  readonly snapLength: number;
  readonly bufferBytes: number;
  /** `/proc/PID/fd/N` of main: a FIFO without a name, which the engine opens for writing and closes at its end. */
  readonly fifo: string;
  /** For the interface description block: `web1 (test_net1)`. */
  readonly description: string;
}

/** A packet as it enters the host, for the rules that ask for its trace. Null: any. */
export interface TracedTuple {
  readonly family: 4 | 6;
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  readonly sport: number | null;
  readonly dport: number | null;
  readonly icmpType: number | null;
}

export interface StartTrace {
  /** Chosen by main; every later message about this trace carries it. */
  readonly traceId: number;
  readonly original: TracedTuple;
  /** As the answer is predicted to come in: traced from its first rule on. Other answers are traced from conntrack on. */
  readonly reply: TracedTuple | null;
}

/** One packet to be sent, on request only. */
export interface SendPacket {
  readonly family: 4 | 6;
  /** Whose namespace it is sent from; null for the host itself. */
  readonly from: CaptureNamespace | null;
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  readonly dport: number | null;
}

export type AgentRequest =
  | { readonly type: 'collect'; readonly requestId: number; readonly what: CollectRequest }
  | { readonly type: 'watch'; readonly intervalMs: number; readonly what: CollectRequest }
  | { readonly type: 'unwatch' }
  | { readonly type: 'startCapture'; readonly capture: StartCapture }
  /** Answer to a `captureEnded` that resumes: the FIFO for the next section, which starts as soon as the interface is back. */
  | { readonly type: 'continueCapture'; readonly captureId: number; readonly fifo: string }
  | { readonly type: 'stopCapture'; readonly captureId: number }
  | { readonly type: 'startTrace'; readonly trace: StartTrace }
  | { readonly type: 'stopTrace'; readonly traceId: number }
  | { readonly type: 'send'; readonly requestId: number; readonly packet: SendPacket }
  | { readonly type: 'probe'; readonly requestId: number };

/** What a trace did and could not do. */
export interface TraceCounts {
  /** Packets that our rules marked; null where the counters could not be read. */
  readonly traced: number | null;
  /** Packets that fitted and were not traced, to stay below the rate. */
  readonly overRate: number | null;
  /** Messages of the kernel's trace that were lost on their way because we read too slowly; null where the kernel does not say. */
  readonly messagesLost: number | null;
  /** Records of legacy rules that the kernel could not hand over. */
  readonly legacyDropped: number | null;
  /** How often reading began anew because rules changed: what was told in between is lost. */
  readonly gaps: number;
}

export type TraceEnd = 'stopped' | 'no-program' | 'no-privilege' | 'refused' | 'rules-gone' | 'crashed';

/** What the machine can do, for `doctor` and for choosing an engine. */
export interface Capabilities {
  readonly uid: number;
  readonly canCapture: boolean;
  /** CAP_NET_ADMIN: without it the firewall, conntrack and sockets stay unread. */
  readonly canReadRules: boolean;
  readonly canEnterNamespaces: boolean;
  /** Capabilities were given to node's file: what it starts to read rules and to capture has none. */
  readonly nodeAloneMay: boolean;
  readonly capLoads: boolean;
  readonly capError: string | null;
  /** Program -> its path, null where it is missing. */
  readonly programs: Readonly<Record<string, string | null>>;
  readonly docker: { readonly url: string; readonly version: string | null; readonly error: string | null };
  readonly kernelModules: { readonly brNetfilter: boolean; readonly conntrack: boolean };
  /** Settings of its own namespace; null where the kernel has none of that name. */
  readonly settings: { readonly ipForward: string | null; readonly bridgeNfCallIptables: string | null };
  /** How another machine is reached, in words; null for this one. */
  readonly remote: string | null;
  /** What a trace that was killed has left behind, in words; the next trace takes it away. */
  readonly traceLeftovers: readonly string[];
}

export type CaptureEnd =
  | 'stopped'
  | 'interface-gone'
  | 'interface-down'
  | 'bad-filter'
  | 'no-privilege'
  | 'no-interface'
  | 'engine-missing'
  | 'engine-crashed';

export type AgentMessage =
  | { readonly type: 'ready'; readonly pid: number }
  | { readonly type: 'collected'; readonly requestId: number; readonly snapshot: SnapshotDocument }
  | { readonly type: 'failed'; readonly requestId: number; readonly message: string; readonly hint: string | null }
  | { readonly type: 'probed'; readonly requestId: number; readonly capabilities: Capabilities }
  /** While watching: the facts differ in more than counters; `reason` in words (`rules changed`, `container web1 started`). */
  | { readonly type: 'changed'; readonly reason: string; readonly snapshot: SnapshotDocument }
  /** While watching: only counters moved; keys as SNAPSHOT_COMMANDS, the texts are those of iptables-save -c. */
  | { readonly type: 'counters'; readonly takenAt: string; readonly raw: Readonly<Record<string, string>> }
  | { readonly type: 'dockerState'; readonly up: boolean; readonly message: string }
  | {
      readonly type: 'captureStarted';
      readonly captureId: number;
      readonly linkType: number;
      readonly engine: EngineKind;
      readonly warnings: readonly string[];
    }
  /** The section's last byte is in the FIFO and the writer has closed it. */
  | {
      readonly type: 'captureEnded';
      readonly captureId: number;
      readonly end: CaptureEnd;
      readonly message: string;
      readonly hint: string | null;
      /** The agent waits for the interface and goes on in a new section, once `continueCapture` has named its FIFO. */
      readonly resumes: boolean;
    }
  | {
      readonly type: 'captureStats';
      readonly captureId: number;
      readonly received: number | null;
      readonly droppedByKernel: number | null;
      readonly droppedByInterface: number | null;
      /** Dropped because the reader was slower than the packets and the engine's own queue was full. */
      readonly droppedByEngine: number | null;
    }
  /** The rules are in force and the kernel's trace is read. `ruleset` is what `nft -a -j list ruleset` printed just before. */
  | {
      readonly type: 'traceStarted';
      readonly traceId: number;
      readonly ruleset: string;
      /** What legacy rules do is read too. */
      readonly readsLegacy: boolean;
      readonly remarks: readonly string[];
    }
  /** Rules are changing: one `traceRules` follows each of these. What is told until then is about old or new rules, or missing. */
  | { readonly type: 'traceGap'; readonly traceId: number }
  /** The rules have changed: what is told from here on is about these. */
  | { readonly type: 'traceRules'; readonly traceId: number; readonly ruleset: string }
  /** What `nft -a monitor trace` printed, in pieces of any size. */
  | { readonly type: 'traceText'; readonly traceId: number; readonly text: string }
  /** Legacy rules' records as a classic pcap of link type NFLOG, in pieces of any size. */
  | { readonly type: 'traceRecords'; readonly traceId: number; readonly bytes: Uint8Array }
  /** So many of the kernel's messages have been lost by now; sent when there are more. */
  | { readonly type: 'traceLost'; readonly traceId: number; readonly messages: number }
  /** Nothing of the trace is left in the kernel. */
  | {
      readonly type: 'traceEnded';
      readonly traceId: number;
      readonly end: TraceEnd;
      readonly message: string;
      readonly hint: string | null;
      readonly counts: TraceCounts;
    }
  | { readonly type: 'sent'; readonly requestId: number; readonly by: string }
  /** While watching another machine: its /proc/net/dev, about every `intervalMs`. */
  | { readonly type: 'traffic'; readonly text: string }
  /** A link of the agent's namespace appeared or vanished, went up or down. */
  | { readonly type: 'link'; readonly interface: string; readonly present: boolean; readonly up: boolean; readonly ifindex: number };
