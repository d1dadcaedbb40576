/** How values of a display filter are compared with texts: whole, with `*` and `?` as wildcards, or as a part; never by case. */

export type TextMatch = (text: string) => boolean;

/** The whole text. `*` stands for any characters, `?` for one. */
export const wholeMatch = (pattern: string): TextMatch => {
  const wanted = pattern.toLowerCase();
  if (!/[*?]/.test(wanted)) return (text) => text.toLowerCase() === wanted;
  return (text) => globMatches(wanted, text.toLowerCase());
};

/** A part of the text; with wildcards the whole of it. */
export const partMatch = (pattern: string): TextMatch => {
  const wanted = pattern.toLowerCase();
  if (/[*?]/.test(wanted)) return wholeMatch(pattern);
  return (text) => text.toLowerCase().includes(wanted);
};

/** Two pointers and one place to go back to: never more than pattern times text steps, whatever the pattern is. */
const globMatches = (pattern: string, text: string): boolean => {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
};
