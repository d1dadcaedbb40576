/** One line of the screen: cleaned, cut to its columns, toned. Everything that is printed goes through here. */
import { Text } from 'ink';
import type { ReactElement } from 'react';
import { paintSpans, type Spans } from '../spans.ts';
import type { Theme } from '../theme.ts';

export interface LineProps {
  readonly spans: Spans;
  readonly columns: number;
  readonly theme: Theme;
}

/** An empty Text would take no row in Ink: a blank keeps the line. */
export const Line = ({ spans, columns, theme }: LineProps): ReactElement => (
  <Text wrap="truncate-end">{paintSpans(spans, columns, theme) || ' '}</Text>
);
