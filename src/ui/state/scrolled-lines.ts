/** Content of the screens that only scroll: the help, from the key table, and what happened during a capture. */
import { bindingsOf, type KeyScope, SCOPE_TITLES } from '../keys.ts';
import { clock } from '../path-lines.ts';
import type { Spans } from '../spans.ts';
import { wrap } from '../text.ts';
import type { EventsScreen } from './screens.ts';

const KEYS_COLUMNS = 20;

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
  return names[key] ?? (key.length === 1 ? key : key.replace('+', '-'));
};

/** Longer words go on below themselves: nothing of the help may be cut. */
export const helpLines = (about: KeyScope, columns: number): readonly Spans[] => {
  const scopes = [about, ...SCOPES.filter((scope) => scope !== about)].filter((scope) => bindingsOf(scope).length > 0);
  return scopes.flatMap((scope): Spans[] => [
    [[SCOPE_TITLES[scope], 'title']],
    ...bindingsOf(scope).flatMap((row): Spans[] =>
      wrap(row.words, columns - KEYS_COLUMNS - 4).map(
        (line, at): Spans => ['  ', [(at === 0 ? row.keys.map(keyLabel).join(', ') : '').padEnd(KEYS_COLUMNS), 'accent'], ` ${line}`],
      ),
    ),
    [''],
  ]);
};

export const eventLines = (screen: EventsScreen, columns: number): readonly Spans[] => {
  const { events } = screen.capture.getState();
  if (events.length === 0) return [[['nothing has happened but packets', 'dim']]];
  return events.flatMap((event): Spans[] => {
    const tone = event.severity === 'error' ? 'bad' : event.severity === 'warning' ? 'warn' : 'plain';
    const word = event.severity === 'info' ? '' : `${event.severity}: `;
    const when = `${clock(event.at)}  `;
    return wrap(`${word}${event.text}`, columns - when.length - 1).map(
      (line, at): Spans => [
        [at === 0 ? when : ' '.repeat(when.length), 'dim'],
        [line, tone],
      ],
    );
  });
};
