/**
 * A verdict's steps beside what the kernel's trace showed. Each source (nft for nftables and iptables-nft, legacy) is compared in its own
 * order, since two traces of one packet have no common clock. The kernel shows rules that matched and policies, nothing between hooks.
 */
import type { Verdict, VerdictStep } from '../path/verdict.ts';
import type { TraceSource } from './event.ts';
import type { KernelStep, Passage } from './passages.ts';
import { chainOf, type RuleIndex } from './rule-index.ts';

export interface CompareOptions {
  /** Which traces were read. A predicted step of another is said to be not traced. */
  readonly sources: readonly TraceSource[];
  /** Steps that no trace can show, such as those of the tracer's own rules, or ones before tracing begins. */
  readonly untraced?: (step: VerdictStep) => boolean;
  /** Tables of the tracer: that the packet was seen in them says nothing of the host's rules. */
  readonly ours?: (table: string) => boolean;
}

/**
 * `same`: both show it. `predicted`: the kernel did not show it. `kernel`: it was not predicted. `untraced`: the kernel cannot show it.
 * `open`: a rule of which the prediction says that it depends on something unknown, or what follows where the prediction ends there.
 */
export type LineState = 'same' | 'predicted' | 'kernel' | 'untraced' | 'open';

export interface ComparedLine {
  readonly state: LineState;
  readonly predicted: VerdictStep | null;
  readonly kernel: KernelStep | null;
}

export interface TraceComparison {
  /** `open`: all that was predicted agrees, but the verdict is undetermined and says no more. */
  readonly result: 'agrees' | 'differs' | 'open' | 'nothing-seen';
  /** In the order of the prediction; what only the kernel showed stands where its trace had it. */
  readonly lines: readonly ComparedLine[];
  /** How many steps both showed. */
  readonly matched: number;
  readonly firstDifference: ComparedLine | null;
  /** A sentence about the difference; null where there is none. */
  readonly reason: string | null;
}

export const compareTrace = (verdict: Verdict, passage: Passage | null, options: CompareOptions): TraceComparison => {
  if (passage === null || passage.visits.length === 0) return nothingSeen(verdict);
  const lines: ComparedLine[] = [];
  const queues = new Map<TraceSource, KernelStep[]>();
  for (const source of options.sources)
    queues.set(
      source,
      passage.steps.filter((step) => step.source === source),
    );
  const isOpen = verdict.outcome === 'undetermined';
  let differs = false;
  // The kernel answered a question that the prediction left open otherwise than the way shown assumed: what follows is of another way.
  let elsewhere = false;
  for (const [at, predicted] of verdict.steps.entries()) {
    const queue = queues.get(sourceOf(predicted));
    if (predicted.table === null || predicted.namespace !== undefined || queue === undefined || options.untraced?.(predicted) === true) {
      lines.push({ state: 'untraced', predicted, kernel: null });
      continue;
    }
    const found = queue.findIndex((step) => isSame(predicted, step));
    if (elsewhere) {
      lines.push({ state: 'open', predicted, kernel: null });
      continue;
    }
    if (found === 0) {
      lines.push({ state: predicted.uncertain === true ? 'open' : 'same', predicted, kernel: queue.shift() ?? null });
      continue;
    }
    if (found > 0 && isOtherOrder(verdict.steps, at, queue, found)) {
      lines.push({ state: 'same', predicted, kernel: queue.splice(found, 1)[0] ?? null });
      continue;
    }
    if (predicted.uncertain === true) {
      lines.push({ state: 'open', predicted, kernel: null });
      elsewhere = !isPassive(predicted);
      continue;
    }
    if (queue[0] !== undefined && isDoubted(verdict, queue[0])) {
      lines.push({ state: 'open', predicted, kernel: null });
      elsewhere = true;
      continue;
    }
    if (isOrderUnknown(verdict, predicted.hook) || (queue[0] !== undefined && isOrderUnknown(verdict, queue[0].hook))) {
      lines.push({ state: 'open', predicted, kernel: null });
      elsewhere = true;
      continue;
    }
    if (found !== 0 && isBeside(verdict, { ...predicted, source: sourceOf(predicted) })) {
      lines.push({ state: 'open', predicted, kernel: null });
      continue;
    }
    if (isNatBeside(verdict, predicted) || (isOpen && predicted.rule === null && isDoubtfulHook(verdict, predicted))) {
      lines.push({ state: 'open', predicted, kernel: null });
      continue;
    }
    if (isUnshown(predicted)) {
      lines.push({ state: 'untraced', predicted, kernel: null });
      continue;
    }
    // What the kernel shows before it comes to this step was not predicted; where it never comes to it, the step did not happen.
    if (found > 0 && !isPredictedLater(verdict.steps, at, queue[0] as KernelStep)) {
      for (const kernel of queue.splice(0, found)) lines.push({ state: 'kernel', predicted: null, kernel });
      lines.push({ state: 'same', predicted, kernel: queue.shift() ?? null });
    } else lines.push({ state: 'predicted', predicted, kernel: null });
    differs = true;
  }
  for (const queue of queues.values()) {
    for (const kernel of queue) {
      const isLeftOpen =
        elsewhere ||
        (isOpen && !differs) ||
        isBeside(verdict, kernel) ||
        isDoubtfulHook(verdict, kernel) ||
        isOrderUnknown(verdict, kernel.hook);
      lines.push({ state: isLeftOpen ? 'open' : 'kernel', predicted: null, kernel });
    }
  }
  const firstDifference = lines.find(({ state }) => state === 'predicted' || state === 'kernel') ?? null;
  // Of no chain of the host a word: the rest of it was lost, or the packet never came to one.
  if (firstDifference !== null && passage.visits.every(({ table }) => options.ours?.(table) === true)) return nothingSeen(verdict);
  const matched = lines.filter(({ state }) => state === 'same').length;
  return {
    result: firstDifference !== null ? 'differs' : isOpen || elsewhere ? 'open' : 'agrees',
    lines,
    matched,
    firstDifference,
    reason: firstDifference === null ? null : describeDifference(firstDifference, passage),
  };
};

const nothingSeen = (verdict: Verdict): TraceComparison => ({
  result: 'nothing-seen',
  lines: verdict.steps.map((predicted): ComparedLine => ({ state: 'untraced', predicted, kernel: null })),
  matched: 0,
  firstDifference: null,
  reason: null,
});

/**
 * iptables-nft-save prints the built-in chains of a table also where the kernel has none of that name: their policy is nobody's and no
 * trace shows it.
 */
export const isAbsent = (index: RuleIndex, step: VerdictStep): boolean =>
  step.rule === null &&
  step.backend === 'nft' &&
  step.table !== null &&
  step.chain !== null &&
  chainOf(index, 'nft', step.family ?? 'ip', step.table, step.chain) === null;

/**
 * Chains of two backends that meet at one hook with one priority run in the order in which they were registered, which no snapshot shows:
 * where one of them ends the packet's way, the other may have let it pass before.
 */
const isBeside = (
  verdict: Verdict,
  { source, hook, table }: { source: TraceSource; hook: string | null; table: string | null },
): boolean => {
  const last = verdict.steps.findLast((step) => step.table !== null && step.namespace === undefined);
  const isEnd = verdict.outcome === 'drop' || verdict.outcome === 'reject';
  return isEnd && last !== undefined && sourceOf(last) !== source && last.hook === hook && last.table === table;
};

/** Of the nat chains of a hook the first that translates ends it (nf_nat_inet_fn): another backend's may not have been asked for its policy. */
const isNatBeside = ({ steps }: Verdict, predicted: VerdictStep): boolean =>
  predicted.table === 'nat' &&
  predicted.rule === null &&
  steps.some(
    ({ table, hook, backend, rule }) => table === 'nat' && hook === predicted.hook && backend !== predicted.backend && rule !== null,
  );

/** The verdict says that chains of one priority meet there, and that their order matters. */
const isOrderUnknown = ({ unknowns }: Verdict, hook: string | null): boolean =>
  unknowns.some((text) => text.startsWith(`at hook ${hook} `) && / (runs|translates) before | in an order that /.test(text));

/** Another order of chains at that hook leads to the same end; its rules may have been asked instead. */
const isDoubtfulHook = ({ steps }: Verdict, { hook }: { readonly hook: string | null }): boolean =>
  steps.some((step) => step.uncertain === true && step.hook === hook);

/** Chains of several tables at one hook with one priority: what the kernel shows first is predicted too, only later. */
const isOtherOrder = (steps: readonly VerdictStep[], at: number, queue: readonly KernelStep[], found: number): boolean => {
  const mine = queue[found];
  return queue
    .slice(0, found)
    .every(
      (step) =>
        step.hook === mine?.hook &&
        step.priority === mine.priority &&
        (step.table !== mine.table || step.family !== mine.family) &&
        isPredictedLater(steps, at, step),
    );
};

/** A rule that leaves the packet and its way as they are, whether it matches or not. */
const isPassive = ({ action, note }: VerdictStep): boolean => action === 'log' || (action === 'continue' && note === undefined);

/** A rule of which the verdict says that whether it matches is not known; the way shown may be the one where it does not. */
const isDoubted = (verdict: Verdict, kernel: KernelStep): boolean =>
  kernel.rule !== null && verdict.unknowns.some((text) => text.includes(`(${kernel.table} ${kernel.chain} ${kernel.rule})`));

const sourceOf = (step: VerdictStep): TraceSource => (step.backend === 'legacy' ? 'legacy' : 'nft');

const isSame = (predicted: VerdictStep, kernel: KernelStep): boolean => {
  if (predicted.family !== kernel.family || predicted.table !== kernel.table || predicted.chain !== kernel.chain) return false;
  if (kernel.hook !== null && predicted.hook !== 'bridge' && predicted.hook !== kernel.hook) return false;
  if (predicted.rule === null) return kernel.kind === 'policy';
  if (kernel.kind !== 'rule') return false;
  // A rule that has gone from the ruleset since is known by its handle only: its chain and place must do.
  return kernel.rule === null || kernel.rule === predicted.rule;
};

/** ip_tables traces a rule after its matches: a match that drops the packet itself (hotdrop) ends it unseen. */
const isUnshown = (step: VerdictStep): boolean => step.backend === 'legacy' && step.action === 'drop' && step.note !== undefined;

const isPredictedLater = (steps: readonly VerdictStep[], from: number, kernel: KernelStep): boolean =>
  steps.slice(from + 1).some((step) => step.table !== null && isSame(step, kernel));

export const describeKernelStep = (step: KernelStep): string => {
  const where = `${step.family} ${step.table} ${step.chain}`;
  if (step.kind === 'policy') return `${where} policy${step.verdict === null ? '' : ` ${step.verdict}`}`;
  const number = step.rule === null ? `handle ${step.handle ?? '?'}` : `rule ${step.rule}`;
  const verdict = step.verdict === null ? '' : ` (${step.target === null ? step.verdict : `${step.verdict} ${step.target}`})`;
  return `${where} ${number}${verdict}`;
};

const describePredicted = (step: VerdictStep): string =>
  `${step.family ?? 'ip'} ${step.table} ${step.chain} ${step.rule === null ? 'policy' : `rule ${step.rule}`} (${step.action})`;

const describeDifference = ({ predicted, kernel }: ComparedLine, passage: Passage): string => {
  if (kernel !== null) return `the kernel came to ${describeKernelStep(kernel)}, which was not predicted`;
  if (predicted === null) return '';
  const last = passage.steps.at(-1);
  const ended = last === undefined ? 'nothing but where the packet was' : `last ${describeKernelStep(last)}`;
  return `predicted ${describePredicted(predicted)}, which the kernel did not show; it showed ${ended}`;
};
