/**
 * What a trace has to leave as it was, kept by a process of its own: a shell in its own session waits on a pipe whose other end only the agent
 * holds. When the pipe ends, by our will or because the agent or main is gone, it puts everything back. No clock has a part in it. What is to
 * be put back also stands in a file under /run, for the next trace to do where the keeper was killed together with the agent.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, netnsOf, startTimeOf } from './processes.ts';
import { cleanEnvironment } from './programs.ts';
import { TRACE_TABLE_PREFIX } from './trace-rules.ts';

/** A logger of a protocol family: nf_log.c; `NONE` where there is none. */
export interface LoggerSetting {
  readonly family: LoggerFamily;
  readonly before: string;
}

/** AF_INET, AF_INET6. */
export type LoggerFamily = 2 | 10;

export interface Undo {
  /** Tables that the kernel does not delete by itself, `inet NAME`. */
  readonly tables: readonly string[];
  readonly loggers: readonly LoggerSetting[];
}

export const NFLOG = 'nfnetlink_log';

export const loggerPath = (family: LoggerFamily): string => `/proc/sys/net/netfilter/nf_log/${family}`;

const FOLDER = '/run/vethscope';
const TABLE = new RegExp(`^(inet|bridge) ${TRACE_TABLE_PREFIX}[0-9]+_[0-9]+$`);
const LOGGER = /^[A-Za-z0-9_-]{1,64}$/;

/** Only what is still as the trace made it is put back: who changed it since then has the last word. */
const undoScript = (undo: Undo): string =>
  [
    ...undo.tables.filter((table) => TABLE.test(table)).map((table) => `nft delete table ${table} 2>/dev/null`),
    ...undo.loggers
      .filter((setting) => LOGGER.test(setting.before))
      .map(({ family, before }) => `[ "$(cat ${loggerPath(family)})" = ${NFLOG} ] && echo ${before} >${loggerPath(family)}`),
    'true',
  ].join('\n');

/** Puts things back when it is released, or when this process ends. */
export class TraceKeeper {
  readonly #undo: Undo;
  readonly #file: string | null;
  #shell: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #released = false;

  constructor(undo: Undo) {
    this.#undo = undo;
    this.#file = writeNote(undo);
    this.#start();
  }

  /** Settles when everything is as it was. */
  async release(): Promise<void> {
    this.#released = true;
    this.#shell?.stdin?.end();
    await this.#ended;
  }

  #start(): void {
    const script = `trap '' HUP INT TERM\nwhile read -r _; do :; done\n${undoScript(this.#undo)}\n[ -z "$1" ] || rm -f "$1"`;
    const shell = spawn('sh', ['-c', script, 'sh', this.#file ?? ''], {
      detached: true,
      env: cleanEnvironment(),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#shell = shell;
    shell.stdin?.on('error', () => {}); // it has ended: 'close' follows
    this.#ended = new Promise((resolve) => {
      shell.on('error', () => resolve());
      shell.on('close', (_code, signal) => {
        // Killed by somebody: another one takes its place, and puts back what it could not.
        if (signal !== null) {
          this.#start();
          if (this.#released) this.#shell?.stdin?.end();
          void this.#ended.then(resolve);
        } else resolve();
      });
    });
  }
}

/** A note names the process that it belongs to, so that a later one can tell whether that is gone. */
interface Note extends Undo {
  readonly pid: number;
  readonly startTime: string | null;
  readonly netns: string;
}

const writeNote = (undo: Undo): string | null => {
  const netns = netnsOf('self');
  if (netns === null) return null;
  const note: Note = { ...undo, pid: process.pid, startTime: startTimeOf(process.pid), netns };
  const file = join(FOLDER, `trace-${process.pid}-${process.hrtime.bigint()}.json`);
  try {
    mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
    writeFileSync(file, JSON.stringify(note), { mode: 0o600 });
    return file;
  } catch {
    // /run cannot be written here: the keeper alone must do
    return null;
  }
};

interface Leftover {
  readonly file: string;
  readonly undo: Undo;
}

/** Notes of this namespace whose process is gone. */
const leftovers = (): readonly Leftover[] => {
  const netns = netnsOf('self');
  return filesIn(FOLDER).flatMap((name) => {
    if (!/^trace-[0-9]+-[0-9]+\.json$/.test(name)) return [];
    const file = join(FOLDER, name);
    const note = readNote(file);
    if (note === null || note.netns !== netns || isSame(note)) return [];
    return [{ file, undo: note }];
  });
};

const isSame = (note: Note): boolean => note.startTime !== null && isRunning(note.pid, note.startTime);

/** What a killed trace has left, in words for `doctor`. */
export const describeLeftovers = (): string[] =>
  leftovers().flatMap(({ undo }) => [
    ...undo.tables.map((table) => `the table ${table}`),
    ...undo.loggers
      .filter(({ family }) => currentLogger(family) === NFLOG)
      .map(({ family, before }) => `net.netfilter.nf_log.${family} = ${NFLOG}, which was ${before}`),
  ]);

/** Puts back what killed traces of this namespace have left. */
export const sweepLeftovers = async (): Promise<void> => {
  for (const { file, undo } of leftovers()) {
    const shell = spawn('sh', ['-c', undoScript(undo)], { env: cleanEnvironment(), stdio: 'ignore' });
    await new Promise<void>((resolve) => {
      shell.on('error', () => resolve());
      shell.on('close', () => resolve());
    });
    rmSync(file, { force: true });
  }
};

/** Null where the kernel or its module has no such setting. */
export const currentLogger = (family: LoggerFamily): string | null => {
  try {
    return readFileSync(loggerPath(family), 'latin1').trim();
  } catch {
    return null;
  }
};

const filesIn = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

const readNote = (file: string): Note | null => {
  try {
    const note = JSON.parse(readFileSync(file, 'utf8')) as Note;
    const sound =
      Number.isInteger(note.pid) &&
      note.tables.every((table) => TABLE.test(table)) &&
      note.loggers.every(({ family, before }) => (family === 2 || family === 10) && LOGGER.test(before));
    return sound ? note : null;
  } catch {
    return null;
  }
};
