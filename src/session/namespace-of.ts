/** How the agent finds a namespace of the snapshot again: its inode, and the process that was in it. */
import type { CaptureNamespace } from '../agent/protocol.ts';
import type { SnapshotDocument } from '../host/snapshot.ts';

/** Undefined where the snapshot knows no way into it. */
export const namespaceOf = (document: SnapshotDocument | undefined, id: string): CaptureNamespace | undefined => {
  const found = document?.namespaces[id];
  if (found === undefined) return undefined;
  return { id, pid: found.pid, startTime: found.startTime, ...(found.path === undefined ? {} : { path: found.path }) };
};
