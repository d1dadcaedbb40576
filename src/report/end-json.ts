/** The last object of an NDJSON stream: totals, and what was lost by whom. Null is "cannot be known", never 0. */
import type { CaptureState, PointState, SavingState, SessionEvent } from '../session/state/capture-state.ts';
import { epochTextOf } from './time.ts';

/** `flows` counts all that were seen, those that have been evicted from memory included; `shown` those that the display filter found, null without one. */
export const endJson = (state: CaptureState, flows: number, shown: number | null = null): Record<string, unknown> => ({
  type: 'end',
  packets: state.packets,
  flows,
  ...(shown === null ? {} : { shown }),
  lost: { kernel: state.lost.kernel, engine: state.lost.engine, pipe: state.lost.pipe },
  bytes: state.bytes,
  undecoded: state.undecoded,
  countedOnly: state.countedOnly,
  events: state.events.map(eventJson),
  points: state.points.map(pointJson),
  ...(state.saving === null ? {} : { saved: savedJson(state.saving) }),
});

const savedJson = ({ path, packets, bytes, files, notSaved, error }: SavingState): Record<string, unknown> => ({
  path,
  packets,
  bytes,
  files,
  notSaved: { packets: notSaved.packets, bytes: notSaved.bytes },
  error,
});

/** A place where was captured, and when nothing was captured there. */
const pointJson = ({ point, status, packets, gaps }: PointState): Record<string, unknown> => ({
  interface: point.id,
  container: point.container,
  network: point.network,
  status,
  packets,
  gaps: gaps.map(({ from, to }) => [epochTextOf(from), epochTextOf(to)]),
});

/** Something that happened on the way: an interface went away, rules changed. */
const eventJson = (event: SessionEvent): Record<string, unknown> => ({
  time: epochTextOf(event.at),
  severity: event.severity,
  text: event.text,
});
