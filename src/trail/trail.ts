/**
 * A flow's trail beside its prediction: where its packets were seen, where they were not, and whether that can be where the prediction
 * is right. `not seen` is said only of places that would have shown the packet: all else is unknown, with the reason.
 */
import type { VerdictOutcome } from '../path/verdict.ts';
import { ownDirection, type Stage, type StageSet, type TrailBook } from './book.ts';
import type { Place } from './places.ts';

export type Sight = 'seen' | 'not-seen' | 'unknown' | 'not-captured';

/** Nanoseconds between the stage before and this one, over all packets that were recognised at both. */
export interface Hop {
  readonly count: number;
  readonly meanNs: number;
  readonly minNs: number;
  readonly maxNs: number;
}

export interface TrailStop {
  readonly place: Place;
  readonly sight: Sight;
  /** Why it is not known whether it was seen. */
  readonly reason: string | null;
  readonly packets: number;
  /** Seconds since the epoch and nanoseconds beyond; null where it was not seen. */
  readonly first: { readonly sec: number; readonly nsec: number } | null;
  /** Of the packet that was seen at most places: how long after the first of them. Null where that packet was not seen here. */
  readonly afterNs: number | null;
  readonly hop: Hop | null;
  /** The stages at this place, in the order of the way: several where a packet passes it twice. */
  readonly stages: readonly Stage[];
}

export interface Trail {
  readonly stops: readonly TrailStop[];
  /** Index of the last stop at which it was seen, -1 for none. */
  readonly lastSeen: number;
  /** Index of the stop behind that, -1 where no further one is known. */
  readonly nextExpected: number;
  /** Whether what was seen is what was predicted; null where that cannot be said (yet). */
  readonly agrees: boolean | null;
  /** How it disagrees: seen beyond the predicted end, or not seen where it should have come. */
  readonly kind: 'beyond' | 'short' | null;
  readonly recognised: number;
  /** Packets that could not be told from others. */
  readonly ambiguous: number;
}

/** What is known of a capture point. */
export interface PointSight {
  readonly id: string;
  /** Since when it has been listening without a break, in nanoseconds of the book; null while it does not. */
  readonly sinceNs: number | null;
  /** Why a packet may have passed without being seen; null where it cannot have. */
  readonly unsure: string | null;
}

export interface TrailQuestion {
  readonly set: StageSet;
  readonly book: TrailBook;
  /** Of the set's first flow. */
  readonly direction: 0 | 1;
  readonly places: readonly Place[];
  readonly points: readonly PointSight[];
  readonly outcome: VerdictOutcome | null;
  /** Since when the prediction holds; what was seen before was decided by others. */
  readonly sinceNs: number;
  readonly nowNs: number;
}

/** So long a packet may take to be read at another point; until then nothing is said of what was not seen. */
const SETTLED_NS = 1e9;

export const trailOf = (question: TrailQuestion): Trail => {
  const { set, book, direction } = question;
  const stages = set.stages.filter((stage) => stage.packets[ownDirection(stage, direction)] > 0);
  stages.sort((x, y) => book.compare(x, y, direction));
  const stops = stopsOf(question, stages);
  const lastSeen = stops.findLastIndex((stop) => stop.sight === 'seen' && isRecent(question, stop));
  const nextExpected = lastSeen < 0 || lastSeen === stops.length - 1 ? -1 : lastSeen + 1;
  return {
    stops,
    lastSeen,
    nextExpected,
    ...agreement(question, stops, lastSeen),
    recognised: set.recognised[direction],
    ambiguous: set.ambiguous[direction],
  };
};

const stopsOf = (question: TrailQuestion, stages: readonly Stage[]): readonly TrailStop[] => {
  const { places, points } = question;
  const idOf = (stage: Stage): string => points[stage.point]?.id ?? `point ${stage.point}`;
  const stops = places.map((place) =>
    stopAt(
      question,
      place,
      stages.filter((stage) => idOf(stage) === place.id),
    ),
  );
  // Where nobody expected it: behind the stage that it was seen after.
  for (const [at, stage] of stages.entries()) {
    const id = idOf(stage);
    if (stops.some((stop) => stop.place.id === id)) continue;
    const before = at === 0 ? -1 : stops.findIndex((stop) => stop.place.id === idOf(stages[at - 1] as Stage));
    const here = stages.filter((other) => idOf(other) === id);
    stops.splice(before + 1, 0, stopAt(question, unexpected(id), here));
  }
  return stops;
};

const unexpected = (id: string): Place => ({
  id,
  netns: id.includes('/') ? id.slice(0, id.indexOf('/')) : null,
  device: id.slice(id.indexOf('/') + 1),
  words: id,
  isExpected: null,
  between: '',
});

const stopAt = (question: TrailQuestion, place: Place, stages: readonly Stage[]): TrailStop => {
  const { set, book, direction, points } = question;
  const first = stages[0];
  if (first === undefined) {
    const point = points.find(({ id }) => id === place.id);
    const reason = point === undefined ? null : whyUnsure(question, point);
    const sight = point === undefined ? 'not-captured' : reason === null ? 'not-seen' : 'unknown';
    return { place, sight, reason, packets: 0, first: null, afterNs: null, hop: null, stages };
  }
  const own = ownDirection(first, direction);
  const example = set.examples[direction];
  const at = example === null ? -1 : example.stages.indexOf(first);
  const hop = first.hops[own];
  const ns = first.firstNs[own];
  return {
    place,
    sight: 'seen',
    reason: null,
    packets: first.packets[own],
    first: { sec: book.baseSec + Math.floor(ns / 1e9), nsec: ((ns % 1e9) + 1e9) % 1e9 },
    afterNs: example === null || at < 0 ? null : (example.timesNs[at] as number) - (example.timesNs[0] as number),
    hop: hop === null ? null : { count: hop.count, meanNs: hop.sumNs / hop.count, minNs: hop.minNs, maxNs: hop.maxNs },
    stages,
  };
};

const whyUnsure = (question: TrailQuestion, point: PointSight): string | null => {
  const newest = newestNs(question);
  if (point.sinceNs === null || point.sinceNs > firstRecentNs(question)) return 'it was not being listened to all the time';
  if (question.nowNs - newest < SETTLED_NS) return 'the packet has only just been sent';
  return point.unsure;
};

const newestNs = ({ set, direction }: TrailQuestion): number =>
  Math.max(...set.stages.map((stage) => stage.lastNs[ownDirection(stage, direction)]));

/** When the first packet was seen that the prediction is about. */
const firstRecentNs = ({ set, direction, sinceNs }: TrailQuestion): number =>
  Math.max(
    sinceNs,
    Math.min(
      ...set.stages.flatMap((stage) => {
        const own = ownDirection(stage, direction);
        return stage.packets[own] > 0 ? [stage.firstNs[own]] : [];
      }),
    ),
  );

/** Seen since the prediction holds. */
const isRecent = ({ direction, sinceNs }: TrailQuestion, { stages }: TrailStop): boolean =>
  stages.some((stage) => stage.lastNs[ownDirection(stage, direction)] >= sinceNs);

const agreement = (question: TrailQuestion, stops: readonly TrailStop[], lastSeen: number): Pick<Trail, 'agrees' | 'kind'> => {
  const { outcome } = question;
  const open = { agrees: null, kind: null };
  if (outcome === null || outcome === 'undetermined' || lastSeen < 0) return open;
  const beyond = stops.some((stop) => stop.place.isExpected === false && stop.sight === 'seen' && isRecent(question, stop));
  if (beyond) return { agrees: false, kind: 'beyond' };
  const ahead = stops.slice(lastSeen + 1);
  // What was seen there before the prediction held says nothing of now.
  const missing = ahead.filter(
    (stop) => stop.place.isExpected === true && (stop.sight === 'not-seen' || (stop.sight === 'seen' && wouldShow(question, stop))),
  );
  if (missing.length > 0) return { agrees: false, kind: 'short' };
  const expected = ahead.filter((stop) => stop.place.isExpected !== false);
  if (outcome === 'accept') return expected.length === 0 ? { agrees: true, kind: null } : open;
  const next = ahead.find((stop) => stop.sight !== 'not-captured');
  const isEnd = expected.every((stop) => stop.place.isExpected === null && stop.sight !== 'seen');
  return isEnd && (ahead.length === 0 || next?.sight === 'not-seen') ? { agrees: true, kind: null } : open;
};

/** A place that showed earlier packets and none since the prediction holds, though newer ones were seen before it. */
const wouldShow = (question: TrailQuestion, { place }: TrailStop): boolean => {
  const point = question.points.find(({ id }) => id === place.id);
  return point !== undefined && whyUnsure(question, point) === null;
};
