/**
 * `npm run fuzz -- [--files N] [--packets N] [--seed S] [--out DIR]`: damaged capture files and packets through all that reads them.
 * An exception, more than a second, or memory that grows is a failure; it is written down with its bytes. The work is done in a
 * thread that this one watches, so that a case that never ends is found too.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { readCorpus } from './corpus.ts';
import { type CaseFailure, type FuzzPlan, runFuzz } from './run-cases.ts';

/** A case of which nothing is heard for so long never ends. */
const HANG_MS = 20_000;
/** Nothing here needs as much, whatever the files claim. */
const MOST_BYTES = 900 * 1024 * 1024;
const LOOK_MS = 250;

interface Work {
  readonly plan: FuzzPlan;
  /** The kind of the case that runs (1 file, 2 packet) and its number. */
  readonly current: Int32Array;
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const work = async ({ plan, current }: Work): Promise<void> => {
  const failures = await runFuzz(readCorpus(process.cwd()), plan, (kind, index) => {
    current[0] = kind === 'file' ? 1 : 2;
    current[1] = index;
  });
  parentPort?.postMessage(failures);
};

const watch = (plan: FuzzPlan): Promise<readonly CaseFailure[]> => {
  const current = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL(import.meta.url), { workerData: { plan, current }, resourceLimits: { maxOldGenerationSizeMb: 400 } });
  const names = ['start', 'file', 'packet'];
  const caseNow = (): string => `${names[current[0] ?? 0]} ${current[1]}`;
  let heard = '';
  let heardAt = performance.now();
  let peak = 0;
  let saidAt = performance.now();
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      const now = performance.now();
      if (heard !== caseNow()) {
        heard = caseNow();
        heardAt = now;
      }
      if (now - saidAt > 10_000) {
        saidAt = now;
        say(`${heard}, ${(peak / 1048576).toFixed(0)} MB at most`);
      }
      const rss = process.memoryUsage.rss();
      peak = Math.max(peak, rss);
      if (now - heardAt > HANG_MS && heard !== 'start 0') fail(new Error(`${heard} does not end`));
      else if (rss > MOST_BYTES) fail(new Error(`${heard}: ${(rss / 1048576).toFixed(0)} MB in use`));
    }, LOOK_MS);
    const fail = (error: Error): void => {
      clearInterval(timer);
      void worker.terminate();
      reject(error);
    };
    worker.on('error', (error) => fail(new Error(`${caseNow()}: ${error instanceof Error ? error.stack : error}`)));
    worker.on('message', (failures: readonly CaseFailure[]) => {
      clearInterval(timer);
      say(`${(peak / 1048576).toFixed(0)} MB in use at most`);
      resolve(failures);
    });
  });
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '20000' },
      packets: { type: 'string', default: '100000' },
      seed: { type: 'string' },
      'session-every': { type: 'string', default: '20' },
      out: { type: 'string', default: '.programs/fuzz' },
    },
  });
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const folder = mkdtempSync(join(tmpdir(), 'vethscope-fuzz-'));
  const files = Number(values.files);
  const packets = Number(values.packets);
  say(`seed ${seed}`);
  const began = performance.now();
  try {
    const failures = await watch({ seed, files, packets, sessionEvery: Number(values['session-every']), folder });
    for (const failure of failures) {
      mkdirSync(values.out, { recursive: true });
      const path = join(values.out, `${seed}-${failure.kind}-${failure.index}`);
      writeFileSync(path, failure.bytes);
      say(`${path}\n${failure.what}`);
    }
    say(`${files} files and ${packets} packets in ${((performance.now() - began) / 1000).toFixed(0)} s: ${failures.length} failures`);
    if (failures.length > 0) process.exitCode = 1;
  } catch (error) {
    say(`seed ${seed}: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

if (isMainThread) await main();
else await work(workerData as Work);
