import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CustomEvent } from '../../src/pcap/events.ts';
import { type CapturedSnapshot, encodeSnapshot, SnapshotCollector, type SnapshotResult } from '../../src/pcap/snapshot-block.ts';
import { customBlock, sectionHeader } from '../../src/pcap/writer.ts';
import { bytesOf } from './capture-bytes.ts';
import { concat, eventsOf } from './events-of.ts';

type Custom = Pick<CustomEvent, 'pen' | 'section' | 'data'>;

const customs = (...blocks: readonly Uint8Array[]): Custom[] =>
  eventsOf(concat(sectionHeader(), ...blocks)).filter((event) => event.kind === 'custom');

const collect = (events: readonly Custom[]): SnapshotResult[] => {
  const collector = new SnapshotCollector();
  return events.map((event) => collector.add(event));
};

const snapshot: CapturedSnapshot = {
  timeSec: 1_700_000_000,
  timeNsec: 123_456_789,
  document: bytesOf('{"vethscope":1,"host":"höst ✓"}'),
  packing: 'none',
};

describe('a snapshot in a capture', () => {
  it('comes back with its time, in as many parts as it was split', () => {
    const parts = fc.record<CapturedSnapshot>({
      timeSec: fc.integer({ min: 0, max: 2 ** 40 }),
      timeNsec: fc.integer({ min: 0, max: 999_999_999 }),
      document: fc.uint8Array({ maxLength: 500 }),
      packing: fc.constantFrom('none', 'gzip'),
    });
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 50 }), (given, partBytes) => {
        const blocks = encodeSnapshot(given, 3, partBytes);
        expect(blocks).toHaveLength(Math.max(1, Math.ceil(given.document.length / partBytes)));
        const results = collect(customs(...blocks));
        expect(results.slice(0, -1).every((result) => result.kind === 'partial')).toBe(true);
        expect(results.at(-1)).toEqual({ kind: 'snapshot', snapshot: given });
      }),
    );
  });

  it('may be empty', () => {
    const empty = { ...snapshot, document: new Uint8Array(0) };
    expect(collect(customs(...encodeSnapshot(empty, 0)))).toEqual([{ kind: 'snapshot', snapshot: empty }]);
  });

  it('is found several times in one file, with its parts between others', () => {
    const first = encodeSnapshot(snapshot, 0, 10);
    const later = { ...snapshot, timeSec: snapshot.timeSec + 60, document: bytesOf('{"vethscope":1,"later":true}') };
    const second = encodeSnapshot(later, 1, 10);
    const mixed = [second[0], ...first, ...second.slice(1).reverse()].filter((block) => block !== undefined);
    const found = collect(customs(...mixed)).filter((result) => result.kind === 'snapshot');
    expect(found.map((result) => result.snapshot)).toEqual([snapshot, later]);
  });

  it('tells blocks of others from its own', () => {
    expect(collect(customs(customBlock(32_473, bytesOf('something else altogether')), customBlock(1, new Uint8Array(0))))).toEqual([
      { kind: 'foreign' },
      { kind: 'foreign' },
    ]);
  });

  it('says what is wrong with a damaged block', () => {
    const [block] = customs(...encodeSnapshot(snapshot, 0));
    const damaged = (at: number, value: number): CustomEvent => {
      const data = (block?.data ?? new Uint8Array(0)).slice();
      data[at] = value;
      return { ...(block as CustomEvent), data };
    };
    expect(collect([damaged(44, 9)])).toMatchObject([{ kind: 'problem', message: expect.stringContaining('claims 150994978 bytes') }]);
    expect(collect([damaged(23, 5)])).toMatchObject([{ kind: 'problem', message: 'a snapshot block says it is part 5 of 1' }]);
    expect(collect([damaged(43, 5)])).toMatchObject([{ kind: 'problem', message: 'a snapshot of 5 bytes came as 34 bytes' }]);
    expect(collect([{ ...(block as CustomEvent), data: bytesOf('vethscope snap 1') }])).toMatchObject([{ kind: 'problem' }]);
  });

  it('that never becomes complete is counted, and many of them are refused', () => {
    const collector = new SnapshotCollector();
    const results = Array.from({ length: 10 }, (_, serial) => {
      const [event] = customs(...encodeSnapshot(snapshot, serial, 5).slice(0, 1));
      return collector.add(event as CustomEvent).kind;
    });
    expect(results).toEqual([...new Array<string>(8).fill('partial'), 'problem', 'problem']);
    expect(collector.incomplete).toBe(8);
  });
});
