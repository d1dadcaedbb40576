/** Times in file names: strftime(3) of the C library in the C locale, as tcpdump -G takes it. */
import { usageError } from '../../base/errors.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
const DAY_MS = 86_400_000;

const pad = (value: number, width: number, filler = '0'): string => String(value).padStart(width, filler);

/** 1 for the first of January. */
const dayOfYear = (at: Date): number =>
  Math.round((Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) - Date.UTC(at.getFullYear(), 0, 1)) / DAY_MS) + 1;

const zone = (at: Date): string => {
  const minutes = -at.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60), 2)}${pad(size % 60, 2)}`;
};

const CONVERSIONS: Readonly<Record<string, (at: Date) => string>> = {
  a: (at) => (DAYS[at.getDay()] as string).slice(0, 3),
  A: (at) => DAYS[at.getDay()] as string,
  b: (at) => (MONTHS[at.getMonth()] as string).slice(0, 3),
  h: (at) => (MONTHS[at.getMonth()] as string).slice(0, 3),
  B: (at) => MONTHS[at.getMonth()] as string,
  C: (at) => pad(Math.floor(at.getFullYear() / 100), 2),
  d: (at) => pad(at.getDate(), 2),
  e: (at) => pad(at.getDate(), 2, ' '),
  F: (at) => strftime('%Y-%m-%d', at),
  H: (at) => pad(at.getHours(), 2),
  I: (at) => pad(at.getHours() % 12 || 12, 2),
  j: (at) => pad(dayOfYear(at), 3),
  k: (at) => pad(at.getHours(), 2, ' '),
  l: (at) => pad(at.getHours() % 12 || 12, 2, ' '),
  m: (at) => pad(at.getMonth() + 1, 2),
  M: (at) => pad(at.getMinutes(), 2),
  p: (at) => (at.getHours() < 12 ? 'AM' : 'PM'),
  R: (at) => strftime('%H:%M', at),
  s: (at) => String(Math.floor(at.getTime() / 1000)),
  S: (at) => pad(at.getSeconds(), 2),
  T: (at) => strftime('%H:%M:%S', at),
  u: (at) => String(at.getDay() || 7),
  w: (at) => String(at.getDay()),
  y: (at) => pad(at.getFullYear() % 100, 2),
  Y: (at) => String(at.getFullYear()),
  z: zone,
  '%': () => '%',
};

export const strftime = (format: string, at: Date): string =>
  format.replace(/%(.?)/gs, (whole, letter: string) => {
    const conversion = CONVERSIONS[letter];
    if (conversion !== undefined) return conversion(at);
    throw usageError(`${whole} in a file name is no time that is known here`, {
      hint: `known are ${Object.keys(CONVERSIONS)
        .map((each) => `%${each}`)
        .join(' ')}: %Y%m%d-%H%M%S`,
    });
  });
