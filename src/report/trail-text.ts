/** A flow's trail as a table beside its prediction, and in one line: `web1 eth0 +0 µs, br-4a09 +12 µs, not at br-5e1c`. */
import { formatIp } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { DirectionTrail, FlowTrail } from '../session/state/flow-verdict.ts';
import type { Stage } from '../trail/book.ts';
import type { Trail, TrailStop } from '../trail/trail.ts';
import { endText } from './flow-line.ts';
import { foldGlyphs, type Style, type Tone, tint } from './style.ts';
import { countText } from './time.ts';
import { displayWidth } from './width.ts';
import { wrapWords } from './wrap.ts';

export interface TrailCell {
  readonly place: string;
  readonly predicted: string;
  readonly seen: string;
  /** Packets and what they took since the place before; '' where it was not seen. */
  readonly detail: string;
  /** The shortest and the longest of those times; '' where there are none. */
  readonly range: string;
  /** How the packets look there, where their addresses are others than at the place before. */
  readonly as: string;
  readonly tone: Tone;
}

/** One row a place; programs that draw tables of their own (the UI) start from these. */
export const trailCells = (trail: Trail): readonly TrailCell[] =>
  trail.stops.map((stop, index) => ({
    place: stop.place.words,
    predicted: predictedWord(stop),
    seen: seenWord(stop),
    detail: detailWords(stop),
    range: rangeWords(stop),
    as: lookWords(trail, index),
    tone: toneOf(stop),
  }));

/** `+12 µs`, `−3 µs`, `+1.2 ms`. */
export const afterText = (ns: number): string => {
  const sign = ns < 0 ? '-' : '+';
  const micro = Math.abs(ns) / 1000;
  if (micro >= 10_000) return `${sign}${(micro / 1000).toFixed(1)} ms`;
  return `${sign}${micro < 10 && micro !== Math.round(micro) ? micro.toFixed(1) : Math.round(micro)} µs`;
};

/** Below a flow's line: places in a row, then what that means. */
export const trailLines = (trail: FlowTrail | null, style: Style, columns: number | null): string[] => {
  if (trail === null) return [];
  const lines = [
    ...(trail.there === null ? [] : directionLines('trail', trail.there, style, columns)),
    ...(trail.reply === null ? [] : directionLines('reply', trail.reply, style, columns)),
  ];
  const isCoarse = trail.stamps === 'user space' && hasNegative(trail);
  if (isCoarse) lines.push(tint(style, 'dim', '    times below zero: the packets were stamped in user space, later than they passed'));
  return lines.map((line) => foldGlyphs(style, line));
};

const directionLines = (label: string, { trail, words }: DirectionTrail, style: Style, columns: number | null): string[] => {
  const places = trailCells(trail)
    .map(({ place, seen, as }) => printable(`${place} ${seen}${as === '' ? '' : ` (as ${as})`}`))
    .join(', ');
  const tone: Tone = trail.agrees === false ? 'bad' : trail.agrees === true ? 'good' : 'plain';
  const room = columns === null ? null : Math.max(24, columns - 4 - displayWidth(label) - 2);
  const indent = ' '.repeat(6 + displayWidth(label));
  const [head = '', ...rest] = wrapWords(places, room);
  const said = words === null ? [] : wrapWords(printable(words), room).map((line) => `${indent}${tint(style, tone, line)}`);
  const doubt = trail.ambiguous === 0 ? [] : [`${indent}${countText(trail.ambiguous, 'packet')} could not be told from others`];
  return [`    ${label}  ${head}`, ...rest.map((line) => `${indent}${line}`), ...said, ...doubt];
};

const predictedWord = ({ place }: TrailStop): string => (place.isExpected === null ? 'open' : place.isExpected ? 'passes' : 'not reached');

const seenWord = (stop: TrailStop): string => {
  switch (stop.sight) {
    case 'seen':
      return stop.afterNs === null ? 'seen' : afterText(stop.afterNs);
    case 'not-seen':
      return 'not seen';
    case 'unknown':
      return 'not known';
    case 'not-captured':
      return 'not captured';
  }
};

const detailWords = (stop: TrailStop): string => {
  if (stop.sight !== 'seen') return stop.reason ?? '';
  const { hop } = stop;
  return `${countText(stop.packets, 'packet')}${hop === null ? '' : `, hop ${afterText(hop.meanNs)}`}`;
};

const rangeWords = ({ sight, hop }: TrailStop): string =>
  sight !== 'seen' || hop === null ? '' : ` (${afterText(hop.minNs)} to ${afterText(hop.maxNs)})`;

const lookWords = ({ stops }: Trail, index: number): string => {
  const stop = stops[index] as TrailStop;
  const before = stops.slice(0, index).findLast((each) => each.stages.length > 0);
  const [stage] = stop.stages;
  const known = before?.stages.at(-1);
  if (stage === undefined || (known !== undefined && looks(known) === looks(stage))) return '';
  return known === undefined ? '' : looks(stage);
};

const looks = ({ flow }: Stage): string => {
  const tunnel = flow.tunnel === null ? '' : ` in VXLAN ${flow.tunnel.vni} ${formatIp(flow.tunnel.src)} → ${formatIp(flow.tunnel.dst)}`;
  return `${endText('', flow.a, flow.aPort)} → ${endText('', flow.b, flow.bPort)}${tunnel}`;
};

const toneOf = ({ sight, place }: TrailStop): Tone => {
  if (sight === 'seen') return place.isExpected === false ? 'bad' : 'good';
  if (sight === 'not-seen') return place.isExpected === true ? 'bad' : 'plain';
  return sight === 'unknown' ? 'warn' : 'dim';
};

const hasNegative = ({ there, reply }: FlowTrail): boolean =>
  [there, reply].some((each) => each?.trail.stops.some((stop) => (stop.afterNs ?? 0) < 0 || (stop.hop?.minNs ?? 0) < 0) === true);
