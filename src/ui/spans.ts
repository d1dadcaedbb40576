/** A line of text in tones, cut to the columns that it may take. */
import { displayWidth, fitTo } from './text.ts';
import type { Theme, Tone } from './theme.ts';

export type Span = string | readonly [text: string, tone: Tone];

export type Spans = readonly Span[];

export const spanText = (span: Span): string => (typeof span === 'string' ? span : span[0]);

export const plainText = (spans: Spans): string => spans.map(spanText).join('');

/** The line as the terminal gets it: cleaned, cut with an ellipsis where it is too long, toned. Not padded. */
export const paintSpans = (spans: Spans, columns: number, theme: Theme): string => {
  let out = '';
  let used = 0;
  for (const span of spans) {
    const text = theme.clean(spanText(span));
    const tone = typeof span === 'string' ? 'plain' : span[1];
    const width = displayWidth(text);
    if (used + width > columns) {
      out += theme.paint(fitTo(text, columns - used, 'left', theme.symbols.ellipsis).trimEnd(), tone);
      return out;
    }
    out += theme.paint(text, tone);
    used += width;
  }
  return out;
};

export const spansWidth = (spans: Spans, theme: Theme): number =>
  spans.reduce((width, span) => width + displayWidth(theme.clean(spanText(span))), 0);

/** The first parts that fit side by side, with `between` between them; earlier parts are worth more. */
export const joinFitting = (parts: readonly Spans[], between: Span, columns: number, theme: Theme): Spans => {
  const out: Span[] = [];
  let used = 0;
  for (const part of parts) {
    const gap = out.length === 0 ? 0 : spansWidth([between], theme);
    const width = spansWidth(part, theme);
    if (used + gap + width > columns && out.length > 0) continue;
    if (out.length > 0) out.push(between);
    out.push(...part);
    used += gap + width;
  }
  return out;
};

/** The left part, and the right one at the right edge where there is room for both. */
export const leftRight = (left: Spans, right: Spans, columns: number, theme: Theme): Spans => {
  const gap = columns - spansWidth(left, theme) - spansWidth(right, theme);
  return gap >= 1 ? [...left, ' '.repeat(gap), ...right] : left;
};
