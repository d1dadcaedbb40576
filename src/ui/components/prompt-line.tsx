/** The line above the footer: what is being typed, what is being done, or what has just happened. */
import type { ReactElement } from 'react';
import type { SessionEvent } from '../../session/state/capture-state.ts';
import type { Spans } from '../spans.ts';
import type { UiState } from '../state/screens.ts';
import type { TextField } from '../state/text-field.ts';
import type { Theme, Tone } from '../theme.ts';
import { Line } from './line.tsx';

/** After this a notice has been read. */
const NOTICE_MS = 8000;

/** So long an event of the capture is news. */
const NEWS_SECONDS = 15;

export interface PromptLineProps {
  readonly state: UiState;
  /** The newest event of the capture that is shown. */
  readonly news: SessionEvent | null;
  readonly now: number;
  /** What stands here while there is nothing to say: the keys that have no room in the footer. */
  readonly keys: Spans;
  readonly theme: Theme;
}

export const PromptLine = ({ state, news, now, keys, theme }: PromptLineProps): ReactElement => (
  <Line spans={promptSpans(state, news, now, keys, theme)} columns={state.size.columns} theme={theme} />
);

const promptSpans = (state: UiState, news: SessionEvent | null, now: number, keys: Spans, theme: Theme): Spans => {
  const { prompt, busy, notice } = state;
  if (prompt !== null) {
    const candidates = prompt.candidates.length === 0 ? '' : `   ${prompt.candidates.slice(0, 12).join('  ')}`;
    const room = state.size.columns - prompt.label.length - 4;
    return [' ', [prompt.label, 'title'], ' ', ...fieldSpans(prompt.field, room, theme), [candidates, 'dim']];
  }
  if (busy !== null) return [' ', [`${busy} ${theme.symbols.ellipsis} `, 'warn'], ['esc gives up', 'dim']];
  if (notice !== null && now - notice.at < NOTICE_MS) return [' ', [notice.text, notice.tone as Tone]];
  if (news !== null && now / 1000 - news.at < NEWS_SECONDS) return [' ', [news.text, NEWS_TONES[news.severity]]];
  return keys;
};

const NEWS_TONES: Readonly<Record<SessionEvent['severity'], Tone>> = { info: 'dim', warning: 'warn', error: 'bad' };

/** The text with its cursor; where it is longer than its room, the part around the cursor. */
export const fieldSpans = (field: TextField, room: number, theme: Theme): Spans => {
  const chars = [...field.text];
  const from = Math.max(0, field.cursor - Math.max(8, room - 2));
  return [chars.slice(from, field.cursor).join(''), [theme.symbols.cursor, 'title'], chars.slice(field.cursor).join('')];
};
