/** Unpackers of zstd and lz4 beside the programs that pack, whole, cut off and damaged. Checksums: the vectors of xxHash's own tests. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Lz4Unpacker } from '../../src/pcap/compressed/lz4.ts';
import { compressionOf, type Unpacker } from '../../src/pcap/compressed/unpacker.ts';
import { XxHash32, XxHash64 } from '../../src/pcap/compressed/xxhash.ts';
import { ZstdUnpacker } from '../../src/pcap/compressed/zstd.ts';
import { bytesOf } from './capture-bytes.ts';
import { concat } from './events-of.ts';
import { usable } from './programs.ts';

const SAMPLE = new Uint8Array(readFileSync(new URL('../../captures/samples/isolation-drop-28.5.pcapng', import.meta.url)));
/** Beyond every window and block: matches reach over blocks, some parts do not compress at all. */
const LONG = concat(...Array.from({ length: 30 }, (_, index) => concat(SAMPLE, Uint8Array.of(index), SAMPLE.subarray(index * 300))));
const SMALL = SAMPLE.subarray(0, 3000);
const TINY = concat(SAMPLE.subarray(0, 150), bytesOf('packed '.repeat(40)), SAMPLE.subarray(0, 100));

const pack = (program: string, args: readonly string[], input: Uint8Array): Uint8Array =>
  new Uint8Array(execFileSync(program, [...args, '-c'], { input, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'ignore'] }));

interface Result {
  readonly bytes: Uint8Array;
  readonly problem: string | null;
}

const unpack = (unpacker: Unpacker, packed: Uint8Array, chunkBytes = 65_536): Result => {
  const pieces: Uint8Array[] = [];
  let problem: string | null = null;
  const drain = (): void => {
    for (let piece = unpacker.next(); piece !== null; piece = unpacker.next()) {
      expect(problem).toBeNull();
      if (piece.kind === 'problem') problem = piece.message;
      else pieces.push(piece.bytes);
    }
  };
  for (let at = 0; at < packed.length; at += chunkBytes) {
    const chunk = Buffer.from(packed.subarray(at, at + chunkBytes));
    unpacker.push(chunk);
    drain();
    chunk.fill(0xee);
  }
  unpacker.end();
  drain();
  return { bytes: concat(...pieces), problem };
};

const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

describe('checksums', () => {
  it('are those of xxHash', () => {
    expect(new XxHash32().digest()).toBe(0x02cc5d05);
    expect(new XxHash64().digestLow()).toBe(0x51d8e999);
    expect(new XxHash32().update(bytesOf('abc')).digest()).toBe(0x32d153ff);
    expect(new XxHash64().update(bytesOf('abc')).digestLow()).toBe(0xad770999);
  });

  it('do not depend on the pieces', () => {
    const [whole, whole64] = [new XxHash32().update(SMALL).digest(), new XxHash64().update(SMALL).digestLow()];
    for (const size of [1, 3, 15, 16, 31, 33, 1000]) {
      const [hash, hash64] = [new XxHash32(), new XxHash64()];
      for (let at = 0; at < SMALL.length; at += size) {
        hash.update(SMALL.subarray(at, at + size));
        hash64.update(SMALL.subarray(at, at + size));
      }
      expect([hash.digest(), hash64.digestLow()]).toEqual([whole, whole64]);
    }
  });
});

const FORMATS = [
  {
    name: 'zstd',
    open: () => new ZstdUnpacker(),
    ways: [['-1'], ['-3', '--no-check'], ['-19'], ['-3', '--long=24'], ['--fast=5'], ['-9', '--rsyncable']],
  },
  {
    name: 'lz4',
    open: () => new Lz4Unpacker(),
    ways: [['-1'], ['-9', '-BD', '-B4'], ['-BX', '-B5'], ['--no-frame-crc', '-B6'], ['--content-size', '-BD'], ['-12', '-B7']],
  },
] as const;

describe.each(FORMATS)('$name', ({ name, open, ways }) => {
  const able = usable(name);

  it.skipIf(!able)('is unpacked to what was packed, however it was, in chunks of any size', () => {
    for (const way of ways) {
      for (const input of [LONG, SMALL, bytesOf('x'), new Uint8Array(0), new Uint8Array(1_000_000)]) {
        const packed = pack(name, way, input);
        expect(compressionOf(packed)).toBe(name);
        const { bytes, problem } = unpack(open(), packed);
        expect([way, input.length, problem, equal(bytes, input)]).toEqual([way, input.length, null, true]);
      }
      const packed = pack(name, way, SMALL);
      for (const chunkBytes of [1, 2, 17, 1000]) expect(equal(unpack(open(), packed, chunkBytes).bytes, SMALL)).toBe(true);
    }
  });

  it.skipIf(!able)('may be several frames, and frames to be passed over', () => {
    const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
    const packed = concat(pack(name, [], SMALL), skippable, pack(name, [], bytesOf('and more')), pack(name, [], new Uint8Array(0)));
    const { bytes, problem } = unpack(open(), packed, 7);
    expect([problem, equal(bytes, concat(SMALL, bytesOf('and more')))]).toEqual([null, true]);
  });

  it.skipIf(!able)('gives all that is before a cut, and says that it is cut off', () => {
    const packed = pack(name, [], TINY);
    for (let length = 4; length < packed.length; length++) {
      const { bytes, problem } = unpack(open(), packed.subarray(0, length));
      expect(problem).toMatch(/cut off/);
      expect(equal(bytes, TINY.subarray(0, bytes.length))).toBe(true);
    }
  });

  it.skipIf(!able)('has no flipped bit that goes unnoticed, and none that makes it throw', () => {
    const packed = concat(pack(name, [], TINY), pack(name, [], TINY));
    let noticed = 0;
    for (let place = 0; place < packed.length; place++) {
      const damaged = new Uint8Array(packed);
      damaged[place] = (damaged[place] as number) ^ (1 << (place & 7));
      const { bytes, problem } = unpack(open(), damaged);
      if (problem !== null) noticed++;
      else expect(equal(bytes, concat(TINY, TINY))).toBe(true);
      if (place >= packed.length / 2) expect(equal(bytes.subarray(0, TINY.length), TINY)).toBe(true);
    }
    expect(noticed).toBeGreaterThan(packed.length * 0.95);
  });

  it.skipIf(!able)('says what follows it and is none of it', () => {
    const { bytes, problem } = unpack(open(), concat(pack(name, [], SMALL), bytesOf('rubbish')));
    expect([problem, bytes.length]).toEqual([`what follows the ${name} data is no ${name} frame`, SMALL.length]);
  });
});

describe('zstd windows', () => {
  it('are refused where they would take more memory than zstd itself gives them', () => {
    const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xff, 0x01, 0x00, 0x00);
    expect(unpack(new ZstdUnpacker(), frame).problem).toMatch(/window of \d+ MiB, at most 128 .* zstd -d --long=31/);
  });
});

describe('zstd blocks', () => {
  /** RFC 8878 section 3.1.1: no checksum, no content size, and the window of the descriptor. */
  const frameOf = (windowDescriptor: number, blocks: readonly Uint8Array[]): Uint8Array =>
    concat(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, windowDescriptor), ...blocks);
  const raw = (bytes: Uint8Array, isLast: boolean): Uint8Array => {
    const word = (bytes.length << 3) | (isLast ? 1 : 0);
    return concat(Uint8Array.of(word & 0xff, (word >> 8) & 0xff, word >> 16), bytes);
  };
  const MIB_2 = 11 << 3;
  const MIB_128 = 17 << 3;

  it('may be empty, however many', () => {
    const empty = Array.from({ length: 50_000 }, () => raw(new Uint8Array(0), false));
    const packed = frameOf(MIB_2, [raw(SMALL, false), ...empty, raw(TINY, true)]);
    const { bytes, problem } = unpack(new ZstdUnpacker(), packed);
    expect(problem).toBeNull();
    expect(equal(bytes, concat(SMALL, TINY))).toBe(true);
  });

  it('are refused where they are very many and tiny in a large window, with all before them read', () => {
    const tiny = Array.from({ length: 1_000 }, (_, index) => raw(Uint8Array.of(index & 0xff), false));
    const { bytes, problem } = unpack(new ZstdUnpacker(), frameOf(MIB_128, [raw(SMALL, false), ...tiny]));
    expect(problem).toMatch(/very many small blocks.*zstd -d/);
    expect(equal(bytes.subarray(0, SMALL.length), SMALL)).toBe(true);
    expect(bytes.length).toBeGreaterThan(SMALL.length + 10);
  });

  it('may be small where a program flushed often', () => {
    const parts = Array.from({ length: 3_000 }, (_, index) => SAMPLE.subarray((index * 7) % 50_000, ((index * 7) % 50_000) + 1_000));
    const { bytes, problem } = unpack(new ZstdUnpacker(), frameOf(MIB_2, [...parts.map((part) => raw(part, false)), raw(TINY, true)]));
    expect(problem).toBeNull();
    expect(equal(bytes, concat(...parts, TINY))).toBe(true);
  });
});
