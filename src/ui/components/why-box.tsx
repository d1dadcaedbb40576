/** The answer in words: what happens to the selected flow, why, and what to do; at the foot of the flow table. */
import type { ReactElement } from 'react';
import type { CaptureView } from '../../session/state/capture-view.ts';
import type { FlowRow } from '../../session/state/flow-row.ts';
import type { Spans } from '../spans.ts';
import { wrap } from '../text.ts';
import type { Theme } from '../theme.ts';
import { Lines } from './lines.tsx';

export interface WhyBoxProps {
  readonly capture: CaptureView;
  readonly row: FlowRow | null;
  readonly rows: number;
  /** At the right of the box's rule: which flow of how many. */
  readonly note: string;
  readonly columns: number;
  readonly theme: Theme;
}

export const WhyBox = ({ capture, row, rows, note, columns, theme }: WhyBoxProps): ReactElement => {
  const { rule } = theme.symbols;
  const right = note === '' ? '' : ` ${note} ${rule}`;
  const title: Spans = [[`${rule} why ${rule.repeat(Math.max(0, columns - 6 - right.length))}${right}`, 'dim']];
  return <Lines lines={[title, ...whyLines(capture, row, rows - 1, columns, theme)]} rows={rows} columns={columns} theme={theme} />;
};

const whyLines = (capture: CaptureView, row: FlowRow | null, rows: number, columns: number, theme: Theme): readonly Spans[] => {
  if (row === null) return [[[' the answer for the selected flow comes here', 'dim']]];
  const sentences = [...capture.why(row.flow.id)];
  if (sentences.length === 0) {
    const words =
      row.verdict === null ? (row.by === '' ? 'No rule looks at this.' : `${row.outcome} ${row.by}`.trim()) : `${row.outcome} by ${row.by}`;
    sentences.push(words);
  }
  const trail = row.trail?.there ?? null;
  if (trail !== null && trail.words !== null && trail.trail.agrees !== false) sentences.push(trail.words);
  const change = row.verdict?.changes.at(-1);
  if (change !== undefined) sentences.push(`Changed from ${change.from} to ${change.to}: ${change.because}.`);
  const lines = sentences.flatMap((sentence) => wrap(theme.clean(sentence), columns - 2));
  const shown = lines.slice(0, rows).map((line): Spans => [` ${line}`]);
  if (lines.length > rows) shown[rows - 1] = [` ${lines[rows - 1] ?? ''}`, [` ${theme.symbols.ellipsis} enter: all of it`, 'dim']];
  return shown;
};
