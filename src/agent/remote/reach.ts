/**
 * Programs on another machine, by the system's own ssh and over one connection that all share; ssh(1), ControlMaster in ssh_config(5). What
 * they are told to do comes on the far shell's standard input: the login shell there, whichever it is, reads nothing but `exec sh`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { shellWord } from '../../base/shell-word.ts';

export interface RemoteReach {
  /** ssh and its arguments up to the command. */
  readonly ssh: readonly string[];
  /** What stands before a program that root's privileges are wanted for: `sudo -n`, or nothing. */
  readonly asRoot: string;
  readonly env: Readonly<Record<string, string>>;
}

const SYSTEM_FOLDERS = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Before any script: administrators' programs are found, and they speak as expected. */
export const PRELUDE = `PATH="$PATH:${SYSTEM_FOLDERS}"; LC_ALL=C; LANG=C; export PATH LC_ALL LANG`;

/** A shell there, which does what it reads. */
export const spawnShell = ({ ssh, asRoot, env }: RemoteReach): ChildProcess => {
  const [program, ...args] = ssh;
  return spawn(program as string, [...args, `exec ${asRoot}sh`], { env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
};

/**
 * Runs a script there with `argv` as its arguments. The script is one compound command, which a shell has read to its end before it begins: what
 * is written to standard input later is the script's own to read.
 */
export const spawnRemote = (reach: RemoteReach, script: string, argv: readonly string[]): ChildProcess => {
  const child = spawnShell(reach);
  child.stdin?.on('error', () => {}); // it has ended: 'close' follows
  child.stdin?.write(`${PRELUDE}; set -- ${argv.map(shellWord).join(' ')}; {\n${script}\n}; exit\n`);
  return child;
};
