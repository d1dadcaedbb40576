/** What the agent and a capture engine say to each other. The order to stop comes on stdin, since `cap` may keep the event loop from turning. */
import type { CaptureEnd, StartCapture } from '../protocol.ts';
import type { RemoteReach } from '../remote/reach.ts';

export interface EngineStart {
  readonly type: 'start';
  readonly capture: StartCapture;
  /** Null where the packets are this machine's own. */
  readonly reach: (RemoteReach & { readonly enter: readonly string[] }) | null;
}

export interface EngineStats {
  readonly received: number | null;
  readonly droppedByKernel: number | null;
  readonly droppedByInterface: number | null;
  readonly droppedByEngine: number | null;
}

export type EngineMessage =
  | { readonly type: 'started'; readonly linkType: number; readonly warnings: readonly string[] }
  | ({ readonly type: 'stats' } & EngineStats)
  | { readonly type: 'ended'; readonly end: CaptureEnd; readonly message: string; readonly hint: string | null };

/** Any byte on the engine's stdin, or its end, stops the engine. */
export const STOP_BYTE = 's';
