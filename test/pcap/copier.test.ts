/** A capture that is passed on loses nothing, whatever blocks and options it has, in either byte order. */
import { describe, expect, it } from 'vitest';
import { ipv4 } from '../../src/base/ip-address.ts';
import { PcapngAppender } from '../../src/pcap/appender.ts';
import { inOtherByteOrder } from '../../src/pcap/byte-order.ts';
import type { PacketChange } from '../../src/pcap/changed-packet.ts';
import { CaptureCopier } from '../../src/pcap/copier.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { encodeSnapshot } from '../../src/pcap/snapshot-block.ts';
import { nameResolution } from '../../src/pcap/writer.ts';
import { block, bytesOf, classicHeader, classicRecord } from './capture-bytes.ts';
import { concat, eventsOf, type PlainEvent, packetsOf, problemsOf } from './events-of.ts';
import { everyBlock, FRAME, opaqueBlocks } from './everything.ts';

interface Copy {
  readonly change?: PacketChange;
  readonly withoutPrivate?: boolean;
  readonly own?: readonly Uint8Array[];
  readonly chunkBytes?: number;
}

const copyOf = (file: Uint8Array, { change, withoutPrivate = false, own = [], chunkBytes = 1000 }: Copy = {}): Uint8Array => {
  const out = new PcapngAppender();
  const copier = new CaptureCopier(out, { application: 'test', withoutPrivate });
  const reader = new CaptureReader();
  const drain = (): void => {
    for (let event = reader.next(); event !== null; event = reader.next()) {
      if (event.kind === 'packet') copier.packet(event.packet, change);
      else copier.event(event);
      if (event.kind === 'interface' && event.interfaceId === 0) for (const block of own) copier.own(block);
    }
  };
  for (let at = 0; at < file.length; at += chunkBytes) {
    const chunk = Buffer.from(file.subarray(at, at + chunkBytes));
    reader.push(chunk);
    drain();
    chunk.fill(0xee);
  }
  reader.end();
  drain();
  return new Uint8Array(out.take() ?? []);
};

/** What a block means, without where it stood and in which order its bytes were. */
const meaning = (events: readonly PlainEvent[]): unknown[] =>
  events.map((event) => {
    const { offset: _offset, littleEndian: _littleEndian, ...rest } = { littleEndian: null, ...event };
    return rest;
  });

const OBSOLETE = 5;

describe.each([
  ['little-endian', true],
  ['big-endian', false],
])('a %s capture', (_name, little) => {
  const blocks = [...everyBlock(little), ...opaqueBlocks(little)];
  const file = concat(...blocks);
  const withoutObsolete = concat(...blocks.filter((_, index) => index !== OBSOLETE));

  it('is read without complaint', () => {
    expect(problemsOf(eventsOf(file))).toEqual([]);
    expect(eventsOf(file)).toHaveLength(blocks.length);
  });

  it('is copied byte for byte', () => {
    for (const chunkBytes of [7, 1000, 100_000]) expect(copyOf(withoutObsolete, { chunkBytes })).toEqual(withoutObsolete);
  });

  it('has its obsolete packet made an enhanced one that says the same', () => {
    const copied = eventsOf(copyOf(file));
    expect(meaning(copied)).toEqual(meaning(eventsOf(file)));
    expect(packetsOf(copied)[2]).toMatchObject({ dropCount: 7, flags: 1, comments: ['old'] });
  });

  it('keeps all options of a packet that gets a further comment', () => {
    const copied = eventsOf(copyOf(file, { change: { added: ['vethscope: DROP ✓'] } }));
    expect(problemsOf(copied)).toEqual([]);
    const [before, after] = [packetsOf(eventsOf(file)), packetsOf(copied)];
    expect(after.map((packet) => packet.comments)).toEqual(
      // Simple packet blocks have no options.
      before.map((packet, index) => (index === 3 ? [] : [...packet.comments, 'vethscope: DROP ✓'])),
    );
    const bytes = Buffer.from(copyOf(file, { change: { added: ['x'] } }));
    for (const kept of ['kept 2988', 'kept 19373', 'of tomorrow', 'seen first', 'seen again']) expect(bytes.includes(kept)).toBe(true);
    for (const [index, packet] of before.entries()) {
      expect(after[index]).toEqual({ ...packet, offset: after[index]?.offset, comments: after[index]?.comments });
    }
  });

  it('gets other data and comments where they are given, and then no hash over the old data', () => {
    const change = { data: FRAME.subarray(0, 42), comments: ['one'] };
    const [first, second, , simple] = packetsOf(eventsOf(copyOf(file, { change })));
    expect(first).toMatchObject({ data: [...change.data], originalLength: FRAME.length + 2, comments: ['one'], flags: 0x281 });
    expect(second).toMatchObject({ originalLength: 60, comments: ['one'], flags: 2 });
    expect(simple?.data.slice(0, 42)).toEqual([...change.data]);
    const hash = Buffer.of(0xde, 0xad, 0xbe, 0xef);
    expect(Buffer.from(copyOf(file, { change: { comments: ['one'] } })).includes(hash)).toBe(true);
    expect(Buffer.from(copyOf(file, { change })).includes(hash)).toBe(false);
  });

  it('loses what must not be copied into a changed file where that is asked for', () => {
    const copied = Buffer.from(copyOf(file, { withoutPrivate: true }));
    expect(problemsOf(eventsOf(copied))).toEqual([]);
    expect(copied.includes('not me')).toBe(false);
    expect(copied.includes('copy me')).toBe(true);
  });

  it('takes blocks of our own in its byte order', () => {
    const own = [
      nameResolution([{ ip: ipv4(0x0a000002), names: ['web1'] }], ['ours']),
      ...encodeSnapshot({ timeSec: 5, timeNsec: 6, document: bytesOf('{}'), packing: 'none' }, 0),
    ];
    const events = eventsOf(copyOf(file, { own }));
    expect(problemsOf(events)).toEqual([]);
    expect(events.find((event) => event.kind === 'names')).toMatchObject({ comments: ['ours'], records: [{ names: ['web1'] }] });
    expect(events.find((event) => event.kind === 'custom')).toMatchObject({ pen: 32_473 });
  });

  it('means the same with every block turned to the other byte order, and turned back is as before', () => {
    const plain = everyBlock(little);
    const turned = plain.map((each) => inOtherByteOrder(each, little));
    expect(turned).toEqual(everyBlock(!little));
    // The reader does not look into the last one, which holds keys.
    const readable = turned.slice(0, -1).map((each) => each ?? new Uint8Array(0));
    expect(meaning(eventsOf(concat(...readable)))).toEqual(meaning(eventsOf(concat(...plain.slice(0, -1)))));
    for (const each of opaqueBlocks(little)) expect(inOtherByteOrder(each, little)).toBeNull();
  });

  it('has blocks that are damaged inside turned as far as they can be understood, or not at all', () => {
    for (const each of everyBlock(little)) {
      for (let place = 8; place < each.length - 4; place++) {
        const damaged = new Uint8Array(each);
        damaged[place] = (damaged[place] as number) ^ 0xff;
        const turned = inOtherByteOrder(damaged, little);
        if (turned !== null && inOtherByteOrder(turned, !little) !== null) expect(inOtherByteOrder(turned, !little)).toEqual(damaged);
      }
    }
    expect(inOtherByteOrder(block(little, 6), little)).toBeNull();
  });
});

describe('a classic capture', () => {
  const file = concat(
    classicHeader(false, 0xa1b2c3d4, 100, 113),
    classicRecord(false, 1, 5, FRAME, 200),
    classicRecord(false, 2, 6, FRAME),
  );

  it('becomes a section with one interface', () => {
    const events = eventsOf(copyOf(file, { change: { added: ['a comment'] } }));
    expect(problemsOf(events)).toEqual([]);
    expect(events[0]).toMatchObject({ kind: 'section', application: 'test' });
    expect(events[1]).toMatchObject({ kind: 'interface', linkType: 113, snapLength: 100 });
    const plain = (each: PlainEvent[]): unknown[] => packetsOf(each).map(({ offset: _offset, comments: _comments, ...rest }) => rest);
    expect(plain(events)).toEqual(plain(eventsOf(file)));
    expect(packetsOf(events)[0]?.comments).toEqual(['a comment']);
  });
});
