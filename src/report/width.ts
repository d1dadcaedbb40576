/** Columns that a text takes on a terminal, and cutting and padding to columns. Unicode Standard Annex 11 by way of string-width. */
import stringWidth from 'string-width';

const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return true;
};

export const displayWidth = (text: string): number => (isAscii(text) ? text.length : stringWidth(text));

export const padEnd = (text: string, columns: number): string => text + ' '.repeat(Math.max(0, columns - displayWidth(text)));

export const padStart = (text: string, columns: number): string => ' '.repeat(Math.max(0, columns - displayWidth(text))) + text;

/** The text where it fits, else its beginning with `ellipsis` in the last columns. */
export const cutEnd = (text: string, columns: number, ellipsis = '…'): string => {
  if (columns <= 0) return '';
  if (displayWidth(text) <= columns) return text;
  const room = columns - displayWidth(ellipsis);
  if (room <= 0) return isAscii(ellipsis) ? ellipsis.slice(0, columns) : ellipsis;
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
