/** Main's side of another machine: the connection is made where a person can answer ssh's questions, before the agent starts and screens open. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { failure } from '../../base/errors.ts';
import { findProgram, lastLine } from '../programs.ts';
import { type Destination, destinationArguments, parseDestination } from './destination.ts';
import { makeControlFolder, openMaster, sshEnvironment } from './master.ts';
import { type RemoteReach, spawnRemote } from './reach.ts';

/** All that the agent must know of a machine. */
export interface RemoteLink {
  readonly destination: Destination;
  readonly controlPath: string;
  readonly reach: RemoteReach;
  readonly hostname: string;
  readonly uid: number;
  /** Program -> its path there, null where it is missing. */
  readonly programs: Readonly<Record<string, string | null>>;
  /** Its clock, less ours, in seconds. */
  readonly clockAheadSec: number;
}

export interface OpenLink {
  readonly link: RemoteLink;
  /** Ends the connection; nothing of it is left on either side. */
  close(): void;
}

const PROGRAMS = (
  'ip bridge nsenter lsns ss tcpdump nft ipset conntrack mkfifo docker xtables-monitor hping3 timeout head readlink grep cat ' +
  'iptables-save iptables-nft-save iptables-legacy-save ip6tables-save ip6tables-nft-save ip6tables-legacy-save'
).split(' ');

const QUESTIONS = `id -u || echo -
uname -n || echo -
date +%s || echo -
if sudo -n true </dev/null 2>/dev/null; then echo sudo; else echo -; fi
for program in "$@"; do command -v "$program" || echo -; done`;

const PROBE_WITHIN_MS = 20_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `tellPerson`: see `openMaster`. */
export const openLink = async (on: string, tellPerson: ((line: string) => void) | null): Promise<OpenLink> => {
  const destination = parseDestination(on);
  const controlPath = join(makeControlFolder(), 'ssh');
  const remove = (): void => rmSync(dirname(controlPath), { recursive: true, force: true });
  const afterSignals = beforeSignals(remove);
  try {
    const master = await openMaster(destination, controlPath, tellPerson);
    const close = (): void => {
      master.close();
      remove();
    };
    try {
      return { link: await lookAround(destination, controlPath), close };
    } catch (error) {
      close();
      throw error;
    }
  } catch (error) {
    remove();
    throw error;
  } finally {
    afterSignals();
  }
};

/** Ctrl-C while ssh asks: nobody else would tidy up, as no agent runs yet. Returns the way to leave signals alone again. */
const beforeSignals = (tidy: () => void): (() => void) => {
  const ended = (signal: NodeJS.Signals): void => {
    tidy();
    leave();
    process.kill(process.pid, signal);
  };
  const leave = (): void => {
    for (const signal of SIGNALS) process.off(signal, ended);
  };
  for (const signal of SIGNALS) process.on(signal, ended);
  return leave;
};

const lookAround = async (destination: Destination, controlPath: string): Promise<RemoteLink> => {
  const shared = ['-T', '-S', controlPath, '-o', 'ControlMaster=no', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10'];
  const ssh = [findProgram('ssh') ?? 'ssh', ...shared, ...destinationArguments(destination)];
  const reach: RemoteReach = { ssh, asRoot: '', env: sshEnvironment() };
  const lines = (await ask(reach, destination)).split('\n');
  const [uid = '', hostname = '', clock = '', sudo = '', ...paths] = lines;
  if (!/^\d+$/.test(uid) || paths.length < PROGRAMS.length)
    throw failure(`${destination.name} has no shell that could be asked`, {
      detail: lines.join(' ').slice(0, 200),
      hint: 'vethscope needs a POSIX shell with id, uname, date there',
    });
  return {
    destination,
    controlPath,
    reach: { ...reach, asRoot: uid !== '0' && sudo === 'sudo' ? 'sudo -n ' : '' },
    hostname,
    uid: Number(uid),
    programs: Object.fromEntries(PROGRAMS.map((name, index) => [name, paths[index]?.startsWith('/') === true ? paths[index] : null])),
    clockAheadSec: Number(clock) - Math.floor(Date.now() / 1000),
  };
};

const ask = (reach: RemoteReach, { name }: Destination): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawnRemote(reach, QUESTIONS, PROGRAMS);
    let stdout = '';
    let stderr = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), PROBE_WITHIN_MS);
    child.stdin?.end();
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (stdout === '') reject(failure(`${name} runs no shell for us`, { detail: lastLine(stderr) || `ssh ended (${code})` }));
      else resolve(stdout);
    });
  });
