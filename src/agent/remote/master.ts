/**
 * The one connection that everything goes over: an ssh that does nothing but hold it, on a leash. Host keys, keys, passwords and jump hosts
 * are ssh's own business, by the person's own configuration; nothing here loosens a check. ssh(1), ssh_config(5).
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, missingError, type VethscopeError } from '../../base/errors.ts';
import { Leash } from '../leash.ts';
import { cleanEnvironment, findProgram, lastLine } from '../programs.ts';
import { type Destination, destinationArguments } from './destination.ts';

/** ssh adds 17 characters to it while it makes the socket, and a socket's path has room for 107. */
const MAX_CONTROL_PATH = 85;
const POLL_MS = 25;
const ANSWER_WITHIN_MS = 20_000;
/** A person types a password, perhaps first one for a machine on the way. */
const PERSON_WITHIN_MS = 180_000;
const CONNECT_WITHIN_SEC = { alone: 10, withPerson: 30 };
const MAX_SAID = 8192;
/** ssh has written its next question to the terminal before this gets there; that it asks anew says as much. */
const TRIES_AGAIN = /please try again\.?\s*$/;
/** ssh without a session gives its standard output up at once; the leash takes the end of that for the end of the program. */
const HOLD = `"$@" &
child=$!
trap 'kill $child' TERM
wait $child`;

export interface Master {
  readonly controlPath: string;
  close(): void;
}

/** A folder of our own, 0700: whoever can open the socket in it is logged in there. */
export const makeControlFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-'));
  if (join(folder, 'ssh').length <= MAX_CONTROL_PATH) return folder;
  rmSync(folder, { recursive: true, force: true });
  return mkdtempSync('/tmp/vethscope-');
};

/** What ssh must know of its caller: where the configuration, the agent and the person are. */
export const sshEnvironment = (): Record<string, string> => {
  const names = ['HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'SSH_ASKPASS', 'SSH_ASKPASS_REQUIRE', 'DISPLAY', 'WAYLAND_DISPLAY', 'TERM'];
  const given = names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] as string] as const]));
  return { ...(cleanEnvironment() as Record<string, string>), ...Object.fromEntries(given) };
};

/**
 * `tellPerson`: a person sits at a terminal, where ssh may ask for a password or about a host key, and is told what else it says, line by line;
 * null where nobody does.
 */
export const openMaster = async (
  destination: Destination,
  controlPath: string,
  tellPerson: ((line: string) => void) | null,
): Promise<Master> => {
  const isAlone = tellPerson === null;
  const ssh = findProgram('ssh');
  if (ssh === null) throw missingError('ssh is not installed here', { hint: 'apt-get install openssh-client' });
  rmSync(controlPath, { force: true });
  const options = [
    'ServerAliveInterval=5',
    'ServerAliveCountMax=3',
    'ControlPersist=no',
    'ClearAllForwardings=yes',
    'PermitLocalCommand=no',
  ];
  const manners = isAlone
    ? ['BatchMode=yes', `ConnectTimeout=${CONNECT_WITHIN_SEC.alone}`]
    : ['BatchMode=no', `ConnectTimeout=${CONNECT_WITHIN_SEC.withPerson}`];
  const argv = [
    'sh',
    '-c',
    HOLD,
    'sh',
    ssh,
    '-M',
    '-N',
    '-T',
    '-S',
    controlPath,
    ...[...options, ...manners].flatMap((option) => ['-o', option]),
  ];
  let said = '';
  let hasEnded = false;
  let isMade = false;
  const leash = new Leash(
    [...argv, ...destinationArguments(destination)],
    {
      output: () => {},
      error: (chunk) => {
        if (said.length >= MAX_SAID) return;
        const from = said.lastIndexOf('\n') + 1;
        said += chunk.toString('utf8');
        // A screen may be open later.
        if (isMade) return;
        for (const line of said.slice(from).split('\n').slice(0, -1)) if (!TRIES_AGAIN.test(line)) tellPerson?.(line.trimEnd());
      },
      ended: () => {
        hasEnded = true;
      },
    },
    sshEnvironment(),
  );
  const until = performance.now() + (isAlone ? ANSWER_WITHIN_MS : PERSON_WITHIN_MS);
  while (!existsSync(controlPath)) {
    if (hasEnded) throw explainSsh(destination, said, isAlone);
    if (performance.now() > until) {
      leash.release();
      throw failure(`${destination.name} gave no answer`, { hint: `ssh ${destination.name}` });
    }
    await sleep(POLL_MS);
  }
  isMade = true;
  return { controlPath, close: () => leash.release() };
};

/** Words for what ssh said when it could not get there. A person at a terminal has read that already, and was asked what ssh had to ask. */
export const explainSsh = ({ name }: Destination, said: string, isAlone: boolean): VethscopeError => {
  const detail = isAlone && lastLine(said) !== '' ? { detail: lastLine(said) } : {};
  const ssh = name.includes(':') ? `ssh ssh://${name}` : `ssh ${name}`;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(said))
    return failure(`the host key of ${name} has changed: it may be another machine`, {
      ...detail,
      hint: isAlone ? `${ssh} says which line to take out once you know why` : 'what ssh says above, once you know why',
    });
  if (/Host key verification failed|host key is known for/i.test(said))
    return failure(`the host key of ${name} is not known here`, {
      ...detail,
      hint: `${isAlone ? `${ssh} once` : 'again'}, and compare the key before saying yes`,
    });
  if (/Permission denied|Too many authentication failures|no mutual signature/i.test(said))
    return missingError(`${name} lets nobody in this way`, {
      ...detail,
      hint: isAlone
        ? `ssh-add, or start vethscope in a terminal where ssh can ask for a password; ${ssh} shows what works`
        : `${ssh} shows what works`,
    });
  return failure(`${name} cannot be reached`, { ...detail, hint: ssh });
};
