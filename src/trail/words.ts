/** A trail in a sentence: the last place at which packets were seen, the next at which they were expected, and what lies between. */
import { grouped } from '../base/grouped.ts';
import type { VerdictOutcome } from '../path/verdict.ts';
import type { Trail, TrailStop } from './trail.ts';

export interface Prediction {
  readonly outcome: VerdictOutcome;
  /** What decides, in words: `filter DOCKER-USER #1`. */
  readonly decision: string;
}

/** Null where nothing was seen. `prediction` is null where there is none. */
export const trailSentence = (trail: Trail, prediction: Prediction | null): string | null => {
  const last = trail.stops[trail.lastSeen];
  if (last === undefined) return null;
  if (trail.kind === 'beyond') return beyond(trail, last, prediction);
  const next = trail.stops[trail.nextExpected];
  if (trail.kind === 'short') return short(trail, last, prediction);
  if (prediction === null || prediction.outcome === 'undetermined') return `Last seen at ${last.place.words}${notThere(next)}.`;
  const { outcome, decision } = prediction;
  if (outcome === 'accept') {
    if (next === undefined) return `Seen all the way to ${last.place.words}${trail.agrees === true ? ', as predicted' : ''}.`;
    return `Last seen at ${last.place.words}; expected next at ${next.place.words}: ${sightWords(next)}.`;
  }
  const end = `${decision} says ${outcome}`;
  if (next === undefined) return `Last seen at ${last.place.words}; behind that no device shows it, and ${end}.`;
  const lies = next.place.between === '' ? '' : `${next.place.between} ${liesBetween(next.place.between)}, and `;
  const confirmed = trail.agrees === true ? `, as predicted; ${sightWords(next)} there` : '';
  return `Last seen at ${last.place.words}, next would be ${next.place.words}: ${lies}${end}${confirmed}${trail.agrees === null ? ` (${sightWords(next)})` : ''}.`;
};

const beyond = (trail: Trail, last: TrailStop, prediction: Prediction | null): string => {
  const first = trail.stops.find((stop) => stop.place.isExpected === false && stop.sight === 'seen') ?? last;
  const predicted = prediction === null ? '' : ` ${prediction.outcome.toUpperCase()} by ${prediction.decision} was predicted, yet`;
  const where = first === last ? last.place.words : `${first.place.words} and further, last at ${last.place.words}`;
  return `The prediction is wrong:${predicted} ${packets(first.packets)} seen beyond that, at ${where}.`;
};

const short = (trail: Trail, last: TrailStop, prediction: Prediction | null): string => {
  const missed = trail.stops.slice(trail.lastSeen + 1).find((stop) => stop.place.isExpected === true && stop.sight !== 'not-captured');
  const between = trail.stops
    .slice(trail.lastSeen + 1, missed === undefined ? undefined : trail.stops.indexOf(missed) + 1)
    .map((stop) => stop.place.between)
    .filter((text) => text !== '');
  const lies = between.length === 0 ? 'Nothing but a cable lies between' : `${between.join(', ')} ${liesBetween(between.join(' and '))}`;
  const predicted =
    prediction === null ? 'it should have come further' : `${prediction.outcome.toUpperCase()} by ${prediction.decision} was predicted`;
  const none = missed?.sight === 'seen' ? 'and no longer' : 'and none of them';
  return `The prediction is wrong: ${predicted}, yet ${packets(last.packets)} seen at ${last.place.words} ${none} at ${missed?.place.words ?? 'the next place'}, where nothing was lost. ${lies}: what stops them there is newer than the facts, or not in them.`;
};

const packets = (count: number): string => `${grouped(count)} ${count === 1 ? 'packet was' : 'packets were'}`;

const liesBetween = (between: string): string => (/ and |, /.test(between) ? 'lie between' : 'lies between');

const notThere = (next: TrailStop | undefined): string =>
  next === undefined ? '' : `; the next place would be ${next.place.words}: ${sightWords(next)}`;

/** `not seen`, `not captured`, `not known: …`. */
export const sightWords = ({ sight, reason }: TrailStop): string => {
  switch (sight) {
    case 'seen':
      return 'seen';
    case 'not-seen':
      return 'not seen';
    case 'not-captured':
      return 'nothing is captured there';
    case 'unknown':
      return `not known whether it was seen: ${reason ?? 'no reason is known'}`;
  }
};
