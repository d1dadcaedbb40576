/** One line of the screen: cleaned, cut to its columns, toned. Everything that is printed goes through here. */
import { Text } from 'ink';
import { type ReactElement, useContext } from 'react';
import { paintSpans, type Spans } from '../spans.ts';
import { LineSlotsContext } from '../terminal/line-slots.ts';
import type { Theme } from '../theme.ts';

export interface LineProps {
  readonly spans: Spans;
  readonly columns: number;
  readonly theme: Theme;
}

export const Line = ({ spans, columns, theme }: LineProps): ReactElement => {
  const slots = useContext(LineSlotsContext);
  const line = paintSpans(spans, columns, theme);
  return <Text wrap="truncate-end">{slots === null ? line : slots.put(line)}</Text>;
};
