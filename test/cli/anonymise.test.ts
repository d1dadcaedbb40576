/** `--anonymise`: where its key comes from, and what is refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anonymiserOf } from '../../src/cli/anonymiser.ts';

describe('--anonymise', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vethscope-key-'));
    await writeFile(join(folder, 'key'), 'a phrase\n');
    await writeFile(join(folder, 'same'), '  a phrase');
    await writeFile(join(folder, 'empty'), '\n');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const standIn = (options: Parameters<typeof anonymiserOf>[0]): string | undefined => anonymiserOf(options)?.standIn('172.17.0.2');

  it('gives each file other stand-ins', () => {
    const found = new Set(Array.from({ length: 8 }, () => standIn({ anonymise: true })));
    expect(found.size).toBeGreaterThan(1);
  });

  it('gives the same ones for the same text in a key file, in either spelling', () => {
    const expected = standIn({ anonymise: true, anonymiseKey: join(folder, 'key') });
    expect(standIn({ anonymize: true, anonymiseKey: join(folder, 'same') })).toBe(expected);
  });

  it('is nothing where it is not asked for', () => {
    expect(anonymiserOf({})).toBeNull();
  });

  it('refuses a key without it, an empty key, and one that is not there', () => {
    expect(() => anonymiserOf({ anonymiseKey: join(folder, 'key') })).toThrow('--anonymise-key is about --anonymise');
    expect(() => anonymiserOf({ anonymise: true, anonymiseKey: join(folder, 'empty') })).toThrow('is empty');
    expect(() => anonymiserOf({ anonymise: true, anonymiseKey: join(folder, 'none') })).toThrow('reading the key from');
  });
});
