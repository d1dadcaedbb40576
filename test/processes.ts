/** Processes of the machine as tests look at them: proc(5). A zombie has ended: it only waits for its parent to take notice. */
import { readdirSync, readFileSync } from 'node:fs';

interface ProcessStat {
  readonly state: string;
  readonly parent: number;
  /** In clock ticks since boot. */
  readonly started: string;
}

const statOf = (pid: number): ProcessStat | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', parent: Number(fields[1]), started: fields[19] ?? '' };
  } catch {
    return null;
  }
};

export const isAlive = (pid: number): boolean => {
  const state = statOf(pid)?.state ?? 'X';
  return state !== 'Z' && state !== 'X';
};

/** With the process id this names one process for ever, until the next boot. Empty: it has ended. */
export const startOf = (pid: number): string => (isAlive(pid) ? (statOf(pid)?.started ?? '') : '');

export const childrenOf = (pid: number): number[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((child) => statOf(child)?.parent === pid);
