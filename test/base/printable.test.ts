/** Text from outside never reaches the terminal as a command, and never reads as another text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '../../src/base/printable.ts';

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\u001b', '\u009b', '\n', '\t', '\u202e', '\u200b', '\ud800', 'ä', '網', '🐳'),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
});

describe('printable', () => {
  it('leaves nothing that a terminal would obey', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('changes nothing that it has already made safe', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(printable(printable(text))).toBe(printable(text));
      }),
    );
  });

  it('puts one character for each, so that columns stay where they are', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect([...printable(text)].length).toBe([...text].length);
      }),
    );
  });

  it('keeps ASCII and the scripts of the world', () => {
    const ascii = String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 0x20 + i));
    expect(printable(ascii)).toBe(ascii);
    expect(printable('Prüfstand 網路 контейнер 🐳 é')).toBe('Prüfstand 網路 контейнер 🐳 é');
  });

  it.each([
    ['an escape sequence', 'a\u001b[31mb', 'a\ufffd[31mb'],
    ['a C1 control', 'a\u009b31mb', 'a\ufffd31mb'],
    ['delete', 'a\u007fb', 'a\ufffdb'],
    ['tab, line feed, carriage return', 'a\tb\nc\rd', 'a b c d'],
    ['right-to-left override', 'a\u202eb', 'a\ufffdb'],
    ['zero-width space', 'a\u200bb', 'a\ufffdb'],
    ['soft hyphen', 'a\u00adb', 'a\ufffdb'],
    ['tag characters', 'a\u{e0041}b', 'a\ufffdb'],
    ['line separator', 'a\u2028b', 'a\ufffdb'],
    ['Hangul filler', 'a\u3164b', 'a\ufffdb'],
    ['half a surrogate pair', 'a\ud83db', 'a\ufffdb'],
  ])('replaces %s', (_, text, safe) => expect(printable(text)).toBe(safe));
});
