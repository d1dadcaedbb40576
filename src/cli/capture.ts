/** `vethscope capture TARGET... [FILTER]`: a live capture without the UI. */
import { EXIT_CODES, VethscopeError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import { compileDisplayFilter } from '../session/flows/display-filter.ts';
import type { Workspace } from '../session/state/workspace.ts';
import { wholeContainer } from '../topology/follow.ts';
import { resolveTarget } from '../topology/target.ts';
import type { CapturePoint, Topology } from '../topology/topology.ts';
import type { CommandContext } from './context.ts';
import { follow } from './follow.ts';
import { dockerFailure, hostOf, remarkTrouble, withWorkspace } from './host-access.ts';
import { checkKeep, type KeepArguments, Keeper } from './keep.ts';
import { autostopDuration, type SaveArguments, saveOptionsOf } from './save-options.ts';
import { allAlong, looksLikeFilter, splitTargets } from './targets.ts';
import { transformOf } from './transform-option.ts';

export interface CaptureCommandOptions extends SaveArguments {
  readonly count?: number;
  /** In milliseconds. */
  readonly duration?: number;
  readonly packets?: boolean;
  readonly displayFilter?: string;
  /** Capture at every place between the target and this one. */
  readonly to?: string;
  readonly keep?: KeepArguments;
  readonly engine: 'cap' | 'tcpdump' | 'auto';
}

/** `afterDashes` is what stood behind `--`: the filter, null where there was none. */
export const runCapture = (
  words: readonly string[],
  afterDashes: readonly string[] | null,
  options: CaptureCommandOptions,
  context: CommandContext,
): Promise<number> => {
  const save = saveOptionsOf(options, transformOf(options));
  const { keep } = options;
  if (keep !== undefined) checkKeep(options);
  const shows = options.displayFilter === undefined ? null : compileDisplayFilter(options.displayFilter);
  return withWorkspace(context, 'live', async (workspace) => {
    const host = hostOf(workspace);
    const unseen = dockerFailure(host);
    const whole = new Set<string>();
    const resolveWhole = (text: string): readonly CapturePoint[] => {
      const found = resolve(host.topology, text, unseen);
      const container = wholeContainer(host.topology, text);
      if (container !== null) whole.add(container.id);
      return found;
    };
    const { to } = options;
    const { points, filter } =
      to === undefined
        ? splitTargets(words, afterDashes, resolveWhole)
        : allAlong(words, afterDashes, (src) => between(workspace, src, to, unseen, context));
    // Where no target is found for it, the error says it.
    remarkTrouble(context, host);
    if (context.globals.on !== undefined) remarkLater(context, workspace);
    const toStdout = options.write === '-';
    const view = await workspace.openCapture(points, {
      filter,
      engine: options.engine,
      keepPackets: keep !== undefined,
      ...(keep === undefined ? {} : { ringBytes: keep.bytes }),
      whole: [...whole],
      ...(to === undefined ? {} : { forTrail: true }),
      saveTo: options.write === undefined || toStdout || keep !== undefined ? null : options.write,
      save,
      ...(toStdout ? { saveToStdout: true } : {}),
      ...(options.count === undefined ? {} : { packetLimit: options.count }),
    });
    const what = { lastMs: keep?.lastMs ?? null, only: save.only ?? null, transform: save.transform ?? null };
    const keeper = keep === undefined ? null : new Keeper(view, options.write ?? '', what, context);
    const following = follow(
      view,
      {
        packets: options.packets === true,
        shows,
        live: true,
        silent: toStdout,
        packetLimit: options.count ?? null,
        durationMs: shorterOf(options.duration ?? null, autostopDuration(options)),
      },
      context,
    );
    for (const line of startLines(points, filter)) context.terminal.remark(line);
    if (keeper !== null)
      context.terminal.remark(`capture: packets are kept in memory; kill -USR2 ${process.pid} writes them, and so does the end`);
    const code = await following;
    await keeper?.finish();
    return keeper?.hasFailed === true ? EXIT_CODES.failure : code;
  });
};

/** What becomes of the connection; each thing once until all is well again. */
const remarkLater = (context: CommandContext, workspace: Workspace): void => {
  const told = new Set([workspace.getHost()?.trouble ?? null]);
  workspace.subscribe(() => {
    const trouble = workspace.getHost()?.trouble ?? null;
    if (trouble === null) told.clear();
    else if (!told.has(trouble)) context.terminal.remark(printable(`vethscope: ${trouble}`));
    told.add(trouble);
  });
};

const shorterOf = (first: number | null, second: number | null): number | null =>
  first === null || second === null ? (first ?? second) : Math.min(first, second);

/** The places between two ends; those that cannot be captured at are told. */
const between = (
  workspace: Workspace,
  src: string,
  dst: string,
  unseen: VethscopeError | null,
  { terminal }: CommandContext,
): readonly CapturePoint[] => {
  try {
    const { points, missing, predicted } = workspace.pointsBetween(src, dst);
    terminal.remark(`capture: predicted for a ping: ${predicted}`);
    if (missing.length > 0) terminal.remark(`capture: nothing can be captured from here at ${missing.join(', ')}`);
    return points;
  } catch (error) {
    throw error instanceof VethscopeError && error.kind === 'usage' && unseen !== null ? unseen : error;
  }
};

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
  `capture: ${points.map((point) => printable(`${point.interface} (${point.sees})`)).join(', ')}`,
  printable(filter === '' ? 'no filter; Ctrl-C ends' : `filter: ${filter}; Ctrl-C ends`),
];
