/** `vethscope capture TARGET... [FILTER]`: a live capture without the UI. */
import { printable } from '../base/printable.ts';
import { resolveTarget } from '../topology/target.ts';
import type { CapturePoint } from '../topology/topology.ts';
import type { CommandContext } from './context.ts';
import { follow } from './follow.ts';
import { hostOf, remarkTrouble, withWorkspace } from './host-access.ts';
import { splitTargets } from './targets.ts';

export interface CaptureCommandOptions {
  readonly write?: string;
  readonly count?: number;
  /** In milliseconds. */
  readonly duration?: number;
  readonly packets?: boolean;
  readonly engine: 'cap' | 'tcpdump' | 'auto';
}

/** `afterDashes` is what stood behind `--`: the filter, null where there was none. */
export const runCapture = (
  words: readonly string[],
  afterDashes: readonly string[] | null,
  options: CaptureCommandOptions,
  context: CommandContext,
): Promise<number> =>
  withWorkspace(context, 'live', async (workspace) => {
    const host = hostOf(workspace);
    remarkTrouble(context, host);
    const { points, filter } = splitTargets(words, afterDashes, (text) => resolveTarget(host.topology, text));
    const toStdout = options.write === '-';
    const view = await workspace.openCapture(points, {
      filter,
      engine: options.engine,
      keepPackets: false,
      saveTo: options.write === undefined || toStdout ? null : options.write,
      ...(toStdout ? { saveToStdout: true } : {}),
      ...(options.count === undefined ? {} : { packetLimit: options.count }),
    });
    const following = follow(
      view,
      {
        packets: options.packets === true,
        live: true,
        silent: toStdout,
        packetLimit: options.count ?? null,
        durationMs: options.duration ?? null,
      },
      context,
    );
    for (const line of startLines(points, filter)) context.terminal.remark(line);
    return following;
  });

/** The engines say themselves when they listen: these are the places that were meant. */
const startLines = (points: readonly CapturePoint[], filter: string): string[] => [
  `capture: ${points.map((point) => printable(`${point.id} (${point.sees})`)).join(', ')}`,
  printable(filter === '' ? 'no filter; Ctrl-C ends' : `filter: ${filter}; Ctrl-C ends`),
];
