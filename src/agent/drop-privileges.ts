/**
 * Gives up root for the person who called sudo, once the agent runs: what decodes hostile packets has no privileges, and the files that it
 * saves are theirs. setgroups(2), setuid(2); sudo(8), "Environment".
 */
import { failure, messageOf } from '../base/errors.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** The name that sudo told, null where nothing was dropped. */
  readonly user: string | null;
  readonly dropped: boolean;
}

/** For main only. Does nothing where main is not root, or root did not come by sudo. Throws where root cannot be given up for good. */
export const dropPrivileges = (env: Readonly<Record<string, string | undefined>> = process.env): Identity => {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const targetUid = idOf(env['SUDO_UID']);
  const targetGid = idOf(env['SUDO_GID']);
  if (uid !== 0 || targetUid === null || targetGid === null || targetUid === 0) return { uid, gid, user: null, dropped: false };
  const user = env['SUDO_USER'] ?? null;
  try {
    joinGroups(user, targetGid);
    process.setgid?.(targetGid);
    process.setuid?.(targetUid);
  } catch (error) {
    throw failure(`the privileges of root could not be given up for user ${targetUid}`, { detail: messageOf(error), cause: error });
  }
  if (canBeRootAgain()) throw failure('the privileges of root were given up, yet could be taken back');
  return { uid: targetUid, gid: targetGid, user, dropped: true };
};

/** Node has it, its types do not. */
type WithInitgroups = NodeJS.Process & { initgroups?(user: string, extraGroup: number): void };

const idOf = (text: string | undefined): number | null => (text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null);

/** The person's own groups, or none but the first where the name is unknown here. */
const joinGroups = (user: string | null, gid: number): void => {
  if (user !== null) {
    try {
      (process as WithInitgroups).initgroups?.(user, gid);
      return;
    } catch {
      // a name that this machine does not know: the number still counts
    }
  }
  process.setgroups?.([gid]);
};

const canBeRootAgain = (): boolean => {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false;
  }
};
