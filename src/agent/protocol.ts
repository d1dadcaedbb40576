/**
 * What main and the agent say to each other over the child process's IPC channel. The agent collects and starts; it never
 * looks into packets. Packets travel beside this channel, as pcapng over a FIFO that main has made.
 */
import type { SnapshotDocument } from '../host/snapshot.ts';

/** How the address of `--docker-host` reaches the agent: a variable of its environment. */
export const DOCKER_HOST_OPTION = 'VETHSCOPE_DOCKER_HOST';

/** Which facts to collect. `links` of other namespaces serve the topology; `full` reads their routes, rules and sockets too. */
export interface CollectRequest {
  readonly firewall: boolean;
  readonly conntrack: boolean;
  readonly namespaces: 'none' | 'links' | 'full';
  readonly docker: boolean;
}

export type EngineKind = 'cap' | 'tcpdump';

/** Another namespace: its inode, and the way in. The engine checks the inode before it opens anything. */
export interface CaptureNamespace {
  readonly id: string;
  /** A process in it; null where only `path` leads there. */
  readonly pid: number | null;
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

export type AgentRequest =
  | { readonly type: 'collect'; readonly requestId: number; readonly what: CollectRequest }
  | { readonly type: 'watch'; readonly intervalMs: number; readonly what: CollectRequest }
  | { readonly type: 'unwatch' }
  | { readonly type: 'startCapture'; readonly capture: StartCapture }
  /** Answer to a `captureEnded` that resumes: the FIFO for the next section, which starts as soon as the interface is back. */
  | { readonly type: 'continueCapture'; readonly captureId: number; readonly fifo: string }
  | { readonly type: 'stopCapture'; readonly captureId: number }
  | { readonly type: 'probe'; readonly requestId: number };

/** What the machine can do, for `doctor` and for choosing an engine. */
export interface Capabilities {
  readonly uid: number;
  readonly canCapture: boolean;
  /** CAP_NET_ADMIN: without it the firewall, conntrack and sockets stay unread. */
  readonly canReadRules: boolean;
  readonly canEnterNamespaces: boolean;
  readonly capLoads: boolean;
  readonly capError: string | null;
  /** Program -> its path, null where it is missing. */
  readonly programs: Readonly<Record<string, string | null>>;
  readonly docker: { readonly url: string; readonly version: string | null; readonly error: string | null };
  readonly kernelModules: { readonly brNetfilter: boolean; readonly conntrack: boolean };
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
  /** A link of the agent's namespace appeared or vanished, went up or down. */
  | { readonly type: 'link'; readonly interface: string; readonly present: boolean; readonly up: boolean; readonly ifindex: number };
