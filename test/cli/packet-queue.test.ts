/** Lines keep their order while some wait for their flow's verdict. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PacketQueue } from '../../src/cli/packet-queue.ts';

describe('packet queue', () => {
  let written: string[];
  let judged: Set<number>;
  let queue: PacketQueue;

  beforeEach(() => {
    vi.useFakeTimers();
    written = [];
    judged = new Set();
    queue = new PacketQueue(
      (text) => written.push(text),
      (id) => judged.has(id),
    );
  });
  afterEach(() => vi.useRealTimers());

  it('writes at once what need not wait', () => {
    judged.add(1);
    queue.add(1, () => 'a');
    queue.add(null, () => 'b');
    expect(written).toEqual(['a', 'b']);
  });

  it('lets nobody overtake a line that waits', () => {
    judged.add(2);
    queue.add(1, () => 'first');
    queue.add(2, () => 'second');
    queue.add(null, () => 'third');
    expect(written).toEqual([]);
    judged.add(1);
    queue.writeReady();
    expect(written).toEqual(['first', 'second', 'third']);
  });

  it('renders when the turn comes, so that the verdict is in the line', () => {
    queue.add(1, () => (judged.has(1) ? 'with verdict' : 'without'));
    judged.add(1);
    queue.writeReady();
    expect(written).toEqual(['with verdict']);
  });

  it('holds a line back for a fifth of a second at most', () => {
    queue.add(1, () => 'never judged');
    vi.advanceTimersByTime(199);
    expect(written).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(written).toEqual(['never judged']);
  });

  it('waits anew for lines that came later', () => {
    queue.add(1, () => 'a');
    vi.advanceTimersByTime(200);
    queue.add(1, () => 'b');
    vi.advanceTimersByTime(199);
    expect(written).toEqual(['a']);
    vi.advanceTimersByTime(1);
    expect(written).toEqual(['a', 'b']);
  });

  it('keeps no more than ten thousand', () => {
    for (let i = 0; i < 10_000; i++) queue.add(1, () => String(i));
    expect(written).toHaveLength(10_000);
  });
});
