/** A section with every kind of block and option that draft-ietf-opsawg-pcapng knows, built by hand in either byte order. */
import { block, bytesOf, END, halves, iface, option, pad, section, words } from './capture-bytes.ts';
import { concat } from './events-of.ts';

export const FRAME = Uint8Array.from(
  Buffer.from(`0242ac1200030242ac1200020800450000540000400040010000ac120002c61214020800f7ff00070001${'00'.repeat(56)}`, 'hex'),
);

const long = (little: boolean, value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), little);
  return bytes;
};

const custom = (little: boolean, code: number, text: string): Uint8Array =>
  option(little, code, concat(words(little, 32_473), bytesOf(text)));

const customOptions = (little: boolean): Uint8Array =>
  concat(...[2988, 2989, 19_372, 19_373].map((code) => custom(little, code, `kept ${code}`)));

const packetOptions = (little: boolean, withVerdict: boolean): Uint8Array =>
  concat(
    option(little, 1, 'seen first'),
    option(little, 2, words(little, 0x0000_0281)),
    option(little, 3, Uint8Array.of(2, 0xde, 0xad, 0xbe, 0xef)),
    option(little, 4, long(little, 0x1_0000_0002n)),
    option(little, 5, long(little, 0xfeed_0000_0001n)),
    option(little, 6, words(little, 3)),
    ...(withVerdict ? [option(little, 7, concat(Uint8Array.of(2), long(little, 4n)))] : []),
    option(little, 8, words(little, 1234, 5678)),
    customOptions(little),
    option(little, 1, 'seen again'),
    option(little, 0x7001, 'of tomorrow'),
  );

/** The blocks one by one: a section header, two interfaces, and one of everything else. */
/** Without verdicts: editcap 4.0 writes them as queues, which it then does not read. */
export const everyBlock = (little: boolean, withVerdict = true): Uint8Array[] => [
  section(
    little,
    option(little, 1, 'a comment'),
    option(little, 2, 'x86_64'),
    option(little, 3, 'Linux'),
    option(little, 4, 'by hand'),
    customOptions(little),
    END,
  ),
  iface(
    little,
    1,
    262_144,
    option(little, 1, 'the first'),
    option(little, 2, 'eth0'),
    option(little, 3, 'a cable'),
    option(little, 4, Uint8Array.of(10, 0, 0, 1, 255, 0, 0, 0)),
    option(little, 5, new Uint8Array(17).fill(1)),
    option(little, 6, Uint8Array.of(2, 0x42, 0xac, 0x12, 0, 2)),
    option(little, 7, new Uint8Array(8).fill(2)),
    option(little, 8, long(little, 1_000_000_000n)),
    option(little, 9, Uint8Array.of(9)),
    option(little, 10, words(little, 3600)),
    option(little, 11, concat(Uint8Array.of(0), bytesOf('icmp'))),
    option(little, 12, 'Linux 6.1'),
    option(little, 13, Uint8Array.of(4)),
    option(little, 14, long(little, -5n)),
    option(little, 15, 'a card'),
    option(little, 16, long(little, 7n)),
    option(little, 17, long(little, 8n)),
    option(little, 18, 'Europe/Berlin'),
    customOptions(little),
    END,
  ),
  iface(little, 101, 20, option(little, 9, Uint8Array.of(0x80 | 10))),
  block(
    little,
    6,
    words(little, 0, 0x17979cfe, 0x36ca0000, FRAME.length, FRAME.length + 2),
    pad(FRAME),
    packetOptions(little, withVerdict),
    END,
  ),
  block(little, 6, words(little, 1, 0, 5 << 10, 3, 60), pad(bytesOf('abc')), option(little, 2, words(little, 2))),
  block(
    little,
    2,
    halves(little, 0, 7),
    words(little, 0x17979cfe, 0x36ca0001, FRAME.length, FRAME.length),
    pad(FRAME),
    option(little, 2, words(little, 1)),
    option(little, 1, 'old'),
    END,
  ),
  block(little, 3, words(little, FRAME.length), pad(FRAME)),
  block(
    little,
    4,
    option(little, 1, concat(Uint8Array.of(10, 0, 0, 2), bytesOf('web1\0www\0'))),
    option(little, 2, concat(new Uint8Array(16).fill(0xfd), bytesOf('web6\0'))),
    option(little, 3, concat(new Uint8Array(6).fill(2), bytesOf('card\0'))),
    option(little, 4, concat(new Uint8Array(8).fill(3), bytesOf('long card\0'))),
    END,
    option(little, 2, 'resolver'),
    option(little, 3, Uint8Array.of(127, 0, 0, 11)),
    option(little, 4, new Uint8Array(16).fill(9)),
    option(little, 1, 'names'),
    END,
  ),
  block(
    little,
    5,
    words(little, 0, 0x17979cfe, 0x36ca0002),
    option(little, 2, words(little, 0x17979cfe, 1)),
    option(little, 3, words(little, 0x17979cfe, 2)),
    ...[4, 5, 6, 7, 8].map((code) => option(little, code, long(little, BigInt(code) << 33n))),
    option(little, 1, 'counts'),
    END,
  ),
  block(little, 10, words(little, 0x544c534b, 5), pad(bytesOf('CLIEN')), option(little, 1, 'keys'), END),
];

/** Blocks whose inside only their makers know: custom ones, systemd's journal, sysdig's events, and one of tomorrow. */
export const opaqueBlocks = (little: boolean): Uint8Array[] => [
  block(little, 0x0000_0bad, words(little, 4711), pad(bytesOf('copy me')), option(little, 1, 'x'), END),
  block(little, 0x4000_0bad, words(little, 4711), pad(bytesOf('not me'))),
  block(little, 9, pad(bytesOf('__REALTIME_TIMESTAMP=1\nMESSAGE=hello\n'))),
  block(little, 0x204, new Uint8Array(24).fill(7)),
  block(little, 0x8000_0001, new Uint8Array(0)),
];
