/** The last object of an NDJSON stream: totals, and what was lost by whom. Null is "cannot be known", never 0. */
import type { CaptureState, SessionEvent } from '../session/state.ts';
import { epochTextOf } from './time.ts';

/** `flows` counts all that were seen, those that have been evicted from memory included. */
export const endJson = (state: CaptureState, flows: number): Record<string, unknown> => ({
  type: 'end',
  packets: state.packets,
  flows,
  lost: { kernel: state.lost.kernel, engine: state.lost.engine, pipe: state.lost.pipe },
  bytes: state.bytes,
  undecoded: state.undecoded,
  events: state.events.map(eventJson),
  ...(state.saving === null ? {} : { saved: { path: state.saving.path, packets: state.saving.packets, bytes: state.saving.bytes } }),
});

/** Something that happened on the way: an interface went away, rules changed. */
const eventJson = (event: SessionEvent): Record<string, unknown> => ({
  time: epochTextOf(event.at),
  severity: event.severity,
  text: event.text,
});
