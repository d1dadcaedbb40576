/** What can be done next, from the key table: as many as fit, the help and the way out always among them. */
import type { ReactElement } from 'react';
import { bindingsOf, type KeyBinding, type KeyScope } from '../keys.ts';
import { joinFitting, type Spans, spansWidth } from '../spans.ts';
import { keyLabel } from '../state/scrolled-lines.ts';
import type { Theme } from '../theme.ts';
import { Line } from './line.tsx';

export interface FooterProps {
  readonly scopes: readonly KeyScope[];
  /** Actions that would do nothing now. */
  readonly idle?: readonly string[];
  readonly columns: number;
  readonly theme: Theme;
}

export const Footer = ({ scopes, idle = [], columns, theme }: FooterProps): ReactElement => (
  <Line spans={footerSpans(scopes, columns, theme, idle)} columns={columns} theme={theme} />
);

export const footerSpans = (scopes: readonly KeyScope[], columns: number, theme: Theme, idle: readonly string[] = []): Spans => {
  const rows = scopes.flatMap((scope) =>
    bindingsOf(scope)
      .filter((row) => row.footer !== undefined && !idle.includes(row.action))
      .map((row) => ({ scope, row })),
  );
  const exit = scopes[0] === 'pick' ? 'quit' : 'back';
  const isAlways = ({ action }: KeyBinding): boolean => action === exit || action === 'help';
  const always = rows.filter(({ row }) => isAlways(row)).map(({ row }) => entry(row));
  const others = rows.filter(({ scope, row }) => !isAlways(row) && !(exit === 'quit' && scope === 'any')).map(({ row }) => entry(row));
  const between = ` ${theme.symbols.dot} `;
  const right = joinFitting(always, [between, 'dim'], columns, theme);
  const room = columns - 1 - (always.length === 0 ? 0 : spansWidth(right, theme) + between.length);
  const left = joinFitting(others, [between, 'dim'], room, theme);
  return [' ', ...left, ...(left.length > 0 && right.length > 0 ? ([[between, 'dim']] as const) : []), ...right];
};

const entry = (row: KeyBinding): Spans => {
  const shown = row.keys.filter((key) => /^(left|right)$/.test(key)).length === 2 ? '←/→' : keyLabel(row.keys[0] ?? '');
  return [[shown, 'accent'], ` ${row.footer ?? ''}`];
};
