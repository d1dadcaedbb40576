import { describe, expect, it } from 'vitest';
import { CaptureReader } from '../../src/pcap/reader.ts';
import {
  block,
  bytesOf,
  classicHeader,
  classicRecord,
  END,
  enhanced,
  halves,
  iface,
  option,
  pad,
  section,
  words,
} from './capture-bytes.ts';
import { concat, eventsOf, packetsOf, problemsOf } from './events-of.ts';

const HELLO = bytesOf('hello');

describe.each([
  { name: 'little-endian', little: true },
  { name: 'big-endian', little: false },
])('a $name classic pcap file', ({ little }) => {
  it('gives section, interface and packets with microseconds', () => {
    const file = concat(classicHeader(little, 0xa1b2c3d4, 65535, 1), classicRecord(little, 1_700_000_000, 123_456, HELLO, 99));
    const events = eventsOf(file);
    expect(events.map((event) => event.kind)).toEqual(['section', 'interface', 'packet']);
    expect(events[0]).toMatchObject({ format: 'pcap', littleEndian: little, index: 0, major: 2, minor: 4 });
    expect(events[1]).toMatchObject({ linkType: 1, snapLength: 65535, resolution: { base: 10, exponent: 6 } });
    expect(packetsOf(events)[0]).toMatchObject({ time: '1700000000.123456000', originalLength: 99, offset: 24, data: Array.from(HELLO) });
  });

  it('keeps all nine digits of the nanosecond variant', () => {
    const file = concat(classicHeader(little, 0xa1b23c4d, 0, 113), classicRecord(little, 4_294_967_295, 999_999_999, HELLO));
    expect(packetsOf(eventsOf(file))[0]).toMatchObject({ time: '4294967295.999999999', linkType: 113 });
  });

  it('leaves the frame check sequence bits out of the link type', () => {
    const file = concat(classicHeader(little, 0xa1b2c3d4, 0, 0x3400_0001), classicRecord(little, 1, 0, HELLO));
    expect(packetsOf(eventsOf(file))[0]).toMatchObject({ linkType: 1 });
  });

  it('refuses a record that is longer than any can be, with its place, after what came before it', () => {
    const file = concat(
      classicHeader(little, 0xa1b2c3d4, 96, 1),
      classicRecord(little, 1, 0, HELLO),
      words(little, 2, 0, 0x7fffffff, 0x7fffffff),
      new Uint8Array(64),
    );
    const events = eventsOf(file);
    expect(packetsOf(events)).toHaveLength(1);
    expect(problemsOf(events)).toEqual([
      '45: a record claims 2147483647 captured bytes, at most 262144 can be; what follows cannot be read',
    ]);
  });
});

describe.each([
  { name: 'little-endian', little: true },
  { name: 'big-endian', little: false },
])('a $name pcapng file', ({ little }) => {
  const nano = option(little, 9, Uint8Array.of(9));

  it('gives the options of its section', () => {
    const file = section(
      little,
      option(little, 2, 'x86'),
      option(little, 3, 'Linux'),
      option(little, 4, 'app'),
      option(little, 1, 'why'),
      END,
    );
    expect(eventsOf(file)).toEqual([
      {
        kind: 'section',
        index: 0,
        offset: 0,
        format: 'pcapng',
        littleEndian: little,
        major: 1,
        minor: 0,
        lengthBytes: null,
        hardware: 'x86',
        os: 'Linux',
        application: 'app',
        comments: ['why'],
      },
    ]);
  });

  it('keeps interfaces with their own link types, snap lengths and time resolutions apart', () => {
    const offset = new Uint8Array(8);
    new DataView(offset.buffer).setBigInt64(0, -100n, little);
    const file = concat(
      section(little),
      iface(little, 1, 96, option(little, 2, 'eth0'), option(little, 6, Uint8Array.of(2, 0, 0, 0, 0, 1)), nano, END),
      iface(little, 113, 0, option(little, 9, Uint8Array.of(3)), option(little, 14, offset), END),
      iface(little, 276, 0, option(little, 9, Uint8Array.of(0x80 | 20)), END),
      iface(little, 1, 0, option(little, 9, Uint8Array.of(12)), END),
      iface(little, 1, 0, option(little, 9, Uint8Array.of(0)), END),
      iface(little, 1, 0),
      enhanced(little, 0, 1_700_000_000_123_456_789n, HELLO, 99),
      enhanced(little, 1, 1_700_000_000_123n, HELLO),
      enhanced(little, 2, 1_700_000_000n * 1_048_576n + 524_288n, HELLO),
      enhanced(little, 3, 1_700_000_123_456_789_012n, HELLO),
      enhanced(little, 4, 1_700_000_000n, HELLO),
      enhanced(little, 5, 1_700_000_000_999_999n, HELLO),
    );
    const events = eventsOf(file);
    expect(problemsOf(events)).toEqual([]);
    expect(events[1]).toMatchObject({ name: 'eth0', snapLength: 96, mac: 0x020000000001, resolution: { base: 10, exponent: 9 } });
    expect(events[2]).toMatchObject({ interfaceId: 1, timeOffsetSec: -100 });
    expect(packetsOf(events).map((packet) => [packet.interfaceId, packet.linkType, packet.time])).toEqual([
      [0, 1, '1700000000.123456789'],
      [1, 113, '1699999900.123000000'],
      [2, 276, '1700000000.500000000'],
      [3, 1, '1700000.123456789'],
      [4, 1, '1700000000.000000000'],
      [5, 1, '1700000000.999999000'],
    ]);
  });

  it('keeps the time exact when stamps jump forwards and backwards', () => {
    const stamps = [
      5_000_000_001n,
      4_999_999_999n,
      0n,
      18_446_744_073_709_551_615n,
      4_294_967_296n,
      4_294_967_295n,
      1_700_000_000_999_999_999n,
    ];
    const file = concat(section(little), iface(little, 1, 0, nano, END), ...stamps.map((stamp) => enhanced(little, 0, stamp, HELLO)));
    expect(packetsOf(eventsOf(file)).map((packet) => packet.time)).toEqual(
      stamps.map((stamp) => `${stamp / 1_000_000_000n}.${String(stamp % 1_000_000_000n).padStart(9, '0')}`),
    );
  });

  it('reads comments, flags and drop counts of packets, and shares nothing between packets', () => {
    const drops = new Uint8Array(8);
    new DataView(drops.buffer).setBigUint64(0, 7n, little);
    const file = concat(
      section(little),
      iface(little, 1, 0),
      enhanced(
        little,
        0,
        0n,
        HELLO,
        5,
        option(little, 1, 'one'),
        option(little, 2, words(little, 2)),
        option(little, 4, drops),
        option(little, 1, 'zwei ✓'),
        END,
      ),
      enhanced(little, 0, 0n, HELLO),
    );
    const [first, second] = packetsOf(eventsOf(file));
    expect(first).toMatchObject({ comments: ['one', 'zwei ✓'], flags: 2, dropCount: 7 });
    expect(second).toMatchObject({ comments: [], flags: 0, dropCount: -1 });
  });

  it('cuts simple packets at the snap length of the first interface', () => {
    const simple = (original: number, data: Uint8Array) => block(little, 3, words(little, original), pad(data));
    const file = concat(section(little), iface(little, 101, 5), simple(2, bytesOf('ab')), simple(1000, HELLO));
    expect(packetsOf(eventsOf(file))).toMatchObject([
      { data: Array.from(bytesOf('ab')), originalLength: 2, time: 'none', linkType: 101 },
      { data: Array.from(HELLO), originalLength: 1000, time: 'none' },
    ]);
  });

  it('reads the obsolete packet block with its drop count', () => {
    const old = (drops: number) =>
      block(little, 2, halves(little, 0, drops), words(little, 0, 1_500_000, HELLO.length, 60), pad(HELLO), option(little, 1, 'old'), END);
    const file = concat(section(little), iface(little, 1, 0), old(3), old(0xffff));
    expect(packetsOf(eventsOf(file))).toMatchObject([
      { time: '1.500000000', dropCount: 3, comments: ['old'], originalLength: 60 },
      { dropCount: -1 },
    ]);
  });

  it('reads names of both families and their comment', () => {
    const record4 = option(little, 1, concat(Uint8Array.of(172, 18, 0, 2), bytesOf('web1\0web1.test_net1\0')));
    const record6 = option(little, 2, concat(Uint8Array.of(0xfd, ...new Uint8Array(14), 1), bytesOf('six\0')));
    const file = concat(
      section(little),
      block(little, 4, record4, option(little, 3, new Uint8Array(8)), record6, END, option(little, 1, 'c'), END),
    );
    const events = eventsOf(file);
    expect(events[1]).toMatchObject({
      kind: 'names',
      comments: ['c'],
      records: [
        { ip: { version: 4, a: 0xac120002 }, names: ['web1', 'web1.test_net1'] },
        { ip: { version: 6, a: 0xfd000000, d: 1 }, names: ['six'] },
      ],
    });
  });

  it('reads interface statistics and leaves absent counts unknown', () => {
    const count = new Uint8Array(8);
    new DataView(count.buffer).setBigUint64(0, 5_000_000_000n, little);
    const file = concat(
      section(little),
      iface(little, 1, 0),
      block(little, 5, words(little, 0, 0, 2_000_001), option(little, 4, count), END),
    );
    expect(eventsOf(file)[2]).toMatchObject({
      kind: 'statistics',
      interfaceId: 0,
      timeSec: 2,
      timeNsec: 1000,
      received: 5_000_000_000,
      droppedByInterface: null,
      droppedByOs: null,
    });
  });

  it('keeps custom and unknown blocks as bytes', () => {
    const file = concat(
      section(little),
      block(little, 0xbad, words(little, 32473), bytesOf('data')),
      block(little, 0x40000bad, words(little, 7)),
      block(little, 0x99, bytesOf('what')),
    );
    expect(eventsOf(file).slice(1)).toEqual([
      { kind: 'custom', section: 0, offset: 28, pen: 32473, mayCopy: true, littleEndian: little, data: bytesOf('data') },
      { kind: 'custom', section: 0, offset: 48, pen: 7, mayCopy: false, littleEndian: little, data: new Uint8Array(0) },
      { kind: 'unknown', section: 0, offset: 64, blockType: 0x99, littleEndian: little, body: bytesOf('what') },
    ]);
  });

  it('starts numbering interfaces anew in each section, whatever its byte order', () => {
    const file = concat(
      section(little),
      iface(little, 1, 0),
      enhanced(little, 0, 0n, HELLO),
      section(!little),
      iface(!little, 113, 0),
      enhanced(!little, 0, 0n, HELLO),
      enhanced(!little, 1, 0n, HELLO),
    );
    const events = eventsOf(file);
    expect(packetsOf(events).map((packet) => [packet.section, packet.interfaceId, packet.linkType])).toEqual([
      [0, 0, 1],
      [1, 0, 113],
    ]);
    expect(problemsOf(events)).toEqual(['176: packet of interface 1, which has not been described']);
  });

  it('names a damaged block and goes on with the next one where the framing holds', () => {
    const broken = enhanced(little, 0, 0n, HELLO);
    new DataView(broken.buffer).setUint32(20, 4000, little);
    const file = concat(section(little), iface(little, 1, 0), broken, enhanced(little, 0, 0n, HELLO, 5, halves(little, 1, 99), END));
    const events = eventsOf(file);
    expect(packetsOf(events)).toHaveLength(1);
    expect(problemsOf(events)).toEqual([
      '48: packet claims 4000 captured bytes, its block has 8',
      '88: packet options: option 1 claims 99 bytes, 4 are left in the block',
    ]);
  });

  it('finds the next section after a writer was killed in the middle of a block', () => {
    const whole = enhanced(little, 0, 0n, new Uint8Array(400));
    const file = concat(
      section(little),
      iface(little, 1, 0),
      whole.subarray(0, 100),
      section(little),
      iface(little, 1, 0),
      enhanced(little, 0, 0n, HELLO),
      new Uint8Array(600),
    );
    const events = eventsOf(file);
    expect(events.filter((event) => event.kind === 'section')).toHaveLength(2);
    expect(packetsOf(events)).toMatchObject([{ section: 1, data: Array.from(HELLO) }]);
    expect(problemsOf(events)[0]).toBe('48: a block (type 0x6) begins with a length of 432 and ends with one of 0');
  });

  it.each([0, 8, 11, 0xffff_fffc])('refuses a block length of %i without allocating it', (length) => {
    const file = concat(section(little), words(little, 6, length, 0, 0));
    expect(problemsOf(eventsOf(file))).toEqual([`28: a block (type 0x6) claims a length of ${length} bytes`]);
  });

  it('takes block lengths that do not count the padding', () => {
    const odd = enhanced(little, 0, 7n, HELLO.subarray(0, 3));
    const view = new DataView(odd.buffer);
    view.setUint32(4, odd.length - 1, little);
    view.setUint32(odd.length - 4, odd.length - 1, little);
    const events = eventsOf(concat(section(little), iface(little, 1, 0), odd, enhanced(little, 0, 8n, HELLO)));
    expect(problemsOf(events)).toEqual([]);
    expect(packetsOf(events).map((packet) => packet.data.length)).toEqual([3, HELLO.length]);
  });

  it('misses what a section lacks whose header says how long it is', () => {
    const blocks = [iface(little, 1, 0), enhanced(little, 0, 7n, HELLO)];
    const length = concat(...blocks).length;
    const header = section(little);
    new DataView(header.buffer).setBigUint64(16, BigInt(length), little);
    expect(problemsOf(eventsOf(concat(header, ...blocks, section(little))))).toEqual([]);
    expect(eventsOf(concat(header, ...blocks))[0]).toMatchObject({ lengthBytes: length });
    for (const more of [new Uint8Array(0), section(!little)]) {
      const events = eventsOf(concat(header, iface(little, 1, 0), more));
      expect(problemsOf(events)).toEqual([`48: the section has 20 bytes, its header says ${length}: something is missing`]);
    }
  });

  it('refuses a version it does not know', () => {
    const file = section(little);
    new DataView(file.buffer).setUint16(12, 2, little);
    expect(problemsOf(eventsOf(file))).toEqual(['0: pcapng version 2.0 is not known, only 1.x']);
  });
});

describe('what is no capture', () => {
  it.each([
    ['nothing', new Uint8Array(0), '0: the file is empty'],
    ['two bytes', Uint8Array.of(1, 2), '0: the file ends after 2 bytes'],
    [
      'text',
      bytesOf('hello world'),
      '0: no capture file: it begins with 68656c6c, neither a pcap nor a pcapng magic number. capinfos says what else it may be; convert it with editcap -F pcapng if Wireshark knows it',
    ],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0), '0: compressed with gzip: unpack it with gunzip first'],
    [
      'modified pcap',
      classicHeader(true, 0xa1b2cd34, 0, 1),
      '0: a pcap file in the "modified" (Kuznetzov) variant, also of SuSE 6.3: convert it with editcap -F pcapng',
    ],
    [
      'big-endian Ixia pcap',
      classicHeader(false, 0x1c0001ac, 0, 1),
      '0: a pcap file in a variant of Ixia: convert it with editcap -F pcapng',
    ],
  ])('is refused with what it is: %s', (_name, bytes, problem) => {
    expect(problemsOf(eventsOf(bytes))).toEqual([problem]);
  });
});

describe('a pcap file of another making', () => {
  const version = (minor: number, ...records: readonly Uint8Array[]): Uint8Array => {
    const header = classicHeader(true, 0xa1b2c3d4, 0, 1);
    new DataView(header.buffer).setUint16(6, minor, true);
    return concat(header, ...records);
  };
  const frame = new Uint8Array(60).fill(1);
  /** A record whose header is longer than pcap's. */
  const longer = (more: number, sec: number): Uint8Array =>
    concat(words(true, sec, 5, frame.length, frame.length), new Uint8Array(more), frame);

  it.each([
    [8, 'Red Hat 6.1'],
    [4, 'Nokia'],
  ])('with record headers %i bytes longer is refused at its second record: %s', (more, name) => {
    const file = version(4, longer(more, 1_700_000_000), longer(more, 1_700_000_001), longer(more, 1_700_000_002));
    for (const cuts of [[], Array.from(file.keys())])
      expect(problemsOf(eventsOf(file, cuts))).toEqual([`100: a pcap file in the variant of ${name}: convert it with editcap -F pcapng`]);
  });

  it('with the version of AIX, or of before 2.3, is refused', () => {
    expect(problemsOf(eventsOf(version(2)))).toEqual([
      '0: a pcap file in the variant of AIX (version 2.2): convert it with editcap -F pcapng',
    ]);
    expect(problemsOf(eventsOf(version(1)))).toEqual([
      '0: pcap version 2.1 is not known, only 2.3 and later: convert it with editcap -F pcapng',
    ]);
  });

  it('with the two lengths of version 2.3 in either order is read', () => {
    const swapped = concat(words(true, 1_700_000_000, 5, 1500, frame.length), frame);
    const plain = classicRecord(true, 1_700_000_001, 5, frame, 1500);
    expect(packetsOf(eventsOf(version(3, swapped, plain))).map((packet) => [packet.data.length, packet.originalLength])).toEqual([
      [60, 1500],
      [60, 1500],
    ]);
  });

  it('has a record said to be damaged that no capture can hold', () => {
    const good = classicRecord(true, 1_700_000_000, 5, frame);
    const file = version(4, good, classicRecord(true, 1_700_000_000, 5, frame, 10), good, classicRecord(true, 1, 1e9, frame));
    expect(problemsOf(eventsOf(file))).toEqual(['100: a record says 60 captured bytes of 10: it is damaged, and what follows may be']);
    expect(problemsOf(eventsOf(version(4, good, classicRecord(true, 1_700_000_000, 2_000_000, frame))))).toEqual([
      '100: a record says 2000000 microseconds beside its seconds: it is damaged, and what follows may be',
    ]);
  });
});

describe('a live stream', () => {
  it('gives each packet as soon as its last byte is there', () => {
    const reader = new CaptureReader();
    const packet = enhanced(true, 0, 0n, HELLO);
    reader.push(concat(section(true), iface(true, 1, 0), packet.subarray(0, packet.length - 1)));
    expect([reader.next()?.kind, reader.next()?.kind, reader.next()]).toEqual(['section', 'interface', null]);
    reader.push(packet.subarray(packet.length - 1));
    expect([reader.next()?.kind, reader.next()]).toEqual(['packet', null]);
    expect(reader.sectionIndex).toBe(0);
    expect(reader.interface(0)?.linkType).toBe(1);
  });
});
