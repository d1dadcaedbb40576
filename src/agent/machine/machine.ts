/**
 * The machine that is looked at: this one, or one that only a shell reaches. Whatever the agent asks of it goes through here, so that there is
 * one collector for both.
 */
import type { RunOptions, RunResult } from '../programs.ts';

/** Commands run in another namespace get this before them: `nsenter --net=… --`. */
export type Enter = readonly string[];

/** Where a command runs: on a machine, in its own network namespace or in another one. */
export interface Place {
  readonly machine: Machine;
  readonly enter: Enter;
}

/** A process that is in the namespace; with its start time it is one process for ever, until the next boot. */
export interface NetnsProcess {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat; null where it was never read, and then nothing guards against a number that was given away again. */
  readonly startTime: string | null;
}

export interface NetnsHandle {
  readonly id: string;
  /** The command line before a program's own. Good until `close`. */
  readonly enter: Enter;
  /** An open handle keeps the namespace alive after its last process: nobody holds one longer than needed. */
  close(): void;
}

/** What /proc tells of one process, read while it was the same process; proc(5). */
export interface ProcessLook {
  readonly startTime: string | null;
  /** Inode of its network namespace; null where it cannot be read, and `problem` says why. */
  readonly netns: string | null;
  readonly problem: string;
  /** False where another process got the number while this was read. */
  readonly isSame: boolean;
  readonly cgroup: string | null;
  readonly mountinfo: string | null;
}

/** Told when the way to the machine breaks and when it is there again. */
export type ReachListener = (isUp: boolean, message: string) => void;

export interface Machine {
  /** How people name it; null for the machine that this program runs on. */
  readonly remote: string | null;
  hostname(): Promise<string>;
  /** Never rejects: a program that is missing, fails or hangs is a result like any other. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  find(program: string): string | null;
  exists(path: string): Promise<boolean>;
  readText(path: string): Promise<string | null>;
  look(pid: number | 'self'): Promise<ProcessLook>;
  /** Processes with this name (`comm`) in the network namespace with this inode. */
  processesNamed(name: string, netns: string): Promise<number[]>;
  /** The net sysctls of its own namespace, as `sysctl net` prints them. */
  readSysctls(): Promise<string>;
  /** The namespace `id` by a file that leads to it, `process` being whose file that is; null where it is not there any more. */
  openNetns(id: string, path: string, process: NetnsProcess | null): Promise<NetnsHandle | null>;
  /** Runs a program that prints until it is ended, and that ends with this process. */
  follow(argv: readonly string[], listener: { output(chunk: Buffer): void; ended(): void }): { release(): void };
  onReach(listener: ReachListener): () => void;
  /** Throws where the machine cannot be asked at all just now: what is known of it stays as it is. */
  assertReached(): void;
}
