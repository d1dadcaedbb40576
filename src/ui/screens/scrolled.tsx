/** Screens that only scroll: help, events, a path as plain text. */
import type { ReactElement } from 'react';
import { ScrollView } from '../components/scroll-view.tsx';
import type { Spans } from '../spans.ts';
import type { EventsScreen, HelpScreen, TextScreen } from '../state/screens.ts';
import { eventLines, helpLines } from '../state/scrolled-lines.ts';
import type { ScreenProps } from './screen-props.ts';

const padded = (lines: readonly Spans[]): Spans[] => lines.map((line) => [' ', ...line]);

export const Help = ({ screen, theme, rows, columns }: ScreenProps<HelpScreen>): ReactElement => (
  <ScrollView lines={padded(helpLines(screen.about, columns))} top={screen.top} rows={rows} columns={columns} theme={theme} />
);

export const Events = ({ screen, theme, rows, columns }: ScreenProps<EventsScreen>): ReactElement => (
  <ScrollView lines={padded(eventLines(screen, columns))} top={screen.top} rows={rows} columns={columns} theme={theme} />
);

export const PlainText = ({ screen, theme, rows, columns }: ScreenProps<TextScreen>): ReactElement => (
  <ScrollView lines={screen.lines.map((line) => [line])} top={screen.top} rows={rows} columns={columns} theme={theme} />
);
