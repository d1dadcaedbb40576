/** What stands behind the name of a file to save to: `captures/web1.pcapng | 5m dropped headers` says which part is saved. */
import { anonymised } from '../../session/saving/anonymised.ts';
import { headersOnly } from '../../session/saving/headers-only.ts';
import type { SaveOptions } from '../../session/saving/save-options.ts';
import { composeTransforms, type SessionTransform } from '../../session/saving/transform.ts';
import type { RingSelection } from '../../session/state/capture-view.ts';
import type { FlowRow } from '../../session/state/flow-row.ts';
import type { Ui } from '../ui.ts';
import type { WatchScreen } from './screens.ts';
import { selectedRow } from './watch.ts';

/** Offered where the bar has been typed. */
export const SAVE_WORDS: readonly string[] = ['5m', 'anonymised', 'dropped', 'flow', 'headers', 'matching'];

/** All flows of the table. */
const ALL_ROWS = 1_000_000;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

export interface SaveRequest {
  readonly path: string;
  readonly lastMs: number | null;
  readonly only: ((row: FlowRow) => boolean) | null;
  readonly flows: readonly number[] | null;
  readonly headers: boolean;
  readonly anonymous: boolean;
}

/** A sentence where it is not understood. */
export const readSaveRequest = (text: string, screen: WatchScreen, ui: Ui): SaveRequest | string => {
  const bar = text.indexOf('|');
  const path = (bar < 0 ? text : text.slice(0, bar)).trim();
  if (path === '') return 'the name of the file is missing';
  const words =
    bar < 0
      ? []
      : text
          .slice(bar + 1)
          .split(/[\s,]+/)
          .filter((word) => word !== '');
  let request: SaveRequest = { path, lastMs: null, only: null, flows: null, headers: false, anonymous: false };
  for (const word of words) {
    const next = withWord(request, word, screen, ui);
    if (typeof next === 'string') return next;
    request = next;
  }
  return request;
};

const withWord = (request: SaveRequest, word: string, screen: WatchScreen, ui: Ui): SaveRequest | string => {
  const [, count, unit] = /^(\d+)([smh])$/.exec(word) ?? [];
  if (count !== undefined && unit !== undefined) return { ...request, lastMs: Number(count) * (UNIT_MS[unit] ?? 0) };
  switch (word) {
    case 'dropped':
      return { ...request, only: (row) => row.outcome === 'DROP' || row.outcome === 'REJECT' };
    case 'headers':
      return { ...request, headers: true };
    case 'anonymised':
    case 'anonymized':
      return { ...request, anonymous: true };
    case 'flow': {
      const row = selectedRow(screen, ui);
      return row === null ? 'there is no flow yet' : { ...request, flows: [row.flow.id] };
    }
    case 'matching': {
      const { search, sort, descending } = screen;
      if (search === '') return 'no search is set: / sets one';
      const { rows } = screen.capture.flows({ search, sort, descending, offset: 0, limit: ALL_ROWS });
      return { ...request, flows: rows.map((row) => row.flow.id) };
    }
    default:
      return `${word} is not known behind the bar: ${SAVE_WORDS.join(', ')} are`;
  }
};

export const ringSelection = (request: SaveRequest): RingSelection => ({
  lastMs: request.lastMs,
  only: request.only,
  flows: request.flows,
  transform: transformOf(request),
});

const transformOf = ({ headers, anonymous }: SaveRequest): SessionTransform | null =>
  composeTransforms([...(headers ? [headersOnly()] : []), ...(anonymous ? [anonymised()] : [])]);

/** From now on: what has passed already is not asked about. */
export const saveOptions = (request: SaveRequest): SaveOptions | string => {
  const { lastMs, only, flows } = request;
  if (lastMs !== null) return 'a time counts back into memory: S saves from there';
  const ids = flows === null ? null : new Set(flows);
  const chosen =
    only === null && ids === null ? null : (row: FlowRow) => (only === null || only(row)) && (ids === null || ids.has(row.flow.id));
  return { only: chosen, transform: transformOf(request) };
};
