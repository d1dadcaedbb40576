/** Two lines above the flow table: what is captured and how it goes; what was lost and by whom, engine, filter, file. */

import type { ReactElement } from 'react';
import { grouped } from '../../base/grouped.ts';
import { bytesText, countText } from '../../report/time.ts';
import type { CaptureState, LostCounts, PointState } from '../../session/state/capture-state.ts';
import type { HostState } from '../../session/state/host-state.ts';
import { joinFitting, type Spans } from '../spans.ts';
import { shortBridge } from '../state/pick.ts';
import type { WatchScreen } from '../state/screens.ts';
import { cutMiddle } from '../text.ts';
import type { Theme, Tone } from '../theme.ts';
import { Lines } from './lines.tsx';

export interface StatusBarProps {
  readonly screen: WatchScreen;
  readonly state: CaptureState;
  readonly host: HostState | null;
  readonly now: number;
  readonly columns: number;
  readonly theme: Theme;
}

export const StatusBar = ({ screen, state, host, now, columns, theme }: StatusBarProps): ReactElement => {
  const between = [` ${theme.symbols.dot} `, 'dim'] as const;
  const first = joinFitting(
    [[[screen.label, 'title']], ...placeParts(screen.label, state, host), ...headParts(screen, state, now)],
    between,
    columns - 1,
    theme,
  );
  const second = joinFitting(detailParts(screen, state, columns), between, columns - 1, theme);
  return (
    <Lines
      lines={[
        [' ', ...first],
        [' ', ...second],
      ]}
      rows={2}
      columns={columns}
      theme={theme}
    />
  );
};

const headParts = (screen: WatchScreen, state: CaptureState, now: number): Spans[] => {
  const troubled = state.points.find((point) => point.status === 'waiting' || point.status === 'failed');
  return [
    [runWords(screen, state, now)],
    ...(troubled === undefined ? [] : [[[troubleWords(troubled), troubled.status === 'failed' ? 'bad' : 'warn'] as const]]),
    [`${grouped(state.packets)} ${state.packets === 1 ? 'packet' : 'packets'}`],
    ...(state.finished || state.file !== null ? [] : [[`${rateText(state.packetsPerSecond)}/s`]]),
    [bytesText(state.bytes)],
    [`${grouped(state.flows)} ${state.flows === 1 ? 'flow' : 'flows'}`],
  ];
};

const runWords = (screen: WatchScreen, state: CaptureState, now: number): readonly [string, Tone] => {
  if (screen.frozen !== null) return ['FROZEN: z lets it run', 'warn'];
  const { replay } = screen.capture;
  if (replay?.span != null && !replay.position.isAtEnd) return ['as of the cursor', 'warn'];
  if (state.file !== null) return [state.finished ? 'read from the file' : 'reading the file', 'accent'];
  if (state.finished) return ['ended', 'warn'];
  if (state.points.some((point) => point.status === 'starting')) return ['starting', 'warn'];
  return [`live ${elapsed(now / 1000 - state.startedAt)}`, 'good'];
};

const troubleWords = (point: PointState): string =>
  `${point.point.interface} ${point.status === 'failed' ? 'failed' : 'waits'}${point.message === null ? '' : `: ${point.message}`}`;

/** `veth9e3c2b6 ▸ br-4a09 (test_net1)`. */
const placeParts = (label: string, state: CaptureState, host: HostState | null): Spans[] => {
  const [first] = state.points;
  if (first === undefined) return [];
  if (state.points.length > 1) return [[`${state.points.length} capture points`]];
  const { point } = first;
  const bridge = point.netns === null ? host?.facts.self.links?.find((link) => link.name === point.interface)?.master : null;
  const name = point.interface === label ? '' : `${point.interface}${bridge == null ? '' : ` ▸ ${shortBridge(bridge)}`} `;
  return [[`${name}(${point.network ?? point.sees})`]];
};

const detailParts = (screen: WatchScreen, state: CaptureState, columns: number): Spans[] => {
  const engines = [...new Set(state.points.flatMap((point) => point.engine ?? []))].join(', ');
  return [
    ...(screen.search === '' ? [] : [[[`only ${screen.search}`, 'accent'] as const]]),
    lostSpans(state.lost, state.flowsEvicted),
    ...(state.saving === null ? [] : [savingSpans(state.saving, state.finished, columns)]),
    ...(state.file === null ? [] : [[cutMiddle(state.file, Math.max(20, Math.floor(columns / 2)))]]),
    ...(engines === '' ? [] : [[`engine ${engines}`]]),
    [`filter ${state.filter === '' ? 'none' : state.filter}`],
    ...(state.countedOnly > 0 ? [[[`${grouped(state.countedOnly)} counted only`, 'warn'] as const]] : []),
    ...(state.undecoded > 0 ? [[`${grouped(state.undecoded)} not decoded`]] : []),
  ];
};

/** By whom, and `unknown` where the engine cannot tell: never 0. */
export const lostSpans = (lost: LostCounts, evicted: number): Spans => {
  const one = (name: string, count: number | null): Spans => [
    `${name} `,
    [count === null ? 'unknown' : grouped(count), count === null ? 'dim' : count > 0 ? 'bad' : 'plain'],
  ];
  const spans: Spans = ['lost: ', ...one('kernel', lost.kernel), ', ', ...one('engine', lost.engine), ', ', ...one('pipe', lost.pipe)];
  return evicted === 0 ? spans : [...spans, [`, ${grouped(evicted)} old flows forgotten`, 'warn']];
};

const savingSpans = (saving: NonNullable<CaptureState['saving']>, finished: boolean, columns: number): Spans => {
  const path = cutMiddle(saving.path, Math.max(16, Math.floor(columns / 3)));
  const missing: Spans = saving.notSaved.packets === 0 ? [] : [[` ${countText(saving.notSaved.packets, 'packet')} not saved`, 'bad']];
  if (saving.error !== null) return [[`saving to ${path} failed: ${saving.error}`, 'bad'], ...missing];
  return [[finished ? 'saved ' : '● ', finished ? 'dim' : 'bad'], `${path} ${bytesText(saving.bytes)}`, ...missing];
};

const rateText = (rate: number): string => {
  if (rate >= 10_000) return `${grouped(rate / 1000)}k`;
  if (rate >= 1000) return `${(rate / 1000).toFixed(1)}k`;
  return String(Math.round(rate));
};

/** `00:42`, `1:02:03`. */
export const elapsed = (seconds: number): string => {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  return `${hours > 0 ? `${hours}:` : ''}${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
};
