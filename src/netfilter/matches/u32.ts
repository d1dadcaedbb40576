/** -m u32: words of the packet, shifted, masked and compared. xt_u32.c; iptables-extensions(8). */
import { u32be } from '../../base/bytes.ts';
import type { Skb } from '../skb.ts';
import { badValue, optionMatch } from './condition.ts';
import { type NumberRange, parseNumber, parseRange } from './values.ts';

type Operator = '&' | '<<' | '>>' | '@';

interface Step {
  readonly operator: Operator;
  readonly operand: number;
}

interface Test {
  readonly start: number;
  readonly steps: readonly Step[];
  readonly ranges: readonly NumberRange[];
}

const parseTest = (text: string): Test | null => {
  const equals = text.indexOf('=');
  if (equals < 0) return null;
  const words = text.slice(0, equals).split(/(&|<<|>>|@)/);
  const start = parseNumber(words[0]?.trim());
  if (start === null) return null;
  const steps: Step[] = [];
  for (let i = 1; i < words.length; i += 2) {
    const operand = parseNumber(words[i + 1]?.trim());
    if (operand === null) return null;
    steps.push({ operator: words[i] as Operator, operand });
  }
  const ranges: NumberRange[] = [];
  for (const part of text.slice(equals + 1).split(',')) {
    const range = parseRange(part.trim(), 0xffff_ffff);
    if (range === null) return null;
    ranges.push(range);
  }
  return { start, steps, ranges };
};

const BYTES_UNKNOWN = "the packet's bytes are not at hand";

/** A word beyond the packet's end fails the test; one beyond what was captured leaves it open. */
const runTest = (test: Test, skb: Skb): boolean | string => {
  const bytes = skb.bytes;
  if (bytes === null) return BYTES_UNKNOWN;
  const end = Math.max(bytes.length, skb.length ?? bytes.length);
  let base = 0;
  let at = test.start;
  if (at + 4 > bytes.length) return at + 4 > end ? false : BYTES_UNKNOWN;
  let value = u32be(bytes, at);
  for (const { operator, operand } of test.steps) {
    switch (operator) {
      case '&':
        value = (value & operand) >>> 0;
        break;
      case '<<':
        value = operand > 31 ? 0 : (value << operand) >>> 0;
        break;
      case '>>':
        value = operand > 31 ? 0 : value >>> operand;
        break;
      case '@':
        base += value;
        at = base + operand;
        if (at + 4 > bytes.length) return at + 4 > end ? false : BYTES_UNKNOWN;
        value = u32be(bytes, at);
        break;
    }
  }
  return test.ranges.some((range) => value >= range.from && value <= range.to);
};

export const u32 = optionMatch('u32', {
  '--u32': (option) => {
    const tests: Test[] = [];
    for (const part of (option.values[0] ?? '').split('&&')) {
      const test = parseTest(part.trim());
      if (test === null) return badValue(option);
      tests.push(test);
    }
    return (skb) => {
      let unknown: string | null = null;
      for (const test of tests) {
        const answer = runTest(test, skb);
        if (answer === false) return false;
        if (typeof answer === 'string') unknown = answer;
      }
      return unknown ?? true;
    };
  },
});
