/**
 * Runs other programs the way the agent must: no shell, a fixed locale, nothing of the caller's environment beyond PATH, a time limit
 * and a size limit. What a program prints on stderr is only used to say why it failed.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  /** Text for its stdin; without it stdin is /dev/null. */
  readonly input?: string;
  /** Keeps only so many lines and ends the program there. */
  readonly maxLines?: number;
}

export type RunResult =
  | { readonly ok: true; readonly stdout: string; readonly stderr: string; readonly truncated: boolean }
  | { readonly ok: false; readonly reason: string; readonly notFound: boolean; readonly stdout: string };

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const MAX_STDERR_BYTES = 4096;

/** People's PATH often lacks the folders for administrators' programs. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export const searchPath = (): string => {
  const own = (process.env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/'));
  return [...new Set([...own, ...SYSTEM_FOLDERS])].join(':');
};

/** The environment of every program that the agent starts. */
export const cleanEnvironment = (): NodeJS.ProcessEnv => ({ PATH: searchPath(), LC_ALL: 'C', LANG: 'C' });

export const findProgram = (name: string): string | null => {
  for (const folder of searchPath().split(':')) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder: the next one
    }
  }
  return null;
};

/** Never rejects: a program that is missing, fails or hangs is a result like any other. */
export const run = (program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
  new Promise((resolve) => {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, maxBytes = DEFAULT_MAX_BYTES, input, maxLines } = options;
    const child = spawn(program, [...args], {
      env: cleanEnvironment(),
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let lines = 0;
    let stderr = '';
    let ended: 'timeout' | 'size' | 'lines' | null = null;
    const end = (why: 'timeout' | 'size' | 'lines'): void => {
      ended = why;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => end('timeout'), timeoutMs);
    const text = (): string => {
      const whole = Buffer.concat(chunks).toString('utf8');
      return maxLines === undefined ? whole : firstLines(whole, maxLines);
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      if (ended !== null) return;
      chunks.push(chunk);
      bytes += chunk.length;
      if (maxLines !== undefined) lines += countLines(chunk);
      if (bytes > maxBytes) end('size');
      else if (maxLines !== undefined && lines > maxLines) end('lines');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      if (stderr.length < MAX_STDERR_BYTES) stderr += chunk.toString('utf8');
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const notFound = error.code === 'ENOENT';
      resolve({ ok: false, notFound, reason: notFound ? `${program} is not installed` : `${program}: ${error.message}`, stdout: '' });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (ended === 'lines') resolve({ ok: true, stdout: text(), stderr, truncated: true });
      else if (ended === 'timeout') resolve(failed(`${program} gave no answer within ${timeoutMs / 1000} s`, text()));
      else if (ended === 'size') resolve(failed(`${program} printed more than ${maxBytes} bytes`, ''));
      else if (code === 0) resolve({ ok: true, stdout: text(), stderr, truncated: false });
      else resolve(failed(`${program} failed (${signal ?? `exit ${code}`})${stderr === '' ? '' : `: ${lastLine(stderr)}`}`, text()));
    });
    if (input !== undefined && child.stdin !== null) {
      child.stdin.on('error', () => {}); // it may exit before reading all: its exit code tells
      child.stdin.end(input);
    }
  });

/** Runs jobs with at most `limit` at a time, keeping their order. */
export const inParallel = async <Job, Result>(
  jobs: readonly Job[],
  limit: number,
  work: (job: Job) => Promise<Result>,
): Promise<Result[]> => {
  const results = new Array<Result>(jobs.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < jobs.length) {
      const index = next++;
      results[index] = await work(jobs[index] as Job);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, jobs.length) }, worker));
  return results;
};

/** The last line that says something, for use behind a colon. */
export const lastLine = (text: string): string => {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return (lines[lines.length - 1] ?? '').trim().slice(0, 300);
};

const failed = (reason: string, stdout: string): RunResult => ({ ok: false, notFound: false, reason, stdout });

const countLines = (chunk: Buffer): number => {
  let count = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count++;
  return count;
};

const firstLines = (text: string, limit: number): string => {
  let at = -1;
  for (let line = 0; line < limit; line++) {
    at = text.indexOf('\n', at + 1);
    if (at < 0) return text;
  }
  return text.slice(0, at + 1);
};
