/** Content of the screens that only scroll: the help, from the key table, and what happened during a capture. */
import { bindingsOf, type KeyScope, SCOPE_TITLES } from '../keys.ts';
import { clock } from '../path-lines.ts';
import type { Spans } from '../spans.ts';
import type { EventsScreen } from './screens.ts';

const SCOPES = Object.keys(SCOPE_TITLES) as KeyScope[];

/** What keys are called where a person reads them. */
export const keyLabel = (key: string): string => {
  const names: Readonly<Record<string, string>> = {
    up: '↑',
    down: '↓',
    left: '←',
    right: '→',
    pageup: 'page up',
    pagedown: 'page down',
    'ctrl+b': 'ctrl-b',
  };
  return names[key] ?? key.replace('+', '-');
};

export const helpLines = (about: KeyScope): readonly Spans[] => {
  const scopes = [about, ...SCOPES.filter((scope) => scope !== about)].filter((scope) => bindingsOf(scope).length > 0);
  return scopes.flatMap((scope): Spans[] => [
    [[SCOPE_TITLES[scope], 'title']],
    ...bindingsOf(scope).map(
      (row): Spans => [['  '], [row.keys.map(keyLabel).join(', ').padEnd(20), 'accent'], ` ${row.words}`].map(asSpan),
    ),
    [''],
  ]);
};

const asSpan = (span: string | readonly string[]): Spans[number] =>
  typeof span === 'string' ? span : ([span[0] ?? '', (span[1] ?? 'plain') as 'plain'] as const);

export const eventLines = (screen: EventsScreen): readonly Spans[] => {
  const { events } = screen.capture.getState();
  if (events.length === 0) return [[['nothing has happened but packets', 'dim']]];
  return events.map((event): Spans => {
    const tone = event.severity === 'error' ? 'bad' : event.severity === 'warning' ? 'warn' : 'plain';
    const word = event.severity === 'info' ? '' : `${event.severity}: `;
    return [
      [`${clock(event.at)}  `, 'dim'],
      [`${word}${event.text}`, tone],
    ];
  });
};
