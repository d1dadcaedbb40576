import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4, ipv6 } from '../../src/base/ip-address.ts';
import { PcapngAppender } from '../../src/pcap/appender.ts';
import {
  customBlock,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  nameResolution,
  rawBlock,
  sectionHeader,
} from '../../src/pcap/writer.ts';
import { concat, eventsOf, type PlainEvent, packetsOf, problemsOf } from './events-of.ts';

/** Text as it can be in an option: the format ends it at NULs. */
const text = fc
  .string({ unit: 'grapheme', maxLength: 60 })
  .filter((value) => !value.includes('\0') && value === new TextDecoder().decode(new TextEncoder().encode(value)));
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined });
const texts = fc.array(text, { maxLength: 3 });
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const time = fc.record({ timeSec: fc.integer({ min: 0, max: 18_446_744_072 }), timeNsec: fc.integer({ min: 0, max: 999_999_999 }) });

const SECTION = sectionHeader();
const INTERFACE = interfaceDescription({ linkType: 1, snapLength: 0 });

/** The event of one block behind a section header and an interface. */
const readBack = (block: Uint8Array): PlainEvent => {
  const events = eventsOf(concat(SECTION, INTERFACE, block));
  expect(problemsOf(events)).toEqual([]);
  expect(events).toHaveLength(3);
  return events[2] as PlainEvent;
};

const orNull = <Value>(value: Value | undefined): Value | null => value ?? null;

describe('what is written is read back: ', () => {
  it('section headers', () => {
    fc.assert(
      fc.property(fc.record({ hardware: maybe(text), os: maybe(text), application: maybe(text), comments: texts }), (parts) => {
        const [event] = eventsOf(sectionHeader(parts));
        expect(event).toMatchObject({
          kind: 'section',
          hardware: orNull(parts.hardware),
          os: orNull(parts.os),
          application: orNull(parts.application),
          comments: parts.comments,
        });
      }),
    );
  });

  it('interface descriptions', () => {
    const parts = fc.record({
      linkType: fc.integer({ min: 0, max: 0xffff }),
      snapLength: u32,
      name: maybe(text),
      description: maybe(text),
      filter: maybe(text),
      os: maybe(text),
      hardware: maybe(text),
      mac: maybe(fc.integer({ min: 0, max: 0xffff_ffff_ffff })),
      timeStampSource: maybe(text),
      comments: texts,
    });
    fc.assert(
      fc.property(parts, ({ timeStampSource, comments, ...rest }) => {
        const { name, description, filter, os, hardware, mac, ...numbers } = rest;
        expect(readBack(interfaceDescription({ ...rest, timeStampSource, comments }))).toMatchObject({
          ...numbers,
          kind: 'interface',
          interfaceId: 1,
          name: orNull(name),
          description: orNull(description),
          filter: orNull(filter),
          os: orNull(os),
          hardware: orNull(hardware),
          mac: orNull(mac),
          resolution: { base: 10, exponent: 9 },
          comments: [...(timeStampSource === undefined ? [] : [`time stamps: ${timeStampSource}`]), ...comments],
        });
      }),
    );
  });

  it('packets with their time, comments, flags and drop counts', () => {
    const parts = fc.record({
      data: fc.uint8Array({ maxLength: 300 }),
      before: fc.integer({ min: 0, max: 9 }),
      beyond: fc.integer({ min: 0, max: 2000 }),
      comments: texts,
      flags: fc.constantFrom(0, 1, 2, 0xffff_ffff),
      dropCount: fc.oneof(fc.constant(-1), count),
    });
    fc.assert(
      fc.property(parts, time, ({ data, before, beyond, comments, flags, dropCount }, at) => {
        const bytes = concat(new Uint8Array(before).fill(9), data, Uint8Array.of(8));
        const originalLength = data.length + beyond;
        const block = enhancedPacket({
          interfaceId: 0,
          ...at,
          bytes,
          start: before,
          end: before + data.length,
          originalLength,
          comments,
          flags,
          dropCount,
        });
        expect(readBack(block)).toMatchObject({
          kind: 'packet',
          data: Array.from(data),
          originalLength,
          time: `${at.timeSec}.${String(at.timeNsec).padStart(9, '0')}`,
          comments,
          flags,
          dropCount,
        });
      }),
    );
  });

  it('names', () => {
    const address = fc.oneof(
      u32.map(ipv4),
      fc.tuple(u32, u32, u32, u32).map((words) => ipv6(...words)),
    );
    const record = fc.record({
      ip: address,
      names: fc.array(
        text.filter((name) => name !== ''),
        { minLength: 1, maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), texts, (records, comments) => {
        const short = (name: string) => new TextEncoder().encode(name).length < 250;
        const fitting = records.filter(({ names }) => names.every(short));
        expect(readBack(nameResolution(fitting, comments))).toMatchObject({ kind: 'names', records: fitting, comments });
      }),
    );
  });

  it('interface statistics, where what is unknown stays unknown', () => {
    const unknown = fc.option(count);
    const parts = fc.record({
      received: unknown,
      droppedByInterface: unknown,
      acceptedByFilter: unknown,
      droppedByOs: unknown,
      delivered: unknown,
      comments: texts,
    });
    fc.assert(
      fc.property(parts, time, (counts, at) => {
        expect(readBack(interfaceStatistics({ interfaceId: 0, ...at, ...counts }))).toMatchObject({ kind: 'statistics', ...at, ...counts });
      }),
    );
  });

  it('custom and other blocks, with their padding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), u32, fc.boolean(), (data, pen, mayCopy) => {
        const padding = new Uint8Array((4 - (data.length % 4)) % 4);
        expect(readBack(customBlock(pen, data, mayCopy))).toMatchObject({ kind: 'custom', pen, mayCopy, data: concat(data, padding) });
        expect(readBack(rawBlock(0x8000_0001, data))).toMatchObject({
          kind: 'unknown',
          blockType: 0x8000_0001,
          body: concat(data, padding),
        });
      }),
    );
  });
});

describe('texts that do not fit', () => {
  it('are cut between characters', () => {
    const block = enhancedPacket({
      interfaceId: 0,
      timeSec: 0,
      timeNsec: 0,
      bytes: new Uint8Array(0),
      start: 0,
      end: 0,
      originalLength: 0,
      comments: [`x${'é'.repeat(40_000)}`],
    });
    const comment = packetsOf([readBack(block)])[0]?.comments[0] ?? '';
    expect(comment).toBe(`x${'é'.repeat(32_767)}`);
  });
});

describe('appending to a live file', () => {
  const packet = (size: number, second: number) => ({
    interfaceId: 0,
    timeSec: second,
    timeNsec: 5,
    bytes: new Uint8Array(size).fill(second),
    start: 0,
    end: size,
    originalLength: size,
    comments: second % 7 === 0 ? ['x'.repeat(second)] : [],
  });

  it('gives the same bytes as the blocks one by one, whole blocks a chunk, and uses the buffers again', () => {
    const appender = new PcapngAppender(1000);
    const chunks: Uint8Array[] = [];
    const buffers = new Set<ArrayBufferLike>();
    const takeOver = (): void => {
      const chunk = appender.take();
      if (chunk === null) return;
      chunks.push(chunk.slice());
      buffers.add(chunk.buffer);
      expect(problemsOf(eventsOf(concat(...chunks)))).toEqual([]);
      appender.recycle(chunk);
    };
    appender.block(SECTION);
    appender.block(INTERFACE);
    const expected = [SECTION, INTERFACE];
    for (let i = 0; i < 100; i++) {
      appender.packet(packet(i * 3, i));
      expected.push(enhancedPacket(packet(i * 3, i)));
      if (appender.full) takeOver();
    }
    takeOver();
    expect(concat(...chunks)).toEqual(concat(...expected));
    expect(appender.take()).toBeNull();
    expect(buffers.size).toBeLessThanOrEqual(2);
  });

  it('does not touch a chunk that has not come back', () => {
    const appender = new PcapngAppender(100);
    appender.block(SECTION);
    const first = appender.take();
    const copy = first?.slice();
    for (let i = 0; i < 50; i++) {
      appender.packet(packet(200, i));
      appender.take();
    }
    expect(first).toEqual(copy);
  });
});
