/** Text cut, padded and wrapped by the columns that it takes on a terminal (widths: string-width, Unicode TR 11). */
import { printable } from '../base/printable.ts';
import { cutEnd, displayWidth, padEnd, padStart } from '../report/width.ts';

export { cutEnd, displayWidth, padEnd, padStart };

/** Stand-ins for what this program and its sentences print beyond ASCII. */
const ASCII: Readonly<Record<string, string>> = {
  '→': '->',
  '←': '<-',
  '↔': '<->',
  '↓': 'v',
  '↑': '^',
  '▸': '>',
  '◀': '<-',
  '●': '*',
  '○': 'o',
  '·': '-',
  '…': '~',
  '–': '-',
  '—': '-',
  '─': '-',
  '│': '|',
  '├': '|',
  '└': '`',
  '┤': '|',
  '┬': '+',
  '┄': '.',
  '═': '=',
  '╭': '+',
  '╮': '+',
  '╯': '+',
  '╰': '+',
  '✓': 'ok',
  '✗': 'no',
  '×': 'x',
  '≥': '>=',
  '≤': '<=',
  '≠': '!=',
  µ: 'u',
  '▏': '_',
  '‘': "'",
  '’': "'",
  '“': '"',
  '”': '"',
};

/** Every character as ASCII: known ones by their stand-in, the rest as question marks of the same width. */
export const toAscii = (text: string): string => {
  if (/^[\u0020-\u007e]*$/.test(text)) return text;
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    out += code >= 0x20 && code <= 0x7e ? char : (ASCII[char] ?? '?'.repeat(displayWidth(char)));
  }
  return out;
};

/** Makes text from anywhere fit for the terminal: printable, and ASCII where the terminal has no Unicode. */
export type Clean = (text: string) => string;

export const cleaner = (unicode: boolean): Clean => (unicode ? printable : (text) => toAscii(printable(text)));

/** Exactly `columns` wide: cut with an ellipsis, or padded. The text must be clean already. */
export const fitTo = (text: string, columns: number, align: 'left' | 'right' = 'left', ellipsis = '…'): string => {
  const cut = cutEnd(text, columns, ellipsis);
  return align === 'left' ? padEnd(cut, columns) : padStart(cut, columns);
};

/** Cuts in the middle, so that the end (a rule's number, a file's name) stays. */
export const cutMiddle = (text: string, columns: number, ellipsis = '…'): string => {
  if (displayWidth(text) <= columns) return text;
  if (columns <= displayWidth(ellipsis) + 2) return cutEnd(text, columns, ellipsis);
  const room = columns - displayWidth(ellipsis);
  const tailRoom = Math.floor(room / 2);
  let tail = '';
  for (const char of [...text].reverse()) {
    if (displayWidth(char + tail) > tailRoom) break;
    tail = char + tail;
  }
  return cutEnd(text, columns - displayWidth(tail), ellipsis) + tail;
};

/** Lines no wider than `columns`, broken at blanks where there are some. */
export const wrap = (text: string, columns: number): string[] => {
  const lines: string[] = [];
  let line = '';
  const width = Math.max(1, columns);
  for (const word of text.split(' ')) {
    let rest = word;
    const joined = line === '' ? rest : `${line} ${rest}`;
    if (displayWidth(joined) <= width) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    while (displayWidth(rest) > width) {
      const head = takeColumns(rest, width);
      lines.push(head);
      rest = rest.slice(head.length);
    }
    line = rest;
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines;
};

const takeColumns = (text: string, columns: number): string => {
  let out = '';
  for (const char of text) {
    if (out !== '' && displayWidth(out + char) > columns) break;
    out += char;
  }
  return out;
};
