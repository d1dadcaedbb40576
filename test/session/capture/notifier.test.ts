import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Notifier } from '../../../src/session/capture/notifier.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** How often it tells within four seconds in which something moves every millisecond; each time the listeners put off so much work. */
const calls = async (isSlow: boolean, workMs: number): Promise<number> => {
  let nowMs = 0;
  let count = 0;
  const notifier = new Notifier(() => nowMs);
  notifier.isSlow = isSlow;
  notifier.subscribe(() => {
    count++;
    queueMicrotask(() =>
      queueMicrotask(() => {
        nowMs += workMs;
      }),
    );
  });
  while (nowMs < 4_000) {
    notifier.touch();
    nowMs++;
    await vi.advanceTimersByTimeAsync(1);
  }
  notifier.close();
  return count;
};

describe('the notifier', () => {
  it('tells twenty times a second', async () => {
    expect(await calls(false, 0)).toBeCloseTo(80, -1);
  });

  it('tells somewhat less often while packets come faster than they are worked off', async () => {
    expect(await calls(true, 5)).toBeCloseTo(67, -1);
  });

  it('leaves most of that time to the packets where what it brings about takes long', async () => {
    const count = await calls(true, 40);
    expect(count).toBeGreaterThan(20);
    expect(count).toBeLessThanOrEqual(35);
  });

  it('tells once a second at least', async () => {
    expect(await calls(true, 400)).toBeGreaterThanOrEqual(4);
  });
});
