/** What each rule met: the packets of the capture rule by rule, with the selected rule in full below. */

import { Box } from 'ink';
import type { ReactElement } from 'react';
import { grouped } from '../../base/grouped.ts';
import { ruleChainWords, ruleWords } from '../../report/rule-table.ts';
import { isUsed, type RuleUse } from '../../report/rule-use.ts';
import { bytesText, countText } from '../../report/time.ts';
import { Lines } from '../components/lines.tsx';
import { type Column, layColumns, rowSpans, titleSpans } from '../components/table.ts';
import { joinFitting, type Spans } from '../spans.ts';
import { ruleBoxRows, ruleSortWords, ruleTableRows, type ShownRules, shownRules } from '../state/rules.ts';
import type { RulesScreen } from '../state/screens.ts';
import { scrollTo } from '../state/scroll.ts';
import { cutMiddle, displayWidth, wrap } from '../text.ts';
import type { Theme } from '../theme.ts';
import type { ScreenProps } from './screen-props.ts';

const figure = (title: string, rank: number, min: number, text: (row: RuleUse) => string): Column<RuleUse> => ({
  title,
  min,
  max: 12,
  grow: 0.1,
  rank,
  align: 'right',
  text,
});

/** `filter FORWARD #9`, `filter INPUT policy in web1`, `IPv6 filter FORWARD #1`. */
const placeWords = ({ namespace, backend, family, table, chain, rule }: RuleUse): string => {
  const kind = backend === 'nftables' ? `${family} ` : family === 'ip6' ? 'IPv6 ' : '';
  return `${kind}${table} ${chain} ${rule === null ? 'policy' : `#${rule}`}${namespace === null ? '' : ` in ${namespace}`}`;
};

/** Without the usual table where there is little room, and with its end, which is the number. */
const placeText = (row: RuleUse, width: number): string => {
  const whole = placeWords(row);
  return cutMiddle(displayWidth(whole) > width ? whole.replace(/^filter /, '') : whole, width);
};

const COLUMNS: readonly Column<RuleUse>[] = [
  figure('PACKETS', 9, 7, ({ packets, uncertain }) => (packets === 0 && uncertain > 0 ? `${grouped(uncertain)}?` : grouped(packets))),
  figure('BYTES', 4, 8, ({ bytes }) => bytesText(bytes)),
  figure('FLOWS', 6, 5, ({ flows }) => grouped(flows)),
  figure('KERNEL', 5, 7, ({ counted }) => (counted === null ? '?' : `+${grouped(counted)}`)),
  { title: 'CHAIN', min: 22, max: 44, grow: 2, rank: 10, text: placeText },
  { title: 'RULE', min: 24, max: 400, grow: 4, rank: 8, text: (row) => ruleWords(row), tone: (row) => (isUsed(row) ? 'plain' : 'dim') },
];

export const Rules = ({ screen, theme, rows, columns }: ScreenProps<RulesScreen>): ReactElement => {
  const shown = shownRules(screen);
  const height = ruleTableRows(rows);
  const top = scrollTo(screen.top, Math.max(0, shown.selected), shown.rows.length, height);
  const laid = layColumns(COLUMNS, columns - 3);
  const body = shown.rows
    .slice(top, top + height)
    .map((row, index): Spans => rowSpans(laid, row, index + top === shown.selected ? 'selected' : 'none', theme));
  if (body.length === 0) body.push([['  no rule has been met yet; u shows all rules', 'dim']]);
  return (
    <Box flexDirection="column">
      <Lines lines={[...headLines(screen, shown, columns, theme), titleSpans(laid, theme)]} rows={3} columns={columns} theme={theme} />
      <Lines lines={body} rows={height} columns={columns} theme={theme} />
      <Lines lines={boxLines(screen, shown, rows, columns, theme)} rows={ruleBoxRows(rows)} columns={columns} theme={theme} />
    </Box>
  );
};

const headLines = ({ capture, label }: RulesScreen, { uses }: ShownRules, columns: number, theme: Theme): readonly Spans[] => {
  const between = [` ${theme.symbols.dot} `, 'dim'] as const;
  const { replay } = capture;
  const isUpTo = replay?.span != null && !replay.position.isAtEnd;
  const first: Spans[] = [
    [[label, 'title']],
    ...(isUpTo ? [[['as of the cursor', 'warn'] as const]] : []),
    ['what each rule met, as the verdicts foretell'],
  ];
  const { packets, unplaced } = uses;
  const second: Spans[] = [
    [`${countText(packets, 'packet')} followed through the rules`],
    ...(unplaced === 0 ? [] : [[`of ${countText(unplaced, 'more', 'more')} no way is foretold`]]),
  ];
  return [first, second].map((parts): Spans => [' ', ...joinFitting(parts, between, columns - 1, theme)]);
};

const boxLines = (screen: RulesScreen, { rows, selected, uses }: ShownRules, bodyRows: number, columns: number, theme: Theme): Spans[] => {
  const { rule } = theme.symbols;
  const row = rows[selected];
  const unused = uses.rules.filter((use) => !isUsed(use)).length;
  const rest = unused === 0 || screen.unused ? '' : ` (${grouped(unused)} unmet)`;
  const note = row === undefined ? '' : ` ${selected + 1} of ${grouped(rows.length)}${rest} · by ${ruleSortWords(screen.sort)} ${rule}`;
  const title: Spans = [[`${rule} rule ${rule.repeat(Math.max(0, columns - 7 - note.length))}${note}`, 'dim']];
  if (row === undefined) return [title];
  const lines = [row.text, ruleChainWords(row), ...countSentences(row)].flatMap((text) => wrap(theme.clean(text), columns - 2));
  return [title, ...lines.slice(0, ruleBoxRows(bodyRows) - 1).map((line, at): Spans => [' ', [line, at === 0 ? 'strong' : 'plain']])];
};

const countSentences = ({ packets, bytes, flows, uncertain, counted }: RuleUse): readonly string[] => [
  `${countText(packets, 'packet')}, ${bytesText(bytes)}, of ${countText(flows, 'flow')} match it${
    uncertain === 0 ? '' : `; ${countText(uncertain, 'more', 'more')} perhaps, as what they meet is not determined`
  }. ${counted === null ? 'Its own counter tells nothing.' : `The kernel counted +${grouped(counted)} meanwhile, from everybody's packets.`}`,
];
