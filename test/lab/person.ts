/**
 * Somebody who is not root, on a lab host: an account and a rule for sudo that only the mount namespace of one command knows. The machine's own
 * files are never touched. passwd(5), sudoers(5), mount_namespaces(7).
 */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LabHost } from './lab.ts';

export const PERSON = { uid: 4711, gid: 4712, name: 'ann' };

export interface Person {
  /** A folder of the person's own, 0700. */
  readonly folder: string;
  /** argv that runs `argv` as the person; other groups and capabilities by options of setpriv(1). */
  wrap(argv: readonly string[], ...options: readonly string[]): string[];
  /** The same through `sudo -n`. */
  wrapSudo(argv: readonly string[]): string[];
  remove(): void;
}

const FILES = {
  passwd: (old: string) => `${old}${PERSON.name}:x:${PERSON.uid}:${PERSON.gid}::/nowhere:/bin/sh\n`,
  group: (old: string) => `${old}${PERSON.name}:x:${PERSON.gid}:\nfriends:x:4713:${PERSON.name}\n`,
  shadow: (old: string) => `${old}${PERSON.name}:!:19000::::::\n`,
  sudoers: () => `Defaults env_reset\n${PERSON.name} ALL=(root) NOPASSWD: ALL\n`,
} as const;

const BECOME = `etc=$1; shift
for name in ${Object.keys(FILES).join(' ')}; do mount --bind "$etc/$name" "/etc/$name" || exit 99; done
exec setpriv --reuid=${PERSON.uid} --regid=${PERSON.gid} "$@"`;

export const startPerson = (host: LabHost): Person => {
  const base = mkdtempSync(join(tmpdir(), 'vethscope-person-'));
  chmodSync(base, 0o755);
  const etc = join(base, 'etc');
  mkdirSync(etc);
  for (const [name, text] of Object.entries(FILES)) {
    const mode = name === 'sudoers' || name === 'shadow' ? 0o440 : 0o644;
    writeFileSync(join(etc, name), text(name === 'sudoers' ? '' : readFileSync(`/etc/${name}`, 'utf8')), { mode });
  }
  const folder = join(base, 'own');
  mkdirSync(folder, { mode: 0o700 });
  chownSync(folder, PERSON.uid, PERSON.gid);
  const wrap = (argv: readonly string[], ...options: readonly string[]): string[] =>
    host.wrap(['unshare', '-m', 'sh', '-c', BECOME, 'sh', etc, ...(options.length === 0 ? ['--init-groups'] : options), ...argv]);
  return {
    folder,
    wrap,
    wrapSudo: (argv) => wrap(['sudo', '-n', ...argv]),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
};
