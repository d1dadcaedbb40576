/** The time of a saved session: how many packets when, what was dropped and what changed, and where the cursor stands. */
import type { ReactElement } from 'react';
import { clockText, partsOf } from '../../report/time.ts';
import type { Replay, TimeColumn } from '../../session/state/replay-state.ts';
import { joinFitting, type Span, type Spans } from '../spans.ts';
import { barColumns, TIMELINE_ROWS } from '../state/timeline.ts';
import type { Theme, Tone } from '../theme.ts';
import { Lines } from './lines.tsx';

export interface TimelineProps {
  readonly replay: Replay;
  readonly columns: number;
  readonly theme: Theme;
}

export const Timeline = ({ replay, columns, theme }: TimelineProps): ReactElement => (
  <Lines lines={timelineLines(replay, columns, theme)} rows={TIMELINE_ROWS} columns={columns} theme={theme} />
);

export const timelineLines = (replay: Replay, columns: number, theme: Theme): readonly Spans[] => {
  const { span, position } = replay;
  if (span === null) return [[], [[' the file is being read', 'dim']]];
  const width = barColumns(columns);
  const bars = replay.columns(width);
  const length = span.endSec - span.startSec;
  const share = length <= 0 ? 1 : (position.atSec - span.startSec) / length;
  const cursor = Math.max(0, Math.min(width - 1, position.isAtEnd ? width - 1 : Math.floor(share * width)));
  const most = Math.max(1, ...bars.map(({ packets }) => packets));
  const bar = bars.map((column, at) => cell(column, at - cursor, most, theme));
  return [[' ', ...bar], wordsOf(replay, span, columns, theme)];
};

/** What is ahead of the cursor is dim, unless there is something to go to. */
const cell = (column: TimeColumn, fromCursor: number, most: number, theme: Theme): Span => {
  const { cursor, mark, bars } = theme.symbols;
  if (fromCursor === 0) return [cursor, 'title'];
  if (column.isChanged) return [mark, 'warn'];
  const level = column.packets === 0 ? ' ' : (bars[Math.min(bars.length - 1, Math.floor((column.packets / most) * bars.length))] ?? ' ');
  const tone: Tone = column.isDropped ? 'bad' : fromCursor > 0 ? 'dim' : 'accent';
  return [level, tone];
};

const wordsOf = (replay: Replay, span: NonNullable<Replay['span']>, columns: number, theme: Theme): Spans => {
  const { atSec, isAtEnd, isPlaying, speed } = replay.position;
  const offsetMinutes = -new Date(atSec * 1000).getTimezoneOffset();
  const state: Span = isPlaying ? ['playing', 'good'] : isAtEnd ? ['at the end', 'dim'] : ['paused', 'warn'];
  const parts: Spans[] = [
    [state],
    [[clockText(...partsOf(atSec), offsetMinutes), 'strong']],
    [`${secondsText(atSec - span.startSec)} of ${secondsText(span.endSec - span.startSec)}`],
    [`speed ${speed}`],
    [['red: dropped', 'bad']],
    [[`${theme.symbols.mark} changed`, 'warn']],
  ];
  return [' ', ...joinFitting(parts, [` ${theme.symbols.dot} `, 'dim'], columns - 1, theme)];
};

const secondsText = (seconds: number): string => (seconds < 100 ? `${seconds.toFixed(2)} s` : `${Math.round(seconds)} s`);
