/** A saved session whose host changed while it ran: what changed is named, as it was when it happened. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSnapshot } from '../../../src/host/read-snapshot.ts';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../../src/host/snapshot.ts';
import { FileCapture } from '../../../src/session/files/file-capture.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { SessionWriter } from '../../../src/session/saving/session-writer.ts';
import type { SessionEvent } from '../../../src/session/state/capture-state.ts';

const SCENE = fileURLToPath(new URL('../../fixtures/snapshots/scene-28.5.json', import.meta.url));

describe('a saved session', () => {
  let folder: string;
  let first: SnapshotDocument;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vethscope-saved-'));
    first = { ...parseSnapshot(await readFile(SCENE, 'utf8')), takenAt: '1000' };
  });
  afterEach(() => rm(folder, { recursive: true }));

  const eventsOf = async (...documents: readonly SnapshotDocument[]): Promise<readonly SessionEvent[]> => {
    const path = join(folder, 'session.pcapng');
    const writer = await SessionWriter.open(path, {
      points: [],
      noteOf: () => {
        throw new Error('no packet is written');
      },
      say: () => {},
    });
    for (const document of documents) writer.snapshot(document, Number(document.takenAt), 0);
    await writer.close();
    const capture = new FileCapture({
      path,
      store: new HostStore(false),
      hasOwnFacts: false,
      filter: '',
      packetFilter: null,
      keepPackets: false,
      packetLimit: null,
    });
    await capture.finished;
    const { events } = capture.getState();
    await capture.stop();
    return events;
  };

  const changed = (change: (rules: string) => string): SnapshotDocument => {
    const key = SNAPSHOT_COMMANDS.iptablesNft;
    const rules = first.raw[key];
    if (rules === undefined) throw new Error(`no ${key} in the scene`);
    return { ...first, takenAt: '1010', raw: { ...first.raw, [key]: change(rules) } };
  };

  it('names the rule that changed', async () => {
    const second = changed((rules) => rules.replace('*filter\n', '*filter\n[0:0] -A DOCKER-USER -s 192.0.2.1/32 -j DROP\n'));
    expect(await eventsOf(first, second)).toEqual([
      { at: 1010, severity: 'info', text: 'iptables rules changed: 1 added (-A DOCKER-USER -s 192.0.2.1/32 -j DROP)' },
    ]);
  });

  it('says nothing where only counters moved', async () => {
    const second = changed((rules) => rules.replace(/^\[\d+:\d+\]/gm, '[4711:4711]'));
    expect(await eventsOf(first, second)).toEqual([]);
  });
});
