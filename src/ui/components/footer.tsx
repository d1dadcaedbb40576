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
  <Line spans={footerRows(scopes, columns, theme, idle).main} columns={columns} theme={theme} />
);

export interface FooterRows {
  readonly main: Spans;
  /** What has no room on it: shown on the line above while nothing else is said there. */
  readonly more: Spans;
}

export const footerRows = (scopes: readonly KeyScope[], columns: number, theme: Theme, idle: readonly string[] = []): FooterRows => {
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
  // In their order, so that a key never moves past another one for being short.
  const fitting = others.findIndex((_, at) => joinedWidth(others.slice(0, at + 1), between, theme) > room);
  const count = fitting < 0 ? others.length : fitting;
  const left = joinFitting(others.slice(0, count), [between, 'dim'], room, theme);
  const more = joinFitting(others.slice(count), [between, 'dim'], columns - 2, theme);
  return {
    main: [' ', ...left, ...(left.length > 0 && right.length > 0 ? ([[between, 'dim']] as const) : []), ...right],
    more: more.length === 0 ? [] : [' ', ...more],
  };
};

const joinedWidth = (parts: readonly Spans[], between: string, theme: Theme): number =>
  parts.reduce((width, part) => width + spansWidth(part, theme), 0) + between.length * Math.max(0, parts.length - 1);

const entry = (row: KeyBinding): Spans => {
  const shown = row.keys.filter((key) => /^(left|right)$/.test(key)).length === 2 ? '←/→' : keyLabel(row.keys[0] ?? '');
  return [[row.footerKeys ?? shown, 'accent'], ` ${row.footer ?? ''}`];
};
