import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { cleaner, cutMiddle, displayWidth, fitTo, toAscii, wrap } from '../../src/ui/text.ts';

const words = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => cleaner(true)(text));

describe('text on a terminal', () => {
  it('takes the columns that string-width says, also where a shortcut is taken', () => {
    for (let code = 0x20; code <= 0x2720; code++) {
      const char = String.fromCharCode(code);
      if (cleaner(true)(char) === char) expect(displayWidth(char), code.toString(16)).toBe(stringWidth(char));
    }
  });

  it('is as wide as it was asked to be, whatever it holds', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 0, max: 50 }), (text, columns) => {
        expect(displayWidth(fitTo(text, columns))).toBe(columns);
        expect(displayWidth(fitTo(text, columns, 'right'))).toBe(columns);
      }),
    );
  });

  it('keeps both ends where it is cut in the middle', () => {
    expect(cutMiddle('filter DOCKER-ISOLATION-STAGE-2 #1', 20)).toBe('filter DOC…TAGE-2 #1');
    fc.assert(
      fc.property(words, fc.integer({ min: 4, max: 50 }), (text, columns) => {
        expect(displayWidth(cutMiddle(text, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it('is wrapped at blanks, longer words anywhere, and nothing is lost', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('abcdefghij k', 4)).toEqual(['abcd', 'efgh', 'ij k']);
    expect(wrap('', 4)).toEqual(['']);
    fc.assert(
      fc.property(words, fc.integer({ min: 2, max: 30 }), (text, columns) => {
        const lines = wrap(text, columns);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
        for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(Math.max(2, columns));
      }),
    );
  });

  it('becomes ASCII by known stand-ins, or question marks of the same width', () => {
    expect(toAscii('web1 → web2 · 8 ✓')).toBe('web1 -> web2 - 8 ok');
    expect(toAscii('日本')).toBe('????');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(cleaner(false)(text)).toMatch(/^[\u0020-\u007e]*$/);
      }),
    );
  });

  it('holds no control character once it is clean', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(cleaner(true)(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
      }),
    );
  });
});
