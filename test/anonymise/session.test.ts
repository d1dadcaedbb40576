/** A saved session written anew and anonymised: the same flows with the same verdicts, and nothing of the original in any of its bytes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Anonymiser, createAnonymiser } from '../../src/anonymise/anonymiser.ts';
import { formatIp } from '../../src/base/ip-address.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import type { SnapshotDocument } from '../../src/host/snapshot.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { SnapshotCollector } from '../../src/pcap/snapshot-block.ts';
import { openWorkspace } from '../../src/session/open-workspace.ts';
import type { FlowRow } from '../../src/session/state/flow-row.ts';
import { leaksOf, secretsOf } from './leaks.ts';
import { asIs, essence, KEY, mapping, type StandIn } from './sameness.ts';

const SAMPLES = ['isolation-drop-20.10', 'isolation-drop-28.5', 'masquerade-28.5', 'published-port-26.1'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vethscope-anonymise-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const snapshotsIn = (bytes: Uint8Array): readonly SnapshotDocument[] => {
  const reader = new CaptureReader();
  const collector = new SnapshotCollector();
  const found: SnapshotDocument[] = [];
  reader.push(bytes);
  reader.end();
  for (let event = reader.next(); event !== null; event = reader.next()) {
    const result = event.kind === 'custom' ? collector.add(event) : null;
    if (result?.kind !== 'snapshot') continue;
    const { document, packing } = result.snapshot;
    found.push(parseSnapshot(new TextDecoder().decode(packing === 'gzip' ? gunzipSync(document) : document)));
  }
  return found;
};

const flowEssence = (row: FlowRow, standIn: StandIn): unknown => ({
  ends: [standIn(formatIp(row.flow.a)), row.flow.aPort, standIn(formatIp(row.flow.b)), row.flow.bPort, row.flow.protocol],
  names: [row.aName, row.bName].map((name) =>
    name.replace(/[^\s()]+/g, (word) => (/^(gateway|bridge)$/.test(word) ? word : standIn(word))),
  ),
  packets: row.flow.packets,
  outcome: row.outcome,
  verdict: row.verdict === null ? null : essence(row.verdict.verdict, standIn),
  reply: row.verdict?.reply == null ? null : essence(row.verdict.reply, standIn),
});

const flowsIn = async (path: string, standIn: StandIn): Promise<readonly string[]> => {
  const workspace = await openWorkspace({ host: null, dockerHost: null, needs: 'file' });
  try {
    const view = await workspace.openFile(path, { keepPackets: false });
    await view.finished;
    const { rows } = view.flows({ sort: 'first', descending: false, search: '', offset: 0, limit: 1000 });
    return rows.map((row) => JSON.stringify(flowEssence(row, standIn))).sort();
  } finally {
    await workspace.close();
  }
};

describe.each(SAMPLES)('the session %s, anonymised', (name) => {
  const path = `captures/samples/${name}.pcapng`;
  let written: string;
  let anonymiser: Anonymiser;
  beforeAll(async () => {
    written = join(folder, `${name}.pcapng`);
    anonymiser = createAnonymiser(KEY);
    const workspace = await openWorkspace({ host: null, dockerHost: null, needs: 'file' });
    await workspace.rewriteFile(path, written, { transform: anonymiser });
    await workspace.close();
  });

  it('has the same flows with the same verdicts', async () => {
    const flows = await flowsIn(path, mapping(anonymiser.standIn));
    expect(flows.length).toBeGreaterThan(0);
    expect(await flowsIn(written, asIs)).toEqual([...flows].sort());
  });

  it('holds nothing of the original, in any of its bytes', async () => {
    const original = snapshotsIn(await readFile(path));
    const bytes = await readFile(written);
    const documents = snapshotsIn(bytes);
    expect(documents.length).toBe(original.length);
    const text = bytes.toString('latin1');
    for (const document of original) {
      for (const each of documents) expect(leaksOf(document, JSON.stringify(each))).toEqual([]);
      const { addresses, macs, names } = secretsOf(document);
      for (const secret of names.filter((each) => each.length > 3)) expect(text).not.toContain(secret);
      for (const ip of addresses) expect(text).not.toContain(formatIp(ip));
      for (const mac of macs) expect(text).not.toContain(Buffer.from(mac.toString(16).padStart(12, '0'), 'hex').toString('latin1'));
      for (const ip of addresses) {
        const words = ip.version === 4 ? [ip.a] : [ip.a, ip.b, ip.c, ip.d];
        const binary = Buffer.concat(words.map((word) => Buffer.from(word.toString(16).padStart(8, '0'), 'hex'))).toString('latin1');
        // Four bytes of zeros and the like are found in any file.
        if (ip.version === 6 || (ip.a & 0xffff) > 0xff) expect(text.includes(binary)).toBe(false);
      }
    }
  });
});

it('a network that a later snapshot tells of has the same stand-ins from the beginning', async () => {
  const learnt: string[] = [];
  const workspace = await openWorkspace({ host: null, dockerHost: null, needs: 'file' });
  const anonymiser = createAnonymiser(KEY);
  let packets = 0;
  await workspace.rewriteFile('captures/samples/isolation-drop-28.5.pcapng', join(folder, 'learnt.pcapng'), {
    transform: {
      ...anonymiser,
      learn: (document) => learnt.push(`${document.host} before ${packets}`),
      packet: (bytes, linkType) => {
        packets++;
        return anonymiser.packet(bytes, linkType);
      },
    },
  });
  await workspace.close();
  const snapshots = snapshotsIn(await readFile('captures/samples/isolation-drop-28.5.pcapng'));
  expect(learnt).toEqual(snapshots.map(({ host }) => `${host} before 0`));
  expect(packets).toBeGreaterThan(0);
});
