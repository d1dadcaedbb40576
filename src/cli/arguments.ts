/** Values of options, checked where they are read: a wrong one is a usage error that says what would have been right. */
import { InvalidArgumentError } from 'commander';

export const parseCount = (text: string): number => {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count === 0)
    throw new InvalidArgumentError('It must be a whole number above 0.');
  return count;
};

const UNIT_MS: Readonly<Record<string, number>> = { '': 1000, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** setTimeout's bound: longer ones would fire at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** `30`, `1.5`, `90s`, `2m`, `1h`: to milliseconds. */
export const parseDuration = (text: string): number => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0);
  if (ms <= 0 || ms > LONGEST_MS)
    throw new InvalidArgumentError('It must be seconds (30, 1.5) or a time with its unit (90s, 2m, 1h), at most 24 days.');
  return ms;
};
