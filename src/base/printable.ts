/** Text from outside (names, comments, payload, program output) made safe to print: no escape sequence reaches the terminal. */

/**
 * Controls and lone surrogates (Cc, Cs), and characters that are invisible or turn the direction of writing, so that one name could be read
 * as another: Unicode's formatting characters (Cf), its line and paragraph separators, the combining grapheme joiner, the Hangul fillers and
 * the blank Braille pattern.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]|\u034f/gu;

/** Replaces every control, lone-surrogate and direction-changing character by U+FFFD, tabs and line ends by a blank. */
export const printable = (text: string): string => {
  // Most texts are plain ASCII, of which there are millions in a long output.
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return text.replace(UNSAFE, inPlaceOf);
  }
  return text;
};

const inPlaceOf = (char: string): string => (char === '\t' || char === '\n' || char === '\r' ? ' ' : '\ufffd');
