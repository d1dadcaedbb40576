/** Names for network namespaces of a test's own, by which a later run finds and removes what a killed one left behind. */
import { execFileSync, spawnSync } from 'node:child_process';
import { startOf } from './processes.ts';

/** Holds the process and when it began, for process ids come again. */
export const namespaceName = (prefix: string, label: string): string => `${prefix}-${process.pid}-${startOf(process.pid)}-${label}`;

/** Another run may remove the same leftover at the same time. */
export const removeStaleNamespaces = (prefix: string): void => {
  for (const line of execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n')) {
    const name = line.split(' ')[0] ?? '';
    const [, pid, began] = new RegExp(`^${prefix}-(\\d+)-(\\d+)-`).exec(name) ?? [];
    if (pid !== undefined && startOf(Number(pid)) !== began) spawnSync('ip', ['netns', 'del', name]);
  }
};
