/** A saved session as of a moment of it: where the cursor is, what there is to see along the time, and how it is moved. */
import type { RuleCounting } from './rule-counting.ts';

export interface ReplayPosition {
  /** Seconds since the epoch: everything up to here has been read. */
  readonly atSec: number;
  readonly isAtEnd: boolean;
  readonly isPlaying: boolean;
  /** Seconds of the session for each of ours. */
  readonly speed: number;
}

/** A stretch of the session's time. */
export interface TimeColumn {
  readonly packets: number;
  /** Packets of flows passed that were dropped or refused. */
  readonly isDropped: boolean;
  /** Rules, or something else of the host, changed; or a verdict did. */
  readonly isChanged: boolean;
}

export type ReplayMark = 'packet' | 'change' | 'drop';

export interface Replay {
  /** What the packets up to the cursor have met. */
  readonly rules: RuleCounting;
  readonly position: ReplayPosition;
  /** Null until the file has been read once. */
  readonly span: { readonly startSec: number; readonly endSec: number } | null;
  columns(count: number): readonly TimeColumn[];
  seek(atSec: number): void;
  /** Plays, or pauses; from the start where it is at the end. */
  toggle(): void;
  /** The next speed up or down. */
  setSpeed(change: 1 | -1): void;
  /** To the next one of its kind, or the one before. Returns false where there is none. */
  jump(mark: ReplayMark, direction: 1 | -1): boolean;
}
