/**
 * When a session that is being saved goes on in another file, and what that is called: tcpdump(8) -C, -G and -W, dumpcap(1) -b.
 */
import { strftime } from './strftime.ts';

/** -C, -G and -W. At least one of the first two is given. */
export interface TcpdumpRotation {
  readonly kind: 'tcpdump';
  readonly sizeBytes: number | null;
  readonly seconds: number | null;
  readonly count: number | null;
}

/** -b. At least one criterion beside `files` is given. */
export interface DumpcapRotation {
  readonly kind: 'dumpcap';
  readonly durationMs: number | null;
  readonly sizeBytes: number | null;
  readonly packets: number | null;
  readonly intervalSec: number | null;
  /** So many files are kept; null for all. */
  readonly files: number | null;
}

export type Rotation = TcpdumpRotation | DumpcapRotation;

/** What the current file has come to. */
export interface FileProgress {
  readonly bytes: number;
  readonly packets: number;
  readonly sinceMs: number;
}

export type RotationCause = 'size' | 'time';

export interface NextFile {
  readonly path: string;
  /** The oldest file of a ring, whose time is over; null for none. */
  readonly removes: string | null;
}

/** Names the files of one rotation, one after another. */
export interface FileNames {
  /** No other file follows when the current one's time is over. */
  readonly isLast: boolean;
  first(nowMs: number): string;
  /** Null where the last file has been written. */
  next(cause: RotationCause, nowMs: number): NextFile | null;
}

/** Whether a new file is due before the next packet is written. */
export const rotationCause = (rotation: Rotation, progress: FileProgress, nowMs: number): RotationCause | null => {
  switch (rotation.kind) {
    case 'tcpdump': {
      const { seconds, sizeBytes } = rotation;
      // tcpdump counts whole seconds of the clock.
      if (seconds !== null && Math.floor(nowMs / 1000) - Math.floor(progress.sinceMs / 1000) >= seconds) return 'time';
      return sizeBytes !== null && progress.packets > 0 && progress.bytes > sizeBytes ? 'size' : null;
    }
    case 'dumpcap': {
      if (isTimeUp(rotation, progress, nowMs)) return 'time';
      const { sizeBytes, packets } = rotation;
      if (packets !== null && progress.packets >= packets) return 'size';
      return sizeBytes !== null && progress.packets > 0 && progress.bytes >= sizeBytes ? 'size' : null;
    }
  }
};

const isTimeUp = ({ durationMs, intervalSec }: DumpcapRotation, progress: FileProgress, nowMs: number): boolean => {
  if (durationMs !== null && nowMs - progress.sinceMs >= durationMs) return true;
  return intervalSec !== null && Math.floor(nowMs / 1000 / intervalSec) > Math.floor(progress.sinceMs / 1000 / intervalSec);
};

export const fileNames = (path: string, rotation: Rotation): FileNames =>
  rotation.kind === 'tcpdump' ? tcpdumpNames(path, rotation) : dumpcapNames(path, rotation);

/** With -W: as many digits as the last number needs, from 0 on; without: the first file has none. */
const tcpdumpNames = (path: string, { sizeBytes, seconds, count }: TcpdumpRotation): FileNames => {
  const width = count === null || count === 1 || sizeBytes === null ? 0 : String(count - 1).length;
  let windows = 0;
  let number = 0;
  let windowMs = 0;
  const name = (): string => {
    const base = seconds === null ? path : strftime(path, new Date(windowMs));
    return number === 0 && width === 0 ? base : `${base}${String(number).padStart(width, '0')}`;
  };
  return {
    get isLast() {
      return sizeBytes === null && count !== null && windows + 1 >= count;
    },
    first: (nowMs) => {
      windowMs = nowMs;
      return name();
    },
    next: (cause, nowMs) => {
      if (cause === 'time') {
        if (sizeBytes === null && count !== null && windows + 1 >= count) return null;
        windows++;
        windowMs = nowMs;
        number = 0;
      } else {
        number++;
        // Where both are given, -W only shapes the name.
        if (seconds === null && count !== null && number >= count) number = 0;
      }
      return { path: name(), removes: null };
    },
  };
};

/** `name_00001_20261121031405.pcapng`; numbers go on in a ring, whose oldest file is removed. */
const dumpcapNames = (path: string, { files }: DumpcapRotation): FileNames => {
  const written: string[] = [];
  let number = 0;
  const next = (nowMs: number): string => {
    const made = numberedName(path, ++number, nowMs);
    written.push(made);
    return made;
  };
  return {
    isLast: false,
    first: next,
    next: (_cause, nowMs) => {
      const made = next(nowMs);
      return { path: made, removes: files !== null && written.length > files ? (written.shift() ?? null) : null };
    },
  };
};

export const numberedName = (path: string, number: number, nowMs: number): string => {
  const slash = path.lastIndexOf('/') + 1;
  const dot = path.lastIndexOf('.');
  const end = dot > slash ? dot : path.length;
  const stamp = strftime('%Y%m%d%H%M%S', new Date(nowMs));
  return `${path.slice(0, end)}_${String(number).padStart(5, '0')}_${stamp}${path.slice(end)}`;
};
