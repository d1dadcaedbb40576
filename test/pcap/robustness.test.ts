/** Whatever the bytes and however they arrive: the same events, everything before the damage, never an exception or a hang. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { encodeSnapshot } from '../../src/pcap/snapshot-block.ts';
import {
  customBlock,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  nameResolution,
  rawBlock,
  sectionHeader,
} from '../../src/pcap/writer.ts';
import { bytesOf, classicHeader, classicRecord, enhanced, iface, option, section, words } from './capture-bytes.ts';
import { concat, eventsOf, problemsOf } from './events-of.ts';
import { everyBlock, opaqueBlocks } from './everything.ts';

const packet = (size: number, comments: string[]): Uint8Array =>
  enhancedPacket({
    interfaceId: 0,
    timeSec: 1_700_000_000 + size,
    timeNsec: size,
    bytes: new Uint8Array(size).fill(size),
    start: 0,
    end: size,
    originalLength: size + 1,
    comments,
  });

const BLOCKS = [
  sectionHeader({ application: 'test', comments: ['c'] }),
  interfaceDescription({ linkType: 1, snapLength: 65_535, name: 'veth0', filter: 'icmp' }),
  nameResolution([{ ip: { version: 4, a: 1, b: 0, c: 0, d: 0 }, names: ['web1'] }]),
  packet(60, ['vethscope: DROP']),
  packet(0, []),
  ...encodeSnapshot({ timeSec: 5, timeNsec: 6, document: bytesOf('{"vethscope":1}'), packing: 'none' }, 0, 7),
  packet(301, []),
  interfaceStatistics({ interfaceId: 0, timeSec: 1, timeNsec: 2, received: 3 }),
  customBlock(7, bytesOf('x')),
  rawBlock(0x77, bytesOf('what')),
  section(false),
  iface(false, 113, 0, option(false, 2, 'any')),
  enhanced(false, 0, 77n, bytesOf('hello')),
] as const;
const PCAPNG = concat(...BLOCKS);
const PCAP = concat(
  classicHeader(false, 0xa1b23c4d, 0, 1),
  ...[0, 1, 60, 300].map((size) => classicRecord(false, size, size, new Uint8Array(size).fill(7))),
);
/** Every kind of block and option, in both byte orders. */
const EVERY_BLOCK = [true, false].flatMap((little) => [...everyBlock(little), ...opaqueBlocks(little)]);
const EVERYTHING = concat(...EVERY_BLOCK);
const endsOf = (blocks: readonly Uint8Array[]): number[] => {
  let end = 0;
  return blocks.map((block) => {
    end += block.length;
    return end;
  });
};
/** Where a file can end without anything missing. */
const ENDS = new Map<Uint8Array, readonly number[]>([
  [EVERYTHING, endsOf(EVERY_BLOCK)],
  [PCAPNG, BLOCKS.map((_, index) => concat(...BLOCKS.slice(0, index + 1)).length)],
  [PCAP, [24, 40, 57, 133, 449]],
]);

describe.each([
  ['pcapng', PCAPNG],
  ['pcap', PCAP],
  ['pcapng-with-everything', EVERYTHING],
])('a %s file', (_name, file) => {
  const whole = eventsOf(file);

  it('gives the same events however it is cut into chunks', () => {
    expect(problemsOf(whole)).toEqual([]);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: file.length }), { maxLength: 30 }), (cuts) => {
        expect(eventsOf(file, cuts)).toEqual(whole);
        expect(eventsOf(file, cuts, true)).toEqual(whole);
      }),
    );
    expect(eventsOf(file, Array.from(file.keys()))).toEqual(whole);
  });

  it('gives everything before a cut, and one problem unless the cut lies between blocks', () => {
    const ends = ENDS.get(file) ?? [];
    expect(ends.at(-1)).toBe(file.length);
    for (let length = 1; length < file.length; length++) {
      const events = eventsOf(file.subarray(0, length));
      const good = events.filter((event) => event.kind !== 'problem');
      expect(good).toEqual(whole.slice(0, good.length));
      const problems = problemsOf(events);
      expect(problems).toHaveLength(ends.includes(length) ? 0 : 1);
      if (problems.length > 0) expect(problems[0]).toMatch(/^\d+: the file ends (after|inside)/);
      const complete = ends.filter((end) => end <= length).length;
      expect(good.length).toBeGreaterThanOrEqual(complete);
    }
  });

  it('never throws or hangs over flipped, removed or repeated bytes, and chunks make no difference', () => {
    const damage = fc.array(fc.tuple(fc.nat({ max: file.length - 1 }), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        damage,
        fc.nat({ max: file.length }),
        fc.nat({ max: 40 }),
        fc.array(fc.nat({ max: file.length })),
        (flips, at, cut, cuts) => {
          const flipped = file.slice();
          for (const [place, mask] of flips) flipped[place] = (flipped[place] as number) ^ mask;
          const removed = concat(flipped.subarray(0, at), flipped.subarray(Math.min(file.length, at + cut)));
          const repeated = concat(flipped.subarray(0, at), flipped.subarray(Math.max(0, at - cut)));
          for (const bytes of [flipped, removed, repeated]) {
            const events = eventsOf(bytes);
            expect(eventsOf(bytes, cuts)).toEqual(events);
            expect(eventsOf(bytes, cuts, true)).toEqual(events);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('gives the blocks before a flipped byte untouched', () => {
    for (let place = 0; place < file.length; place += 3) {
      const flipped = file.slice();
      flipped[place] = (flipped[place] as number) ^ 0x80;
      const ends = (ENDS.get(file) ?? []).filter((end) => end <= place);
      const before = eventsOf(file.subarray(0, ends.at(-1) ?? 0)).filter((event) => event.kind !== 'problem');
      expect(eventsOf(flipped).slice(0, before.length)).toEqual(before);
    }
  });
});

describe('random bytes', () => {
  it('end in problems, not in exceptions', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom(section(true), section(false), classicHeader(true, 0xa1b2c3d4, 0, 1)),
        (noise, head) => {
          eventsOf(noise);
          eventsOf(concat(head, noise), [head.length, head.length + 5]);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('claims', () => {
  it('cost no memory before their bytes are there', () => {
    const reader = new CaptureReader();
    reader.push(concat(section(true), words(true, 6, 16 * 1024 * 1024)));
    const chunk = new Uint8Array(1000);
    while (reader.next() !== null);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 100; i++) {
      reader.push(chunk);
      expect(reader.next()).toBeNull();
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  it('of sections inside one another are looked at once each', () => {
    // Each header claims the whole rest: the search for the next one must not start over.
    const header = words(true, 0x0a0d0d0a, 1024 * 1024, 0x1a2b3c4d);
    const file = new Uint8Array(1024 * 1024);
    for (let at = 0; at < file.length; at += 12) file.set(header.subarray(0, Math.min(12, file.length - at)), at);
    const events = eventsOf(file, [1000, 70_000, 500_000]);
    expect(events.every((event) => event.kind === 'problem')).toBe(true);
  });
});
