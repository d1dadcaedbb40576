/** Columns, widths and times. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PLAIN_STYLE } from '../../src/report/style.ts';
import { formatTable } from '../../src/report/table.ts';
import { bytesText, clockText, durationText, epochText } from '../../src/report/time.ts';
import { cutEnd, displayWidth, padEnd } from '../../src/report/width.ts';

describe('table', () => {
  it('aligns by columns on the screen, not by characters', () => {
    const lines = formatTable(
      [
        ['容器', 'x'],
        ['web1', 'y'],
        [{ text: '7', right: true }, 'z'],
      ],
      PLAIN_STYLE,
    );
    expect(lines).toEqual(['容器  x', 'web1  y', '   7  z']);
  });

  it('leaves the padding outside of the colour', () => {
    expect(
      formatTable(
        [
          [{ text: 'a', tone: 'bad' }, 'b'],
          ['ccc', 'd'],
        ],
        { ...PLAIN_STYLE, colour: true },
      )[0],
    ).toBe('\u001b[31ma\u001b[0m    b');
  });

  it('ends no line with blanks', () => {
    expect(
      formatTable(
        [
          ['a', ''],
          ['bb', 'c'],
        ],
        PLAIN_STYLE,
      )[0],
    ).toBe('a');
  });
});

describe('width', () => {
  it('cuts any text to its columns', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, columns) => {
        expect(displayWidth(cutEnd(text, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });

  it('pads any text to at least its columns', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 20 }), (text, columns) => {
        expect(displayWidth(padEnd(text, columns))).toBe(Math.max(columns, displayWidth(text)));
      }),
    );
  });
});

describe('times and amounts', () => {
  it('writes nine decimals', () => {
    expect(epochText(1_795_230_847, 42)).toBe('1795230847.000000042');
  });

  it('knows zones east and west of UTC, across midnight', () => {
    expect(clockText(1_795_230_847, 123_456_789, 0)).toBe('03:14:07.123456');
    expect(clockText(1_795_230_847, 0, 330)).toBe('08:44:07.000000');
    expect(clockText(1_795_230_847, 0, -300)).toBe('22:14:07.000000');
  });

  it('rounds durations and bytes to what can be read', () => {
    expect([160_000, 12_400_000, 1_240_000_000].map(durationText)).toEqual(['0.16 ms', '12 ms', '1.2 s']);
    expect([84, 1_240, 999_950, 3_400_000].map(bytesText)).toEqual(['84 B', '1.2 kB', '1000 kB', '3.4 MB']);
  });
});
