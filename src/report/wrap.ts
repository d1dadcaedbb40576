/** Breaks lines for a terminal: at blanks, with what follows under where the text began. Without a width nothing is broken. */
import { displayWidth } from './width.ts';

/** `text` in pieces no wider than `columns`; a word that is wider stands alone. Null: unlimited. */
export const wrapWords = (text: string, columns: number | null): string[] => {
  if (columns === null || displayWidth(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && displayWidth(longer) > columns) {
      lines.push(line.trimEnd());
      line = word;
    } else {
      line = longer;
    }
  }
  return line.trim() === '' ? lines : [...lines, line.trimEnd()];
};
