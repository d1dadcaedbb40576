/**
 * A way into a network namespace that cannot become a way into another one: a descriptor that is open on it for as long as it is used.
 * Process ids come round again, and so do namespaces' inodes, sooner than one thinks: proc_alloc_inum (fs/proc/generic.c) gives the lowest
 * free number, so a container that is restarted mostly gets the inode it had. Hence the start time too. namespaces(7), proc_pid_stat(5).
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { NetnsHandle, NetnsProcess } from './machine/machine.ts';
import { startTimeOf } from './processes.ts';

/** What the kernel says, so that tests can say what a reused number would look like. */
export interface NetnsFiles {
  open(path: string): number;
  inodeOf(fd: number): string;
  close(fd: number): void;
  startTimeOf(pid: number): string | null;
}

/** O_NONBLOCK: a name that has become a FIFO meanwhile must not hold the agent up. */
const KERNEL: NetnsFiles = {
  open: (path) => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
  inodeOf: (fd) => String(fstatSync(fd, { bigint: true }).ino),
  close: closeSync,
  startTimeOf,
};

/**
 * The namespace `id` by one of its processes. First it is opened, then asked whose it is: a process that still has the start time
 * had the number all the time, so it was its namespace that was opened. Null where it is not there any more.
 */
export const openProcessNetns = (id: string, { pid, startTime }: NetnsProcess, files: NetnsFiles = KERNEL): NetnsHandle | null =>
  openNetns(id, `/proc/${pid}/ns/net`, () => startTime === null || files.startTimeOf(pid) === startTime, files);

/** The namespace `id` by a file that it is mounted on. */
export const openMountedNetns = (id: string, path: string, files: NetnsFiles = KERNEL): NetnsHandle | null =>
  openNetns(id, path, () => true, files);

const openNetns = (id: string, path: string, isStillIts: () => boolean, files: NetnsFiles): NetnsHandle | null => {
  let fd: number;
  try {
    fd = files.open(path);
  } catch {
    // the process has ended, the mount is gone, or we may not: either way there is no way in
    return null;
  }
  if (files.inodeOf(fd) !== id || !isStillIts()) {
    files.close(fd);
    return null;
  }
  let isOpen = true;
  return {
    id,
    enter: ['nsenter', `--net=/proc/${process.pid}/fd/${fd}`, '--'],
    close: () => {
      if (isOpen) files.close(fd);
      isOpen = false;
    },
  };
};
