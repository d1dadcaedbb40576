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
    while (at < line.length && !isBlank(line.charCodeAt(at)) && line.charCodeAt(at) !== QUOTE) at++;
    if (line.charCodeAt(at) !== QUOTE) {
      tokens.push({ text: line.slice(start, at), quoted: false, start, end: at });
      continue;
    }
    const token = quotedWord(line, start, at);
    if (token === null) return null;
    tokens.push(token);
    at = token.end;
  }
  return tokens;
};

/** A word with a quote in it, which stands at `at`. */
const quotedWord = (line: string, start: number, at: number): Token | null => {
  let text = line.slice(start, at);
  let inQuotes = false;
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === QUOTE) inQuotes = !inQuotes;
    else if (code === BACKSLASH && inQuotes && at + 1 < line.length) text += line[++at];
    else if (!inQuotes && isBlank(code)) break;
    else {
      // Whole runs at once: comments are long.
      const from = at;
      while (at + 1 < line.length && isPlain(line.charCodeAt(at + 1), inQuotes)) at++;
      text += line.slice(from, at + 1);
    }
  }
  return inQuotes ? null : { text, quoted: true, start, end: at };
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const isPlain = (code: number, inQuotes: boolean): boolean => code !== QUOTE && code !== BACKSLASH && (inQuotes || !isBlank(code));

/** Writes a value the way xtables_save_string does: in double quotes, with quotes and backslashes escaped. */
export const quote = (text: string): string => `"${text.replace(/["\\']/g, '\\$&')}"`;

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09 || code === 0x0d;
