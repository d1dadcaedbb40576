/** A window of character cells with tones, so that lines can be drawn and joined by position. Widths: Unicode TR 11, by way of string-width. */
import type { Span, Spans } from '../spans.ts';
import { type Clean, cutEnd, displayWidth } from '../text.ts';
import type { Tone } from '../theme.ts';

interface Cell {
  /** '' behind a character of two columns. */
  readonly text: string;
  readonly tone: Tone;
}

const BLANK: Cell = { text: ' ', tone: 'plain' };

const graphemesOf = (text: string): string[] => [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);

export class Canvas {
  readonly #rows: Cell[][];
  readonly #top: number;
  readonly #columns: number;
  readonly #clean: Clean;
  readonly #ellipsis: string;

  /** Shows `rows` rows from `top` on; what is drawn above, below or beside is left out. */
  constructor(columns: number, top: number, rows: number, clean: Clean, ellipsis: string) {
    this.#columns = columns;
    this.#top = top;
    this.#clean = clean;
    this.#ellipsis = ellipsis;
    this.#rows = Array.from({ length: rows }, () => Array.from({ length: columns }, () => BLANK));
  }

  /** Text from `x` on, cut to `room` columns. Returns the columns that it takes. */
  put(x: number, y: number, raw: string, tone: Tone, room: number): number {
    const text = cutEnd(this.#clean(raw), Math.min(room, this.#columns - x), this.#ellipsis);
    const row = this.#rows[y - this.#top];
    let at = x;
    for (const part of graphemesOf(text)) {
      const width = displayWidth(part);
      const last = row?.[at - 1];
      if (width === 0 && row !== undefined && last !== undefined && at > x) row[at - 1] = { ...last, text: last.text + part };
      if (width === 0) continue;
      if (row !== undefined) {
        row[at] = { text: part, tone };
        for (let more = 1; more < width; more++) row[at + more] = { text: '', tone };
      }
      at += width;
    }
    return at - x;
  }

  /** A horizontal line over `width` columns. */
  across(x: number, y: number, width: number, char: string, tone: Tone): void {
    for (let at = x; at < x + width; at++) this.#set(at, y, char, tone);
  }

  /** A vertical line over `height` rows; `crossing` where it meets what is drawn already. */
  down(x: number, y: number, height: number, char: string, tone: Tone): void {
    for (let at = y; at < y + height; at++) this.#set(x, at, char, tone);
  }

  at(x: number, y: number, char: string, tone: Tone): void {
    this.#set(x, y, char, tone);
  }

  lines(): Spans[] {
    return this.#rows.map((row) => {
      const spans: Span[] = [];
      let text = '';
      let tone: Tone = 'plain';
      for (const cell of row) {
        if (cell.tone !== tone && text !== '') {
          spans.push([text, tone]);
          text = '';
        }
        tone = cell.tone;
        text += cell.text;
      }
      if (text.trim() !== '') spans.push([text.trimEnd(), tone]);
      return spans;
    });
  }

  #set(x: number, y: number, char: string, tone: Tone): void {
    const row = this.#rows[y - this.#top];
    if (row !== undefined && x >= 0 && x < this.#columns) row[x] = { text: this.#clean(char), tone };
  }
}
