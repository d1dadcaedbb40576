/** What a trace shows of packets that pass while the rules change, or while messages are lost. */
import { describe, expect, it } from 'vitest';
import { TraceGaps } from '../../../src/session/tracing/trace-gaps.ts';

describe('a packet is seen incompletely', () => {
  it('never where no rule changes and nothing is lost', () => {
    expect(new TraceGaps().isIncomplete(0)).toBe(false);
  });

  it('when it is looked at while rules change, however long that takes, and whenever it began', () => {
    const gaps = new TraceGaps();
    gaps.opened();
    expect([gaps.isIncomplete(0), gaps.isIncomplete(1e9)]).toEqual([true, true]);
  });

  it('when it began before the changed rules were known, also where it is looked at long after; and not when it began then', () => {
    const gaps = new TraceGaps();
    gaps.opened();
    gaps.closed(5000);
    expect([gaps.isIncomplete(4999), gaps.isIncomplete(5000)]).toEqual([true, false]);
  });

  it('until the last of several changes is known', () => {
    const gaps = new TraceGaps();
    gaps.opened();
    gaps.opened();
    gaps.closed(5000);
    expect(gaps.isIncomplete(6000)).toBe(true);
    gaps.closed(7000);
    expect([gaps.isIncomplete(6000), gaps.isIncomplete(7001)]).toEqual([true, false]);
  });

  it('around lost messages, and a change of rules meanwhile does not shorten that', () => {
    const gaps = new TraceGaps();
    gaps.lost(5000);
    gaps.opened();
    gaps.closed(5100);
    expect([gaps.isIncomplete(5500), gaps.isIncomplete(6001)]).toEqual([true, false]);
  });
});
