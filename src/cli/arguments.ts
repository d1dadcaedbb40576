/** Values of options, checked where they are read: a wrong one is a usage error that says what would have been right. */
import { InvalidArgumentError } from 'commander';
import { type IpPrefix, parsePrefix } from '../base/ip-address.ts';

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

/** `192.0.2.1,10.0.0.0/8`: addresses and prefixes. */
export const parsePrefixes = (text: string): readonly IpPrefix[] =>
  text.split(',').map((each) => {
    const prefix = parsePrefix(each.trim());
    if (prefix === null) throw new InvalidArgumentError('It must be addresses or prefixes: 192.0.2.1,10.0.0.0/8.');
    return prefix;
  });

/** A name that a device can have: dev_valid_name in net/core/dev.c. */
export const parseDevice = (text: string): string => {
  if (!/^[^\s/:]{1,15}$/.test(text) || text === '.' || text === '..')
    throw new InvalidArgumentError('It must be the name of a network device.');
  return text;
};
