/** `vethscope capture TARGET... [FILTER]`: a live capture without the UI. */
import { VethscopeError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { wholeContainer } from '../topology/follow.ts';
import { resolveTarget } from '../topology/target.ts';
import type { CapturePoint, Topology } from '../topology/topology.ts';
import type { CommandContext } from './context.ts';
import { follow } from './follow.ts';
import { dockerFailure, hostOf, remarkTrouble, withWorkspace } from './host-access.ts';
import { looksLikeFilter, splitTargets } from './targets.ts';

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
    const unseen = dockerFailure(host);
    const whole = new Set<string>();
    const { points, filter } = splitTargets(words, afterDashes, (text) => {
      const found = resolve(host.topology, text, unseen);
      const container = wholeContainer(host.topology, text);
      if (container !== null) whole.add(container.id);
      return found;
    });
    const toStdout = options.write === '-';
    const view = await workspace.openCapture(points, {
      filter,
      engine: options.engine,
      keepPackets: false,
      whole: [...whole],
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

/** Where Docker does not answer, a name that is not found may well be a container's. */
const resolve = (topology: Topology, text: string, unseen: VethscopeError | null): readonly CapturePoint[] => {
  try {
    return resolveTarget(topology, text);
  } catch (error) {
    const notFound = error instanceof VethscopeError && error.kind === 'usage';
    if (!notFound || unseen === null || looksLikeFilter(text) || /\s/.test(text)) throw error;
    throw new VethscopeError(unseen.kind, `${text} is no interface, and ${unseen.message}`, {
      ...(unseen.detail === null ? {} : { detail: unseen.detail }),
      ...(unseen.hint === null ? {} : { hint: unseen.hint }),
    });
  }
};

/** The engines say themselves when they listen: these are the places that were meant. */
const startLines = (points: readonly CapturePoint[], filter: string): string[] => [
  `capture: ${points.map((point) => printable(`${point.id} (${point.sees})`)).join(', ')}`,
  printable(filter === '' ? 'no filter; Ctrl-C ends' : `filter: ${filter}; Ctrl-C ends`),
];
