/** Columns that a text takes on a terminal, and cutting and padding to columns. Unicode Standard Annex 11 by way of string-width. */
import stringWidth from 'string-width';

const isAscii = (code: number): boolean => code >= 0x20 && code <= 0x7e;

/** Characters of one column each that this program prints often: Latin, dashes and quotes, plain arrows, boxes, blocks, ticks. */
const NARROW = /[\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2030-\u205e\u2190-\u2193\u2500-\u259f\u25b8\u25c0\u25cf\u2713\u2717]/;

export const displayWidth = (text: string): number => {
  for (let i = 0; i < text.length; i++) {
    if (!isAscii(text.charCodeAt(i)) && !NARROW.test(text.charAt(i))) return stringWidth(text);
  }
  return text.length;
};

export const padEnd = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - displayWidth(text)));

export const padStart = (text: string, columns: number): string => ' '.repeat(Math.max(0, columns - displayWidth(text))) + text;

/** The text where it fits, else its beginning with `ellipsis` in the last columns. */
export const cutEnd = (text: string, columns: number, ellipsis = '…'): string => {
  if (columns <= 0) return '';
  if (displayWidth(text) <= columns) return text;
  const room = columns - displayWidth(ellipsis);
  if (room <= 0) return ellipsis.slice(0, columns);
  let out = '';
  let width = 0;
  for (const char of text) {
    const next = displayWidth(char);
    if (width + next > room) break;
    out += char;
    width += next;
  }
  return out + ellipsis;
};
