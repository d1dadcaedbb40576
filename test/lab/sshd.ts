/**
 * A real sshd on a lab host, for whoever stands outside: its own keys, its own empty /tmp and home, and no Node to be found. `bin` has an ssh that
 * knows the way and nothing of the machine's own configuration.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabHost } from './lab.ts';

export interface LabSshd {
  /** A folder for PATH. */
  readonly bin: string;
  /** The alias that its ssh knows, and one whose host key it does not. */
  readonly name: string;
  readonly stranger: string;
  /** Files that were left in /tmp and at home there. */
  files(): string[];
  /** Processes of connections, by what they run. */
  processes(): string[];
  /** Breaks all connections; sshd goes on. */
  cut(): void;
  /** From now on no key opens it. */
  changeLocks(): void;
  stop(): void;
}

const PORT = 2222;

/** Ends with its standard input, also when the tests are killed. */
const START = `mkdir -p /run/sshd
mount -t tmpfs none /tmp; mount -t tmpfs -o mode=700 none /root; mount -t tmpfs -o mode=755 none /run/sshd
mount --bind /dev/null "$2"
/usr/sbin/sshd -D -e -f "$1" 2>"$1.log" &
daemon=$!
cat >/dev/null
for child in $(cat /proc/$daemon/task/*/children); do kill $child; done
kill $daemon`;

export const startSshd = async (host: LabHost): Promise<LabSshd> => {
  const folder = mkdtempSync('/var/tmp/vethscope-sshd-');
  const file = (name: string): string => join(folder, name);
  for (const key of ['host', 'person']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  const publicKey = (name: string): string =>
    readFileSync(file(`${name}.pub`), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
  writeFileSync(file('authorized'), `${publicKey('person')}\n`);
  writeFileSync(file('known'), `[203.0.113.1]:${PORT} ${publicKey('host')}\n`);
  const daemon = [
    `Port ${PORT}`,
    'ListenAddress 203.0.113.1',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized')}`,
    `PidFile ${file('pid')}`,
    'UsePAM no',
    'StrictModes no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    `SetEnv DOCKER_HOST=${host.dockerHost}`,
  ];
  writeFileSync(file('sshd_config'), `${daemon.join('\n')}\n`);
  const client = [
    'Host stranger',
    '  UserKnownHostsFile /dev/null',
    'Host there stranger',
    '  HostName 203.0.113.1',
    `  Port ${PORT}`,
    '  User root',
    'Host *',
    `  IdentityFile ${file('person')}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${file('known')}`,
    '  GlobalKnownHostsFile /dev/null',
  ];
  writeFileSync(file('ssh_config'), `${client.join('\n')}\n`);
  mkdirSync(file('bin'));
  writeFileSync(file('bin/ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${file('ssh_config')} "$@"\n`, {
    mode: 0o755,
  });

  const [program, ...args] = host.wrap(['unshare', '-m', 'sh', '-c', START, 'sh', file('sshd_config'), process.execPath]);
  const shell: ChildProcess = spawn(program as string, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  for (let round = 0; ; round++) {
    const log = tryRead(file('sshd_config.log'));
    if (log.includes('listening on')) break;
    if (round > 300) throw new Error(`sshd did not start: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const daemonPid = Number(readFileSync(file('pid'), 'utf8'));

  const below = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...below(child)]);
  return {
    bin: file('bin'),
    name: 'there',
    stranger: 'stranger',
    files: () =>
      execFileSync('find', [`/proc/${daemonPid}/root/tmp`, `/proc/${daemonPid}/root/root`, '-mindepth', '1'], { encoding: 'utf8' })
        .split('\n')
        .filter(Boolean),
    processes: () => below(daemonPid).map((pid) => tryRead(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()),
    cut: () => {
      for (const pid of childrenOf(daemonPid)) process.kill(pid, 'SIGKILL');
    },
    changeLocks: () => writeFileSync(file('authorized'), ''),
    stop: () => {
      shell.stdin?.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const childrenOf = (pid: number): number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      tryRead(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return []; // it has ended
  }
};

const tryRead = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
