/**
 * Cuts a line of iptables-save or ipset-save into words. Quoting is that of iptables-restore (add_argv in xshared.c): double quotes
 * hold blanks together, a backslash takes the next character as it is. Quotes come first, so a comment may hold ` -j ` or `!`.
 */

export interface Token {
  readonly text: string;
  /** The word stood in double quotes: it is a value even where it looks like an option. */
  readonly quoted: boolean;
  /** Where the word starts and ends in the line, quotes included. */
  readonly start: number;
  readonly end: number;
}

/** Returns null where a quotation is not closed. */
export const tokenize = (line: string): readonly Token[] | null => {
  const tokens: Token[] = [];
  let at = 0;
  while (at < line.length) {
    if (isBlank(line.charCodeAt(at))) {
      at++;
      continue;
    }
    const start = at;
    let text = '';
    let quoted = false;
    let inQuotes = false;
    for (; at < line.length; at++) {
      const char = line[at] as string;
      if (char === '"') {
        quoted = true;
        inQuotes = !inQuotes;
      } else if (char === '\\' && inQuotes && at + 1 < line.length) text += line[++at];
      else if (!inQuotes && isBlank(line.charCodeAt(at))) break;
      else text += char;
    }
    if (inQuotes) return null;
    tokens.push({ text, quoted, start, end: at });
  }
  return tokens;
};

/** Writes a value the way xtables_save_string does: in double quotes, with quotes and backslashes escaped. */
export const quote = (text: string): string => `"${text.replace(/["\\']/g, '\\$&')}"`;

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09 || code === 0x0d;
