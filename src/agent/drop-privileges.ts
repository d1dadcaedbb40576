/**
 * Gives up root for the person who called sudo, pkexec or doas, once the agent runs: what decodes hostile packets has no privileges, and the
 * files that it saves are theirs. setgroups(2), setuid(2); sudo(8), "Environment"; pkexec(1); doas(1).
 */

import { failure, messageOf } from '../base/errors.ts';
import { type Caller, callerOf } from './caller.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** The name that was told, null where nothing was dropped. */
  readonly user: string | null;
  readonly dropped: boolean;
}

/** For main only. Does nothing where main is not root, or nobody else called it. Throws where root cannot be given up for good. */
export const dropPrivileges = (env: Readonly<Record<string, string | undefined>> = process.env): Identity => {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const caller = uid === 0 ? callerOf(env) : null;
  if (caller === null) return { uid, gid, user: null, dropped: false };
  becomes(caller);
  if (canBeRootAgain()) throw failure('the privileges of root were given up, yet could be taken back');
  return { ...caller, dropped: true };
};

const becomes = ({ uid, gid, user }: Caller): void => {
  try {
    joinGroups(user, gid);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    throw failure(`the privileges of root could not be given up for user ${uid}`, { detail: messageOf(error), cause: error });
  }
};

/** Node has it, its types do not. */
type WithInitgroups = NodeJS.Process & { initgroups?(user: string, extraGroup: number): void };

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
