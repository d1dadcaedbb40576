/**
 * How a capture is saved, from the command line: rotation as tcpdump(8) (-C, -G, -W) or dumpcap(1) (-b) knows it, autostop as dumpcap -a,
 * and what of a packet is written. Options that speak against each other are refused before anything is opened.
 */
import { statSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { usageError } from '../base/errors.ts';
import { compileDisplayFilter } from '../session/flows/display-filter.ts';
import type { DumpcapRotation, Rotation } from '../session/saving/rotation.ts';
import type { Autostop, SaveOptions } from '../session/saving/save-options.ts';
import { strftime } from '../session/saving/strftime.ts';
import type { SessionTransform } from '../session/saving/transform.ts';
import { isAnonymised } from './anonymise-option.ts';
import type { TransformArguments } from './transform-option.ts';

export interface SaveArguments extends TransformArguments {
  readonly write?: string;
  /** In bytes. */
  readonly fileSize?: number;
  /** In seconds. */
  readonly rotateSeconds?: number;
  readonly fileCount?: number;
  readonly ring?: readonly Criterion[];
  readonly autostop?: readonly Criterion[];
  /** A display filter. */
  readonly only?: string;
}

export interface Criterion {
  readonly name: string;
  readonly value: number;
  readonly text: string;
}

/** The longest name of a file in a folder: NAME_MAX of Linux's file systems. */
const NAME_MAX = 255;
/** dumpcap(1): "This value must be less than 100000." */
const MAX_RING_FILES = 99_999;
/** dumpcap(1): the unit of filesize is kB. */
const DUMPCAP_FILESIZE_UNIT = 1000;
/** tcpdump(8): millions of bytes, or with a suffix KiB, MiB, GiB. */
const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1_000_000, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** `10`: ten millions of bytes; `512k`, `64M`, `1G` as newer tcpdumps read them. */
export const parseFileSize = (text: string): number => {
  const match = /^(\d+)([kmg])?$/i.exec(text);
  const bytes = match === null ? 0 : Number(match[1]) * (SIZE_UNITS[(match[2] ?? '').toLowerCase()] ?? 0);
  if (bytes <= 0 || !Number.isSafeInteger(bytes))
    throw new InvalidArgumentError('It must be a number of millions of bytes (10), or one with k, M or G behind it (64M).');
  return bytes;
};

const criterionReader =
  (names: readonly string[], fractional: ReadonlySet<string>) =>
  (text: string, before: readonly Criterion[] = []): readonly Criterion[] => {
    const [, name = '', number = ''] = /^([a-z]+):(.*)$/.exec(text) ?? [];
    if (!names.includes(name)) throw new InvalidArgumentError(`It must be one of ${names.map((each) => `${each}:N`).join(', ')}.`);
    const value = (fractional.has(name) ? /^\d+(\.\d+)?$/ : /^\d+$/).test(number) ? Number(number) : 0;
    if (value <= 0 || !Number.isFinite(value)) throw new InvalidArgumentError(`${name}: takes a number above 0.`);
    if (before.some((known) => known.name === name)) throw new InvalidArgumentError(`${name}: is given twice.`);
    return [...before, { name, value, text }];
  };

const DURATION: ReadonlySet<string> = new Set(['duration']);

/** dumpcap(1) -b. */
export const parseRing = criterionReader(['duration', 'filesize', 'files', 'packets', 'interval'], DURATION);
/** dumpcap(1) -a. */
export const parseAutostop = criterionReader(['duration', 'filesize', 'files', 'packets'], DURATION);

const criterionOf = (criteria: readonly Criterion[], name: string): number | null =>
  criteria.find((each) => each.name === name)?.value ?? null;

/** In milliseconds; null where none was asked for. */
export const autostopDuration = ({ autostop = [] }: SaveArguments): number | null => {
  const seconds = criterionOf(autostop, 'duration');
  return seconds === null ? null : seconds * 1000;
};

/** Checks the options against each other. */
export const saveOptionsOf = (options: SaveArguments, transform: SessionTransform | null): SaveOptions => {
  const rotation = rotationOf(options);
  const { write } = options;
  if (write === undefined) {
    const lone = loneOption(options);
    if (lone !== null)
      throw usageError(`${lone} says how a capture is saved, and there is no -w FILE`, { hint: 'add -w captures/NAME.pcapng' });
  } else checkFileName(write, rotation);
  const only = options.only === undefined ? null : compileDisplayFilter(options.only);
  return { rotation, autostop: autostopOf(options, rotation), transform, only };
};

const loneOption = (options: SaveArguments): string | null => {
  const { fileSize, rotateSeconds, fileCount, ring = [], autostop = [], headersOnly: cut } = options;
  if (fileSize !== undefined) return '-C';
  if (options.only !== undefined) return '--only';
  if (rotateSeconds !== undefined) return '-G';
  if (fileCount !== undefined) return '-W';
  if (ring.length > 0) return '-b';
  if (cut === true) return '--headers-only';
  if (isAnonymised(options)) return '--anonymise';
  const [first] = autostop.filter(({ name }) => name === 'filesize' || name === 'files');
  return first === undefined ? null : `-a ${first.text}`;
};

const rotationOf = ({ fileSize, rotateSeconds, fileCount, ring = [], autostop = [] }: SaveArguments): Rotation | null => {
  if (ring.length > 0) {
    const other = fileSize !== undefined ? '-C' : rotateSeconds !== undefined ? '-G' : fileCount !== undefined ? '-W' : null;
    if (other !== null) throw usageError(`-b is dumpcap's rotation and ${other} is tcpdump's: they cannot be mixed`);
    return dumpcapRotation(ring, autostop);
  }
  if (fileSize === undefined && rotateSeconds === undefined) {
    if (fileCount !== undefined)
      throw usageError('-W counts the files of a rotation, and there is none', { hint: '-C SIZE or -G SECONDS makes one' });
    return null;
  }
  return { kind: 'tcpdump', sizeBytes: fileSize ?? null, seconds: rotateSeconds ?? null, count: fileCount ?? null };
};

const dumpcapRotation = (ring: readonly Criterion[], autostop: readonly Criterion[]): DumpcapRotation => {
  const files = criterionOf(ring, 'files');
  if (files !== null && files > MAX_RING_FILES) throw usageError(`-b files: takes at most ${MAX_RING_FILES}`);
  // dumpcap(1): with -b, the autostop's size leads to the next file.
  const sizes = [criterionOf(ring, 'filesize'), criterionOf(autostop, 'filesize')].filter((size) => size !== null);
  const seconds = criterionOf(ring, 'duration');
  const rotation: DumpcapRotation = {
    kind: 'dumpcap',
    durationMs: seconds === null ? null : seconds * 1000,
    sizeBytes: sizes.length === 0 ? null : Math.min(...sizes) * DUMPCAP_FILESIZE_UNIT,
    packets: criterionOf(ring, 'packets'),
    intervalSec: criterionOf(ring, 'interval'),
    files,
  };
  const { durationMs, sizeBytes, packets, intervalSec } = rotation;
  if (durationMs === null && sizeBytes === null && packets === null && intervalSec === null)
    throw usageError('-b files: says how many files are kept, not when the next one begins', {
      hint: 'add -b filesize:KB, -b duration:SECONDS, -b interval:SECONDS or -b packets:N',
    });
  return rotation;
};

const autostopOf = ({ autostop = [] }: SaveArguments, rotation: Rotation | null): Autostop | null => {
  const files = criterionOf(autostop, 'files');
  const size = criterionOf(autostop, 'filesize');
  const packets = criterionOf(autostop, 'packets');
  if (files !== null && rotation === null)
    throw usageError('-a files: ends after so many files, and there is one only', { hint: '-b or -C makes more' });
  if (size !== null && rotation?.kind === 'tcpdump')
    throw usageError('-a filesize: ends with the size of one file, and -C and -G make several', { hint: 'say -C SIZE and -a files:N' });
  const bytes = size === null || rotation !== null ? null : size * DUMPCAP_FILESIZE_UNIT;
  return files === null && bytes === null && packets === null ? null : { bytes, files, packets };
};

export const checkFileName = (path: string, rotation: Rotation | null = null): void => {
  if (path === '') throw usageError('-w needs the name of a file');
  if (path.includes('\0')) throw usageError('the name of a file has no zero byte in it');
  if (path === '-') {
    if (rotation !== null) throw usageError('standard output is one file: -C, -G, -W and -b need a name');
    return;
  }
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === '' || name === '.' || name === '..' || isFolder(path))
    throw usageError(`${path} is a folder`, { hint: `name a file in it: ${path.replace(/\/+$/, '')}/capture.pcapng` });
  const sample = rotation?.kind === 'tcpdump' && rotation.seconds !== null ? strftime(path, new Date()) : path;
  if (Buffer.byteLength(sample.slice(sample.lastIndexOf('/') + 1)) > NAME_MAX)
    throw usageError(`the name of the file is longer than ${NAME_MAX} bytes`);
};

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
