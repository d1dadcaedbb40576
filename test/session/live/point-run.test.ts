import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LivePoint } from '../../../src/session/live/live-point.ts';
import { PointRun } from '../../../src/session/live/point-run.ts';

const LINKTYPE_ETHERNET = 1;
const COUNTS = { received: 0, kernel: null, engine: 0, interface: null };

const BEGUN_SEC = 1_700_000_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: BEGUN_SEC * 1000 });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A point that has listened since now. */
const listening = (): { readonly run: PointRun; readonly fromMs: number } => {
  const run = new PointRun({ counts: COUNTS } as unknown as LivePoint);
  const fromMs = performance.now();
  run.listens(LINKTYPE_ETHERNET, 'cap');
  return { run, fromMs };
};

describe('a point of a live capture', () => {
  it('has listened without a break as long as its engine is heard', () => {
    const { run, fromMs } = listening();
    for (let second = 1; second <= 10; second++) {
      run.heard(fromMs + second * 1000);
      run.passed(fromMs + second * 1000 + 900);
    }
    expect(run.condition(0).sinceSec).toBe(BEGUN_SEC);
  });

  it('is not known to listen while its engine is silent, and listens anew when it is heard again', () => {
    const { run, fromMs } = listening();
    run.passed(fromMs + 5000);
    expect(run.condition(0).sinceSec).toBeNull();
    vi.setSystemTime((BEGUN_SEC + 9) * 1000);
    run.heard(fromMs + 9000);
    expect(run.condition(0).sinceSec).toBe(BEGUN_SEC + 9);
  });

  it('is known to have listened once its engine was stopped, however long ago', () => {
    const { run, fromMs } = listening();
    run.heard(fromMs + 1000);
    run.stopped();
    run.passed(fromMs + 60_000);
    expect(run.condition(0).sinceSec).toBe(BEGUN_SEC);
  });
});
