/**
 * `--capture`: a capture into Wireshark's FIFO, as pcapng with verdicts as comments, until Wireshark has enough. What it must know of goes to
 * standard error, which it shows in a dialog, and only then.
 */
import { failure, usageError, VethscopeError } from '../../base/errors.ts';
import type { SaveOptions } from '../../session/saving/save-options.ts';
import type { CaptureView } from '../../session/state/capture-view.ts';
import type { HostState } from '../../session/state/host-state.ts';
import type { Workspace } from '../../session/state/workspace.ts';
import { wholeContainer } from '../../topology/follow.ts';
import { resolveTarget } from '../../topology/target.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { CommandContext } from '../context.ts';
import { hostOf, withWorkspace } from '../host-access.ts';
import type { ExtcapArguments } from './arguments.ts';
import { hasReader, whenRead } from './fifo.ts';
import { extcapInterfaces } from './interfaces.ts';

/** Wireshark may be killed, and then nobody asks this process to end. */
const LOOK_FOR_READER_MS = 1000;

export const captureInto = (fifo: string, plan: ExtcapArguments, context: CommandContext): Promise<number> =>
  withWorkspace(context, 'live', async (workspace) => {
    const host = hostOf(workspace);
    const target = targetOf(host, plan.interface);
    const whole = wholeContainer(host.topology, target);
    const letGo = await whenRead(fifo);
    const opening = workspace.openCapture(pointsOf(workspace, host, target, plan.to), {
      filter: plan.filter,
      engine: plan.engine,
      keepPackets: false,
      whole: whole === null ? [] : [whole.id],
      ...(plan.to === null ? {} : { forTrail: true }),
      saveTo: fifo,
      save: savingOf(plan),
    });
    const view = await opening.finally(letGo);
    const reader = new ReaderWatch(fifo);
    try {
      await Promise.race([
        view.finished,
        context.interruption(),
        reader.gone,
        nobodyListens(view),
        ...(plan.endsWithStdin ? [standardInputEnds()] : []),
      ]);
    } finally {
      reader.stop();
      await view.stop();
    }
    await view.finished;
    return conclude(view);
  });

/** There or on its way back. */
const LOSES: ReadonlySet<string> = new Set(['drop', 'reject']);

const savingOf = ({ facts, comments, onlyDropped }: ExtcapArguments): SaveOptions => ({
  facts,
  transform: comments ? null : { comment: () => null },
  only: onlyDropped ? ({ verdict }) => [verdict?.verdict, verdict?.reply].some((one) => one != null && LOSES.has(one.outcome)) : null,
});

const targetOf = (host: HostState, value: string | null): string => {
  if (value === null) throw usageError('extcap: --capture needs --extcap-interface');
  const found = extcapInterfaces(host.topology).find((one) => one.value === value);
  if (found !== undefined) return found.target;
  const { dockerError } = host.facts;
  throw failure(`there is no interface ${value} any more`, {
    ...(dockerError === null ? {} : { detail: dockerError }),
    hint: 'has the container stopped? In Wireshark: Capture, Refresh Interfaces',
  });
};

const pointsOf = (workspace: Workspace, host: HostState, target: string, to: string | null): readonly CapturePoint[] => {
  if (to === null) return resolveTarget(host.topology, target);
  const src = target.startsWith('bridge:') ? null : target.split(':')[0];
  if (src === null || src === undefined)
    throw usageError('a way begins at a container: "Also capture on the way to" means nothing for a bridge');
  return workspace.pointsBetween(src, to).points;
};

/** Settles when no point can go on and the first reason is known. */
const nobodyListens = (view: CaptureView): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      const { points, saving } = view.getState();
      const hasFailed = points.length > 0 && points.every((point) => point.status === 'failed');
      if (hasFailed || (saving?.error ?? null) !== null) resolve();
    };
    view.subscribe(look);
    look();
  });

const standardInputEnds = (): Promise<void> =>
  new Promise((resolve) => {
    process.stdin.on('end', resolve).on('close', resolve).on('error', resolve);
    process.stdin.resume();
  });

/** Wireshark that stops reading has ended the capture; anything else that went wrong is told. */
const conclude = (view: CaptureView): number => {
  const { points } = view.getState();
  const failed = points.find((point) => point.status === 'failed');
  if (failed === undefined || !points.every((point) => point.status === 'failed')) return 0;
  throw new VethscopeError('failure', failed.message ?? `nothing can be captured at ${failed.point.interface}`);
};

/** Looks from time to time whether the FIFO is still read: an idle capture would not notice by writing. */
class ReaderWatch {
  readonly gone: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #settle: () => void = () => {};

  constructor(fifo: string) {
    this.gone = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#timer = setInterval(() => {
      if (!hasReader(fifo)) this.#settle();
    }, LOOK_FOR_READER_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
