/** What a person may ask of a session that is saved, beside its file's name. */
import type { FlowRow } from '../state/flow-row.ts';
import type { Rotation } from './rotation.ts';
import type { SessionTransform } from './transform.ts';

/** When saving, and the capture with it, ends by itself; null for no bound. */
export interface Autostop {
  /** Of the one file; a rotation has its own. */
  readonly bytes: number | null;
  readonly files: number | null;
  /** Written ones. */
  readonly packets: number | null;
}

export interface SaveOptions {
  readonly rotation?: Rotation | null;
  readonly autostop?: Autostop | null;
  readonly transform?: SessionTransform | null;
  /** Only packets of flows that this says yes to. */
  readonly only?: ((row: FlowRow) => boolean) | null;
  /** False where what is saved goes to a program that has no use for snapshots. @default true */
  readonly facts?: boolean;
}
