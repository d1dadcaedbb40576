/**
 * Wireshark runs as an ordinary user and so does what it starts; reading rules and entering namespaces takes root. Where sudo lets this person
 * do so without a password, vethscope starts itself again by it and keeps it on a pipe: a signal of Wireshark's would not reach a process
 * of root's, the end of the pipe does. docs/decisions/0013-wireshark.md, sudo(8).
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { CAP_NET_RAW, CAP_SYS_ADMIN, capabilitySets } from '../../agent/capability-sets.ts';
import { missingError } from '../../base/errors.ts';
import { builtProgram } from '../../package-root.ts';

/** By being root, or by capabilities that are passed on to what is started. */
export const isPrivileged = (): boolean => {
  try {
    const { has } = capabilitySets(readFileSync('/proc/self/status', 'utf8'));
    return has(CAP_NET_RAW) && has(CAP_SYS_ADMIN);
  } catch {
    // no Linux: there is nothing to capture either
    return false;
  }
};

/** The same call once more by sudo. Resolves with its exit code, after what it printed has been handed on; null where sudo refused. */
export const againAsRoot = async (argv: readonly string[], interruption: () => Promise<void>): Promise<number | null> => {
  const child = spawn('sudo', ['-n', '--', ...rootCommand(), ...withDockerHost(argv), '--ends-with-stdin'], {
    stdio: ['pipe', 'inherit', 'pipe'],
  });
  let said = '';
  child.stdin.on('error', () => {}); // it has ended: 'close' follows
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 16_384) said += chunk.toString('utf8');
  });
  void interruption().then(() => child.stdin.end());
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', (status) => resolve(status ?? 1));
  });
  if (code === null || (code !== 0 && /^sudo: /m.test(said))) return null;
  process.stderr.write(said);
  return code;
};

/** What sudo must allow, as it stands on its command line. */
export const rootCommand = (): string[] => [process.execPath, builtProgram('main.js'), 'extcap'];

export const noPrivilege = (): Error =>
  missingError('no privilege to capture: Wireshark runs as an ordinary user, and sudo asks for a password', {
    hint: 'vethscope install-extcap --sudoers prints the line for sudo that allows captures and nothing else',
  });

/** sudo passes no such variable on. */
const withDockerHost = (argv: readonly string[]): string[] => {
  const address = process.env['DOCKER_HOST'] ?? '';
  return address === '' || argv.includes('--docker-host') ? [...argv] : [...argv, '--docker-host', address];
};
