/** Runs numbered cases, each made from the seed and its number alone, and gathers what went wrong. */
import { Random } from '../oracle/random.ts';
import { checkReader, checkSession, checkUnpacker } from './check-file.ts';
import { PacketCheck } from './check-packet.ts';
import type { Corpus } from './corpus.ts';
import { mutated } from './mutate.ts';

export interface CaseFailure {
  readonly kind: 'file' | 'packet';
  readonly index: number;
  readonly what: string;
  readonly bytes: Uint8Array;
}

export interface FuzzPlan {
  readonly seed: number;
  readonly files: number;
  readonly packets: number;
  /** Of so many files one is opened as `read` does it, with its snapshots, flows and verdicts. */
  readonly sessionEvery: number;
  /** For the files that are opened. */
  readonly folder: string;
}

/** What a case may take of a processor's time, in milliseconds. */
const MOST_MS = 1_000;
const SHOWN_FAILURES = 20;

const randomOf = (seed: number, index: number): Random =>
  new Random(Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) + Math.imul(index, 0xc2b2_ae35));

const spentMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** `began` is called with each case's number before it runs. */
export const runFuzz = async (
  corpus: Corpus,
  plan: FuzzPlan,
  began: (kind: 'file' | 'packet', index: number) => void,
): Promise<CaseFailure[]> => {
  const failures: CaseFailure[] = [];
  const timed = async (
    kind: 'file' | 'packet',
    index: number,
    bytesOf: () => Uint8Array,
    check: () => Promise<void> | void,
  ): Promise<void> => {
    began(kind, index);
    const start = performance.now();
    const startCpu = spentMs();
    let what: string | null = null;
    try {
      // Nothing is awaited for packets: a turn of the event loop costs more than the case.
      const running = check();
      if (running !== undefined) await running;
      // The machine may be busy: both clocks must say so.
      const took = Math.min(performance.now() - start, spentMs() - startCpu);
      if (took > MOST_MS) what = `took ${took.toFixed(0)} ms`;
    } catch (error) {
      what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    if (what !== null && failures.length < SHOWN_FAILURES) failures.push({ kind, index, what, bytes: bytesOf() });
  };
  for (let index = 0; index < plan.files; index++) {
    const random = randomOf(plan.seed, index);
    const file = mutated(random.of(corpus.files), random, corpus.files);
    const isWhole = index % plan.sessionEvery === 0;
    await timed(
      'file',
      index,
      () => file,
      () => {
        checkReader(file, random);
        checkUnpacker(file, random);
        return isWhole ? checkSession(file, plan.folder) : undefined;
      },
    );
  }
  const packets = new PacketCheck(corpus.frames);
  let last: Uint8Array = new Uint8Array(0);
  for (let index = 0; index < plan.packets; index++) {
    const random = randomOf(~plan.seed, index);
    const done = timed(
      'packet',
      index,
      () => last,
      () => {
        last = packets.check(random);
      },
    );
    if (index % 1000 === 0) {
      await done;
      // Orders of many flows are made in turns of the event loop, and keep their capture until they are.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return failures;
};
