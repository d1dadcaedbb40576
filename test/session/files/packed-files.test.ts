/** Compressed captures are read as if they were not, from files and pipes; damage is told after everything before it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { captureChunks, DamagedInput } from '../../../src/session/files/file-input.ts';
import { vethscope } from '../../cli/process.ts';
import { concat } from '../../pcap/events-of.ts';
import { has } from '../../pcap/programs.ts';

const SAMPLE = join(import.meta.dirname, '../../../captures/samples/masquerade-28.5.pcapng');
const PLAIN = new Uint8Array(readFileSync(SAMPLE));
/** Mostly packets, which compress well. */
const SMALL = concat(...Array.from({ length: 40 }, () => PLAIN.subarray(0, 400)));
const folder = mkdtempSync(join(tmpdir(), 'vethscope-packed-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

interface Read {
  readonly bytes: Uint8Array;
  readonly problem: string | null;
}

const readInput = async (path: string): Promise<Read> => {
  const pieces: Uint8Array[] = [];
  try {
    for await (const chunk of captureChunks(path, new AbortController().signal)) pieces.push(new Uint8Array(chunk));
    return { bytes: concat(...pieces), problem: null };
  } catch (error) {
    if (!(error instanceof DamagedInput)) throw error;
    return { bytes: concat(...pieces), problem: error.message };
  }
};

const isPrefix = (bytes: Uint8Array, whole: Uint8Array): boolean => Buffer.compare(bytes, whole.subarray(0, bytes.length)) === 0;

describe('a capture packed by gzip', () => {
  const packed = new Uint8Array(gzipSync(SMALL));

  it('is unpacked whole, also of several members, whatever its name', async () => {
    const members = concat(packed, gzipSync(PLAIN), gzipSync(new Uint8Array(0)), new Uint8Array(8));
    const { bytes, problem } = await readInput(file('no-name-that-says-so', members));
    expect([problem, Buffer.compare(bytes, concat(SMALL, PLAIN))]).toEqual([null, 0]);
  });

  it('is unpacked whole wherever its members meet the pieces in which it is read', async () => {
    const name = 'x'.repeat(65_536 - gzipSync(PLAIN).length - 1);
    // A member with a name in its header (RFC 1952 section 2.3) that fills a chunk to its last byte.
    const bare = new Uint8Array(gzipSync(PLAIN));
    const filled = concat(bare.subarray(0, 3), Uint8Array.of(8), bare.subarray(4, 10), Buffer.from(`${name}\0`), bare.subarray(10));
    expect(filled).toHaveLength(65_536);
    const { bytes, problem } = await readInput(file('filled', concat(filled, filled, packed)));
    expect([problem, Buffer.compare(bytes, concat(PLAIN, PLAIN, SMALL))]).toEqual([null, 0]);
  });

  it('gives everything before a cut, and says that it is cut off', async () => {
    for (let length = 4; length < packed.length; length += 9) {
      const { bytes, problem } = await readInput(file('cut', packed.subarray(0, length)));
      expect(problem).toMatch(/^at byte \d+ of the compressed file or soon after: the gzip data ends too early: the file is cut off$/);
      expect(isPrefix(bytes, SMALL)).toBe(true);
    }
    const { bytes } = await readInput(file('cut', packed.subarray(0, packed.length - 1)));
    expect(bytes.length).toBe(SMALL.length);
  });

  it('gives everything before a flipped bit, and tells of it', async () => {
    const both = concat(packed, packed);
    for (let place = 10; place < both.length; place += 7) {
      // Times and names in a header mean nothing for the data.
      if (place >= packed.length && place < packed.length + 10) continue;
      const damaged = new Uint8Array(both);
      damaged[place] = (damaged[place] as number) ^ 0x10;
      const { bytes, problem } = await readInput(file('flipped', damaged));
      expect(problem).toMatch(/gzip data/);
      if (place >= packed.length) expect(isPrefix(SMALL, bytes)).toBe(true);
    }
  });

  it('says what follows it and is none', async () => {
    const { bytes, problem } = await readInput(file('rubbish', concat(packed, Buffer.from('rubbish'))));
    expect([problem, bytes.length]).toEqual([expect.stringContaining('what follows the gzip data is no gzip data'), SMALL.length]);
  });

  it('takes no memory for what it unpacks to', async () => {
    const path = file('bomb', gzipSync(Buffer.alloc(300 * 1024 * 1024), { level: 1 }));
    let sum = 0;
    let most = 0;
    for await (const chunk of captureChunks(path, new AbortController().signal)) {
      sum += chunk.length;
      most = Math.max(most, chunk.length);
    }
    expect([sum, most <= 1 << 20]).toEqual([300 * 1024 * 1024, true]);
  });
});

describe('read', () => {
  const lines = async (path: string): Promise<string> => (await vethscope(['read', path, '--packets'])).stdout;
  const packers = [
    ['gzip', 'gzip'],
    ['zstd', 'zstd'],
    ['lz4', 'lz4'],
  ] as const;

  it.each(packers)('shows a capture packed by %s as the plain one, from a file and from a pipe', async (program) => {
    if (!has(program) && process.env['CI'] === undefined) return;
    const packed = new Uint8Array(execFileSync(program, ['-c'], { input: PLAIN, stdio: ['pipe', 'pipe', 'ignore'] }));
    const expected = await lines(SAMPLE);
    expect(expected.split('\n').length).toBeGreaterThan(10);
    expect(await lines(file(`packed.${program}`, packed))).toBe(expected);
    const { stdout, code } = await vethscope(['read', '-', '--packets'], { input: Buffer.from(packed) });
    expect([code, stdout]).toEqual([0, expected]);
  });

  it('tells what it could read of a packed capture that is cut off, then that this was not all, and fails', async () => {
    const packed = gzipSync(PLAIN);
    const { code, stdout, stderr } = await vethscope(['read', file('cut.gz', packed.subarray(0, packed.length - 20)), '--packets']);
    expect(code).toBe(1);
    expect(stdout.split('\n').length).toBeGreaterThan(3);
    expect(stderr).toMatch(/cut\.gz: at byte \d+ of the compressed file or soon after: the gzip data ends too early: the file is cut off/);
  });
});

it('a file that is not compressed comes as it is', async () => {
  expect((await readInput(SAMPLE)).bytes).toEqual(PLAIN);
  expect((await readInput(file('empty', new Uint8Array(0)))).bytes).toHaveLength(0);
  expect((await readInput(file('short', Uint8Array.of(0x1f, 0x8b)))).bytes).toHaveLength(2);
});
