/** Text from outside (names, comments, payload, program output) made safe to print: no escape sequence reaches the terminal. */

/**
 * Characters that are invisible or turn the direction of writing, so that one name could be read as another: Unicode's formatting
 * characters (Cf), its line and paragraph separators, the combining grapheme joiner, the Hangul fillers and the blank Braille pattern.
 */
const DECEPTIVE = /[\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]|\u034f/u;

const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code <= 0x9f);

/** Replaces every control, lone-surrogate and direction-changing character by U+FFFD, tabs and line ends by a blank. */
export const printable = (text: string): string => {
  let clean = true;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) {
      clean = false;
      break;
    }
  }
  if (clean) return text;
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    if (code === 9 || code === 10 || code === 13) out += ' ';
    else if (isControl(code) || (code >= 0xd800 && code <= 0xdfff) || DECEPTIVE.test(char)) out += '\ufffd';
    else out += char;
  }
  return out;
};
