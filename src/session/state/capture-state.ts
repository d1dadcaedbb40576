/** How a capture is doing, as screens and commands see it: plain values, replaced whenever something has changed. */
import type { CapturePoint } from '../../topology/topology.ts';

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

/** Lost packets by who lost them; null where the engine cannot tell. */
export interface LostCounts {
  readonly kernel: number | null;
  readonly engine: number | null;
  readonly pipe: number;
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

/** Something that happened during the capture: the interface went away, rules changed, the engine was started anew. */
export interface SessionEvent {
  /** Seconds since the epoch. */
  readonly at: number;
  readonly severity: 'info' | 'warning' | 'error';
  readonly text: string;
}
