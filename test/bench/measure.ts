/** Measuring: warm-up, repeats, and of the repeats the median with the best and the worst beside it. */

/** One line of a group's result. Times are in milliseconds, rates a second; `unit` says which. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly best: number;
  readonly worst: number;
  readonly repeats: number;
  /** What has to be reached; absent where the figure is only for information. */
  readonly target?: Target;
  /** Beside what else the figure stands: how often another program's time it is. */
  readonly against?: { readonly program: string; readonly ratio: number };
  readonly note?: string;
}

export type Target = { readonly kind: 'most'; readonly value: number } | { readonly kind: 'least'; readonly value: number };

export interface Timing {
  /** Seconds of calls before the first that counts. */
  readonly warmUpSec?: number;
  readonly repeats?: number;
  /** Seconds that one repeat takes about; short calls are repeated within it. */
  readonly repeatSec?: number;
}

export interface Sample {
  /** Milliseconds a call, of each repeat, ascending. */
  readonly msPerCall: readonly number[];
}

export const elapsedMs = (since: bigint): number => Number(process.hrtime.bigint() - since) / 1e6;

/** Calls `run` again and again; the repeats of calls shorter than `repeatSec` are means over many calls. */
export const timed = (run: () => unknown, { warmUpSec = 0.4, repeats = 15, repeatSec = 0.1 }: Timing = {}): Sample => {
  let calls = 0;
  const warmUp = process.hrtime.bigint();
  do {
    run();
    calls++;
  } while (elapsedMs(warmUp) < warmUpSec * 1000);
  const each = elapsedMs(warmUp) / calls;
  const callsEach = Math.max(1, Math.round((repeatSec * 1000) / each));
  const msPerCall: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const start = process.hrtime.bigint();
    for (let call = 0; call < callsEach; call++) run();
    msPerCall.push(elapsedMs(start) / callsEach);
  }
  return { msPerCall: msPerCall.sort((x, y) => x - y) };
};

/** For what a program does once: each repeat is one call, and the first counts too. */
export const timedOnce = async (run: () => Promise<number>, repeats: number): Promise<Sample> => {
  const msPerCall: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) msPerCall.push(await run());
  return { msPerCall: msPerCall.sort((x, y) => x - y) };
};

export const median = (ascending: readonly number[]): number => {
  const middle = ascending.length >> 1;
  const upper = ascending[middle] ?? Number.NaN;
  return ascending.length % 2 === 1 ? upper : ((ascending[middle - 1] ?? upper) + upper) / 2;
};

type Extra = Pick<Row, 'target' | 'against' | 'note'>;

/** `perCall`: how many of the things that the row is about one call does. */
export const timeRow = (name: string, unit: 'ms' | 'µs', { msPerCall }: Sample, extra: Extra = {}, perCall = 1): Row => {
  const factor = (unit === 'ms' ? 1 : 1000) / perCall;
  return {
    name,
    unit,
    median: median(msPerCall) * factor,
    best: (msPerCall[0] ?? Number.NaN) * factor,
    worst: (msPerCall.at(-1) ?? Number.NaN) * factor,
    repeats: msPerCall.length,
    ...extra,
  };
};

export const rateRow = (name: string, unit: string, { msPerCall }: Sample, perCall: number, extra: Extra = {}): Row => {
  const rate = (ms: number): number => (perCall / ms) * 1000;
  return {
    name,
    unit,
    median: rate(median(msPerCall)),
    best: rate(msPerCall[0] ?? Number.NaN),
    worst: rate(msPerCall.at(-1) ?? Number.NaN),
    repeats: msPerCall.length,
    ...extra,
  };
};

export const most = (value: number): Extra => ({ target: { kind: 'most', value } });
export const least = (value: number): Extra => ({ target: { kind: 'least', value } });

/** Null where there is no target. By the median: on a busy machine a target may be missed that the best repeat reaches. */
export const reached = ({ target, median: value }: Row): boolean | null =>
  target === undefined ? null : target.kind === 'most' ? value <= target.value : value >= target.value;

/** Small numbers that look random and are the same in every run (mulberry32). */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
};
