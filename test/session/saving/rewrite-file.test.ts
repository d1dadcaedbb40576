/** A saved session that is written anew: all of it, a part, changed; with other facts. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaptureReader } from '../../../src/pcap/reader.ts';
import { openWorkspace } from '../../../src/session/open-workspace.ts';
import { headersOnly } from '../../../src/session/saving/headers-only.ts';
import type { FlowRow } from '../../../src/session/state/flow-row.ts';
import type { RewriteFileOptions, RewriteResult } from '../../../src/session/state/workspace.ts';
import { block } from '../../pcap/capture-bytes.ts';

const SAMPLE = fileURLToPath(new URL('../../../captures/samples/isolation-drop-28.5.pcapng', import.meta.url));
const SCENE = fileURLToPath(new URL('../../fixtures/snapshots/scene-28.5.json', import.meta.url));

interface Written {
  readonly result: RewriteResult;
  readonly path: string;
  readonly packets: readonly { readonly length: number; readonly captured: number; readonly comments: readonly string[] }[];
  readonly kinds: readonly string[];
}

describe('a session written anew', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vethscope-rewrite-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const rewrite = async (options: RewriteFileOptions = {}, from = SAMPLE, host: string | null = null): Promise<Written> => {
    const workspace = await openWorkspace({ host, dockerHost: null, needs: 'file' });
    const path = join(folder, 'out.pcapng');
    const result = await workspace.rewriteFile(from, path, options);
    await workspace.close();
    const reader = new CaptureReader();
    reader.push(await readFile(path));
    reader.end();
    const packets: Written['packets'][number][] = [];
    const kinds: string[] = [];
    for (let event = reader.next(); event !== null; event = reader.next()) {
      kinds.push(event.kind);
      if (event.kind !== 'packet') continue;
      const { originalLength: length, start, end, comments } = event.packet;
      packets.push({ length, captured: end - start, comments });
    }
    return { result, path, packets, kinds };
  };
  const verdicts = ({ packets }: Written): string[] => packets.flatMap(({ comments }) => comments.map((text) => text.split(' ')[1] ?? ''));

  it('is the same, byte for byte, where nothing is chosen', async () => {
    const { path, result } = await rewrite();
    expect(await readFile(path)).toEqual(await readFile(SAMPLE));
    expect(result).toMatchObject({ read: 25, packets: 25, problems: [] });
  });

  it('keeps the facts, names and statistics where packets are left out', async () => {
    const { packets, kinds } = await rewrite({ packetLimit: 3 });
    expect(packets).toHaveLength(3);
    expect(kinds).toContain('custom');
    expect(kinds).toContain('names');
  });

  it('moves the verdict of a flow to its first packet that is kept', async () => {
    // The first ping has the verdict; the filter takes the later ones only.
    const all = await rewrite();
    const written = await rewrite({ filter: 'icmp and host 198.18.20.2 and icmp[6:2] > 0' });
    expect(verdicts(all)).toContain('DROP');
    expect(written.packets).toHaveLength(2);
    expect(written.packets[0]?.comments.join()).toMatch(/^vethscope: DROP raw\/PREROUTING#2/);
    expect(written.packets[1]?.comments).toEqual([]);
  });

  it('takes the packets of chosen flows, also those before the verdict was known', async () => {
    const written = await rewrite({ only: (row: FlowRow) => row.outcome === 'DROP' });
    expect(written.packets).toHaveLength(3);
    expect(verdicts(written)).toEqual(['DROP']);
  });

  it('cuts payloads, and says how long packets were', async () => {
    const whole = await rewrite();
    const cut = await rewrite({ transform: headersOnly() });
    expect(cut.packets.map(({ length }) => length)).toEqual(whole.packets.map(({ length }) => length));
    expect(Math.max(...cut.packets.map(({ captured }) => captured))).toBeLessThan(80);
    expect(cut.packets.map(({ comments }) => comments)).toEqual(whole.packets.map(({ comments }) => comments));
  });

  it('leaves out what it does not understand where everything is to change', async () => {
    const from = join(folder, 'unknown.pcapng');
    await writeFile(from, Buffer.concat([await readFile(SAMPLE), block(true, 0x0bad_cafe, Uint8Array.of(1, 2, 3, 4))]));
    const kept = await rewrite({ packetLimit: 100 }, from);
    expect(kept.kinds).toContain('unknown');
    const words = (text: string | null) => (text === null ? null : text.replaceAll(/./g, 'x'));
    const transform = {
      interface: <Words extends { readonly name: string | null }>(each: Words) => ({ ...each, name: words(each.name) }),
      comment: () => null,
      dropsForeignBlocks: true,
    };
    const changed = await rewrite({ transform }, from);
    expect(changed.kinds).not.toContain('unknown');
    expect(changed.result.leftOut).toBe(1);
    expect(changed.packets).toHaveLength(25);
    expect(verdicts(changed)).toEqual([]);
  });

  it('takes facts and verdicts from a host that is named, in the place of its own', async () => {
    const own = await rewrite();
    const other = await rewrite({}, SAMPLE, SCENE);
    expect(verdicts(other)).toContain('DROP');
    expect(own.kinds.filter((kind) => kind === 'custom').length).toBeGreaterThan(1);
    expect(other.kinds.filter((kind) => kind === 'custom')).toHaveLength(1);
  });

  it('is never written over the file that is read', async () => {
    const workspace = await openWorkspace({ host: null, dockerHost: null, needs: 'file' });
    await expect(workspace.rewriteFile(SAMPLE, SAMPLE)).rejects.toThrow('is the file that is read');
    await expect(workspace.rewriteFile('-', join(folder, 'x'), { only: () => true })).rejects.toThrow('standard input comes once');
    await workspace.close();
  });
});
