/** Names that a capture file brings of its own: shown where the host's facts have none, and never in the place of those. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ipv4 } from '../../../src/base/ip-address.ts';
import { ToldNames } from '../../../src/session/flows/told-names.ts';
import { openWorkspace } from '../../../src/session/open-workspace.ts';
import { block, bytesOf, END, enhanced, iface, option, section } from '../../pcap/capture-bytes.ts';
import { concat } from '../../pcap/events-of.ts';
import { FRAME } from '../../pcap/everything.ts';

const SCENE = fileURLToPath(new URL('../../fixtures/snapshots/scene-28.5.json', import.meta.url));
const WEB1 = [172, 18, 0, 2];
const WEB2 = [198, 18, 20, 2];

describe('names in a capture file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vethscope-names-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const ends = async (
    names: readonly (readonly [address: readonly number[], ...names: string[]])[],
    host: string | null,
  ): Promise<string[]> => {
    const path = join(folder, 'named.pcapng');
    const records = names.map(([address, ...given]) =>
      option(true, 1, concat(Uint8Array.from(address), ...given.map((name) => bytesOf(`${name}\0`)))),
    );
    await writeFile(path, concat(section(true), iface(true, 1, 0), block(true, 4, ...records, END), enhanced(true, 0, 1_000_000n, FRAME)));
    const workspace = await openWorkspace({ host, dockerHost: null, needs: 'file' });
    const view = await workspace.openFile(path);
    await view.finished;
    const found = (search: string) => view.flows({ sort: 'first', descending: false, search, offset: 0, limit: 10 }).rows;
    const [row] = found('');
    const [, name = ''] = names[0] ?? [];
    if (row?.aName === name) expect(found(`container:${name}`)).toHaveLength(1);
    await workspace.close();
    return [row?.aName ?? '', row?.bName ?? ''];
  };

  it('are shown for addresses that nothing else names, and found by filters', async () => {
    expect(await ends([[WEB1, 'client.example', 'alias.example']], null)).toEqual(['client.example', '198.18.20.2']);
  });

  it('give way to those of the host', async () => {
    const named = [
      [WEB1, 'mallory'],
      [WEB2, 'trent'],
    ] as const;
    expect(await ends(named, SCENE)).toEqual(['web1', 'web2']);
  });

  it('cannot write on the terminal, nor pass for an address, nor be empty', async () => {
    expect(await ends([[WEB1, 'evil\u001b[2J']], null)).toEqual(['evil\ufffd[2J', '198.18.20.2']);
    expect(await ends([[WEB1, '198.18.20.2']], null)).toEqual(['172.18.0.2', '198.18.20.2']);
    expect(await ends([[WEB1, ' ']], null)).toEqual(['172.18.0.2', '198.18.20.2']);
  });

  it('are bounded in length and number, and the first of an address stays', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.string({ minLength: 1, maxLength: 400 })), { maxLength: 20 }), (given) => {
        const told = new ToldNames();
        const before = new Map<number, string>();
        for (const [number, name] of given) {
          told.add([{ ip: ipv4(number), names: [name] }]);
          const now = told.nameOf(ipv4(number));
          if (now !== null) expect(now.length).toBeLessThanOrEqual(255);
          if (before.has(number)) expect(now).toBe(before.get(number));
          if (now !== null) before.set(number, now);
        }
      }),
    );
    const told = new ToldNames();
    for (let number = 0; number < 70_000; number++) told.add([{ ip: ipv4(number), names: [`n${number}`] }]);
    expect(told.nameOf(ipv4(65_535))).toBe('n65535');
    expect(told.nameOf(ipv4(65_536))).toBeNull();
  });
});
