/**
 * Who called sudo, pkexec or doas: sudo tells ids and a name, pkexec an id, doas a name; passwd(5) has the rest. sudo(8), "Environment"; pkexec(1),
 * "SECURITY NOTES"; doas(1), "ENVIRONMENT".
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { failure } from '../base/errors.ts';
import { cleanEnvironment } from './programs.ts';

/** Fields of passwd(5). */
const NAME = 0;
const UID = 2;

export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly user: string | null;
}

/** Null where nobody called, or root did. */
export const callerOf = (env: Readonly<Record<string, string | undefined>>): Caller | null => {
  const uid = idOf(env['SUDO_UID']);
  const gid = idOf(env['SUDO_GID']);
  if (uid !== null && gid !== null) return uid === 0 ? null : { uid, gid, user: env['SUDO_USER'] ?? null };
  const id = idOf(env['PKEXEC_UID']);
  if (id !== null) return id === 0 ? null : accountOf('pkexec', String(id), UID);
  const name = env['DOAS_USER'] ?? '';
  return name === '' || name === 'root' ? null : accountOf('doas', name, NAME);
};

const idOf = (text: string | undefined): number | null => (text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null);

/** Root is not kept for somebody whose group is not known: nobody would expect that. */
const accountOf = (by: string, wanted: string, field: number): Caller => {
  const has = (line: string): boolean => line.split(':')[field] === wanted;
  const line = accounts().find(has) ?? accountElsewhere(wanted).find(has);
  const [user = null, , uid, gid] = line?.split(':') ?? [];
  const ids = { uid: idOf(uid), gid: idOf(gid) };
  if (ids.uid === null || ids.gid === null)
    throw failure(`${by} was called by ${wanted}, whose account is not known here`, { hint: 'sudo vethscope' });
  return { uid: ids.uid, gid: ids.gid, user };
};

const accounts = (): string[] => {
  try {
    return readFileSync('/etc/passwd', 'utf8').split('\n');
  } catch {
    return []; // accounts may all be elsewhere
  }
};

/** Such as LDAP; nsswitch.conf(5). */
const accountElsewhere = (wanted: string): string[] => {
  try {
    return execFileSync('getent', ['passwd', wanted], {
      encoding: 'utf8',
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'ignore'],
    }).split('\n');
  } catch {
    return []; // unknown there too, or there is no getent
  }
};
