/** Flows that other rules decide otherwise, the most important first; what decided and what would, below. */

import { Box } from 'ink';
import type { ReactElement } from 'react';
import { grouped } from '../../base/grouped.ts';
import { decisionWords } from '../../report/decision.ts';
import { changeWords, diffSummary, sidesWords } from '../../report/diff-text.ts';
import { endText } from '../../report/flow-line.ts';
import type { ChangedFlow } from '../../report/session-diff.ts';
import { PLAIN_STYLE } from '../../report/style.ts';
import type { FlowVerdict } from '../../session/state/flow-verdict.ts';
import { Lines } from '../components/lines.tsx';
import { type Column, layColumns, rowSpans, titleSpans } from '../components/table.ts';
import type { Spans } from '../spans.ts';
import { diffBoxRows, diffTableRows } from '../state/diff.ts';
import type { DiffScreen } from '../state/screens.ts';
import { scrollTo } from '../state/scroll.ts';
import { cutMiddle, wrap } from '../text.ts';
import type { Theme, Tone } from '../theme.ts';
import type { ScreenProps } from './screen-props.ts';

const toneOf = ({ change }: ChangedFlow): Tone => {
  if (change.kinds[0] !== 'outcome') return 'plain';
  if (change.after === 'accept') return 'good';
  return change.after === 'undetermined' || change.after === 'reply undetermined' ? 'warn' : 'bad';
};

const kindWords = ({ change: { kinds, before, after } }: ChangedFlow): string =>
  changeWords({ kind: kinds[0] ?? 'rule', before, after }, PLAIN_STYLE);

/** The decision that its sender misses: where the packet passes and the answer does not, that of the answer. */
const decider = ({ verdict, reply }: FlowVerdict): string =>
  verdict.outcome === 'accept' && reply !== null && reply.outcome !== 'accept' ? `reply: ${decisionWords(reply)}` : decisionWords(verdict);

const COLUMNS: readonly Column<ChangedFlow>[] = [
  { title: 'CHANGE', min: 17, max: 36, grow: 1, rank: 10, text: kindWords, tone: toneOf },
  {
    title: 'FLOW',
    min: 20,
    max: 46,
    grow: 2,
    rank: 9,
    text: ({ row }) => `${row.aName} → ${endText(row.bName, row.flow.b, row.flow.bPort)}`,
  },
  { title: 'PROTO', min: 9, max: 11, grow: 0.1, rank: 3, text: ({ row }) => row.protocol },
  {
    title: 'PKTS',
    min: 5,
    max: 9,
    grow: 0.1,
    rank: 4,
    align: 'right',
    text: ({ row }) => grouped(row.flow.packets[0] + row.flow.packets[1]),
  },
  { title: 'WAS', min: 15, max: 60, grow: 2, rank: 7, text: ({ before }, width) => cutMiddle(decider(before), width) },
  { title: 'NOW', min: 15, max: 60, grow: 2, rank: 8, text: ({ after }, width) => cutMiddle(decider(after), width) },
];

export const Diff = ({ screen, theme, rows, columns }: ScreenProps<DiffScreen>): ReactElement => {
  const { changed } = screen.diff;
  const height = diffTableRows(rows);
  const top = scrollTo(screen.top, screen.selected, changed.length, height);
  const laid = layColumns(COLUMNS, columns - 3);
  const body = changed
    .slice(top, top + height)
    .map((flow, index): Spans => rowSpans(laid, flow, index + top === screen.selected ? 'selected' : 'none', theme));
  const summary = wrap(theme.clean(diffSummary(screen.diff, PLAIN_STYLE)), columns - 2);
  const head = [summary[0] ?? '', summary.slice(1).join(' ')].map((line): Spans => [` ${line}`]);
  return (
    <Box flexDirection="column">
      <Lines lines={changed.length === 0 ? head : [...head, titleSpans(laid, theme)]} rows={3} columns={columns} theme={theme} />
      <Lines lines={body} rows={height} columns={columns} theme={theme} />
      <Lines lines={boxLines(screen, columns, theme)} rows={diffBoxRows(rows)} columns={columns} theme={theme} />
    </Box>
  );
};

const boxLines = ({ diff, selected }: DiffScreen, columns: number, theme: Theme): Spans[] => {
  const flow = diff.changed[selected];
  if (flow === undefined) return [];
  const { rule } = theme.symbols;
  const note = ` ${selected + 1} of ${grouped(diff.changed.length)} ${rule}`;
  const title: Spans = [[`${rule} before and after ${rule.repeat(Math.max(0, columns - 19 - note.length))}${note}`, 'dim']];
  const { before, after } = flow.change;
  const side = (name: string, words: string): Spans[] =>
    wrap(theme.clean(words), columns - 8).map((line, at): Spans => [[at === 0 ? ` ${name}  ` : '      ', 'dim'], line]);
  const times = flow.before.changes.length;
  const { was, now } = sidesWords(flow, PLAIN_STYLE);
  return [
    title,
    ...side('was', `${before}: ${was}`),
    ...side('now', `${after}: ${now}`),
    ...(times === 0 ? [] : [[[' its verdict had changed during the session: the last one is compared', 'dim'] as const]]),
  ];
};
