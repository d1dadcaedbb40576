/** Numbers for people: thousands apart, whatever their length. */
import { expect, it } from 'vitest';
import { grouped } from '../../src/base/grouped.ts';

it.each([
  [0, '0'],
  [999, '999'],
  [999.5, '1,000'],
  [1000, '1,000'],
  [-999, '-999'],
  [-1000, '-1,000'],
  [1_234_567, '1,234,567'],
])('puts thousands apart in %s', (count, text) => expect(grouped(count)).toBe(text));
