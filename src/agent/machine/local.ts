/** The machine that this program runs on: its own programs and files. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { Leash } from '../leash.ts';
import { openMountedNetns, openProcessNetns } from '../netns-handle.ts';
import { netnsOf, netnsProblem, processesNamed, readText, startTimeOf } from '../processes.ts';
import { findProgram, run } from '../programs.ts';
import { readSysctls } from '../sysctls.ts';
import type { Machine, ProcessLook } from './machine.ts';

export const localMachine = (): Machine => ({
  remote: null,
  hostname: async () => hostname(),
  run,
  find: findProgram,
  exists: async (path) => existsSync(path),
  readText: async (path) => readText(path),
  look: async (pid) => (pid === 'self' ? look(process.pid) : look(pid)),
  processesNamed: async (name, netns) => processesNamed(name, netns),
  readSysctls: async () => readSysctls(),
  openNetns: async (id, path, owner) => (owner === null ? openMountedNetns(id, path) : openProcessNetns(id, owner)),
  follow: (argv, listener) => new Leash(argv, listener),
  onReach: () => () => {},
  assertReached: () => {},
});

const look = (pid: number): ProcessLook => {
  const startTime = startTimeOf(pid);
  const cgroup = readText(`/proc/${pid}/cgroup`);
  const mountinfo = readText(`/proc/${pid}/mountinfo`);
  const netns = netnsOf(pid);
  const problem = netns === null ? netnsProblem(pid) : '';
  return { startTime, netns, problem, cgroup, mountinfo, isSame: startTimeOf(pid) === startTime };
};
