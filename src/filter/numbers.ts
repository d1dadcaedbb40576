/** Numbers in display filters: `100`, `1.5k`, `10ms`, `8000-9000`, and the comparisons with them. */
import { FilterProblem } from './problem.ts';
import type { Comparison, ValueText } from './tokens.ts';

export type NumberMatch = (value: number) => boolean;

/** Factors by unit; '' is that of a bare number. */
export type Units = Readonly<Record<string, number>>;

export const COUNTS: Units = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** Bytes, decimal as `ip -s` and tcpdump count, binary with an i. */
export const BYTES: Units = { '': 1, b: 1, k: 1e3, kb: 1e3, m: 1e6, mb: 1e6, g: 1e9, gb: 1e9, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };

/** Nanoseconds; a bare number is milliseconds, as the RTT column shows them. */
export const TIMES: Units = { '': 1e6, ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };

export const PORTS: Units = { '': 1 };

/** One value of the list must hold; with `!=` none may. Comparisons with < and > take one value. */
export const numberMatch = (comparison: Comparison, values: readonly ValueText[], units: Units): NumberMatch => {
  if (comparison === ':' || comparison === '=' || comparison === '!=') {
    const ranges = values.map((value) => rangeOf(value, units));
    const isIn: NumberMatch = (number) => ranges.some(({ low, high }) => number >= low && number <= high);
    return comparison === '!=' ? (number) => !isIn(number) : isIn;
  }
  const [only, second] = values;
  if (only === undefined || second !== undefined) {
    throw new FilterProblem(`${comparison} takes one number`, second?.at ?? 0, 'write a range as 100-200, a choice as port:80,443');
  }
  const bound = numberOf(only, only.text, units);
  switch (comparison) {
    case '>':
      return (number) => number > bound;
    case '>=':
      return (number) => number >= bound;
    case '<':
      return (number) => number < bound;
    case '<=':
      return (number) => number <= bound;
  }
};

const rangeOf = (value: ValueText, units: Units): { readonly low: number; readonly high: number } => {
  const [low = '', high, ...more] = value.text.split('-');
  if (high === undefined) {
    const number = numberOf(value, low, units);
    return { low: number, high: number };
  }
  const range = { low: numberOf(value, low, units), high: numberOf(value, more.length > 0 ? '?' : high, units) };
  if (range.low > range.high) throw new FilterProblem(`${value.text} ends before it begins`, value.at, `write ${high}-${low}`);
  return range;
};

const numberOf = (value: ValueText, text: string, units: Units): number => {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([a-zµ]*)$/i.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined;
  if (digits === undefined || factor === undefined) {
    const known = Object.keys(units).filter(Boolean);
    throw new FilterProblem(
      `${value.text === '' ? 'nothing' : value.text} is no number here`,
      value.at,
      known.length === 0 ? 'write a number or a range: 80, 8000-9000' : `write a number, if need be with ${known.join(', ')}`,
    );
  }
  return Number(digits) * factor;
};
