/** Times as this program writes them: for programs, seconds since the epoch with nine decimals; for people, the time of day. */
import { grouped } from '../base/grouped.ts';

export const epochText = (sec: number, nsec: number): string => `${sec}.${String(nsec).padStart(9, '0')}`;

/** The same of a number of seconds, which is exact to microseconds. */
export const epochTextOf = (seconds: number): string => {
  const [sec, nsec] = partsOf(seconds);
  return epochText(sec, nsec);
};

/** Seconds and nanoseconds of a number of seconds. */
export const partsOf = (seconds: number): readonly [number, number] => {
  const micros = Math.round(seconds * 1e6);
  const sec = Math.floor(micros / 1e6);
  return [sec, (micros - sec * 1e6) * 1000];
};

/** `03:14:07.123456`, in the zone that lies `utcOffsetMinutes` east of UTC (pure code has no clock and no zone of its own). */
export const clockText = (sec: number, nsec: number, utcOffsetMinutes: number): string => {
  const day = 86_400;
  const local = (((Math.floor(sec) + utcOffsetMinutes * 60) % day) + day) % day;
  const two = (value: number): string => String(value).padStart(2, '0');
  const micro = String(Math.floor(nsec / 1000)).padStart(6, '0');
  return `${two(Math.floor(local / 3600))}:${two(Math.floor(local / 60) % 60)}:${two(local % 60)}.${micro}`;
};

/** `0.16 ms`, `12 ms`, `1.2 s`. */
export const durationText = (ns: number): string => {
  const ms = ns / 1e6;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 10) return `${Math.round(ms)} ms`;
  return `${ms.toFixed(2)} ms`;
};

/** `84 B`, `1.2 kB`, `3.4 MB`: decimal units, as disks and networks count. */
export const bytesText = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
};

export const countText = (count: number, singular: string, plural = `${singular}s`): string =>
  `${grouped(count)} ${count === 1 ? singular : plural}`;
