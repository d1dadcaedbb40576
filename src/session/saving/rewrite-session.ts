/** A saved session, or any capture file, read once and written anew: `read -w`. It is read twice where only some of its flows are wanted. */
import { stat } from 'node:fs/promises';
import { usageError } from '../../base/errors.ts';
import type { FileCapture, FileTap } from '../files/file-capture.ts';
import { compilePacketFilter } from '../files/packet-filter.ts';
import type { HostVersion } from '../host-store.ts';
import type { FlowRow } from '../state/flow-row.ts';
import type { RewriteFileOptions, RewriteResult } from '../state/workspace.ts';
import { FileRewriter } from './rewrite-file.ts';
import { snapshotsIn } from './snapshots-in.ts';

export interface Rewriting {
  readonly path: string;
  readonly to: string;
  readonly options: RewriteFileOptions;
  /** The host that judges in place of the file's own; null for that. */
  readonly host: HostVersion | null;
  /** Reads the file from its beginning. */
  readonly open: (tap: FileTap | null) => Promise<FileCapture>;
}

export const rewriteSession = async (rewriting: Rewriting): Promise<RewriteResult> => {
  const { path, to, host, open } = rewriting;
  const { only = null, transform = null, filter = '', packetLimit = null } = rewriting.options;
  await refuseSameFile(path, to);
  const packetFilter = await compilePacketFilter(filter);
  const flows = only === null ? null : await flowsOf(rewriting, only);
  if (transform?.learn !== undefined) for await (const document of snapshotsIn(path)) transform.learn(document);
  const rewriter = await FileRewriter.open(to, { packetFilter, flows, packetLimit, transform, host });
  const capture = await open(rewriter);
  try {
    await capture.finished;
  } finally {
    await capture.stop();
    await rewriter.close();
  }
  const { points, packets, events } = capture.getState();
  const problems = events.filter(({ severity }) => severity !== 'info').map(({ text }) => text);
  return { read: packets, packets: rewriter.packets, bytes: rewriter.bytes, leftOut: rewriter.leftOut, points: points.length, problems };
};

/** The flows that are chosen, looked for in the whole file: whether one is wanted may only be known at its end. */
const flowsOf = async ({ path, open }: Rewriting, only: (row: FlowRow) => boolean): Promise<ReadonlySet<number>> => {
  if (path === '-')
    throw usageError('flows are chosen by reading the file twice, and standard input comes once', { hint: 'save it to a file first' });
  const capture = await open(null);
  const chosen = new Set<number>();
  const rows = new Map<number, number>();
  const look = (row: FlowRow): void => {
    if (only(row)) chosen.add(row.flow.id);
  };
  capture.observe({ verdictChanged: look, flowEnded: look, flowJoined: (flowId, rowId) => void rows.set(flowId, rowId) });
  await capture.finished;
  await capture.stop();
  for (const [flowId, rowId] of rows) if (chosen.has(rowId)) chosen.add(flowId);
  return chosen;
};

/** Opening it to write would empty it before it is read. */
const refuseSameFile = async (path: string, to: string): Promise<void> => {
  if (path === '-' || to === '-') return;
  const [from, there] = await Promise.all([path, to].map((name) => stat(name).catch(() => null)));
  if (from?.isFile() === true && there != null && from.dev === there.dev && from.ino === there.ino)
    throw usageError(`${to} is the file that is read`, { hint: 'write to another one' });
};
