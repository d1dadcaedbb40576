/** A capture in which nothing has happened yet. */
import type { CaptureState } from '../../src/session/state/capture-state.ts';

export const EMPTY_STATE: CaptureState = {
  points: [],
  filter: '',
  startedAt: 0,
  packets: 0,
  bytes: 0,
  packetsPerSecond: 0,
  flows: 0,
  flowsEvicted: 0,
  undecoded: 0,
  countedOnly: 0,
  lost: { kernel: null, engine: null, pipe: 0 },
  saving: null,
  events: [],
  finished: false,
  file: null,
  revision: 0,
};
