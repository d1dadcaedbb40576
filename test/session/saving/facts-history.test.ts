/** The facts of the time that packets in memory are from. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseSnapshot } from '../../../src/host/read-snapshot.ts';
import type { SnapshotDocument } from '../../../src/host/snapshot.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { FactsHistory } from '../../../src/session/saving/facts-history.ts';

const SCENE = fileURLToPath(new URL('../../fixtures/snapshots/scene-28.5.json', import.meta.url));

describe('the history of facts', () => {
  let scene: SnapshotDocument;
  beforeAll(async () => {
    scene = parseSnapshot(await readFile(SCENE, 'utf8'));
  });

  const at = (sec: number): SnapshotDocument => ({ ...scene, host: `at ${sec}`, takenAt: String(sec) });
  const between = (history: FactsHistory, from: number, to: number): string[] =>
    history.between(from, to).map(({ document, sinceSec }) => `${document.host} since ${sinceSec}`);

  it('gives the versions that held between two times, the first also where it began earlier', async () => {
    const store = new HostStore(true);
    const history = new FactsHistory(store, () => 0);
    for (const sec of [100, 200, 300]) store.replace(at(sec), 'changed');
    expect(between(history, 210, 250)).toEqual(['at 200 since 200']);
    expect(between(history, 150, 250)).toEqual(['at 100 since 100', 'at 200 since 200']);
    expect(between(history, 50, 60)).toEqual(['at 100 since 100']);
    expect(between(history, 400, 500)).toEqual(['at 300 since 300']);
    // Packed meanwhile, they are the same.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(between(history, 0, 500)).toEqual(['at 100 since 100', 'at 200 since 200', 'at 300 since 300']);
    expect(history.between(0, 500)[0]?.document).toEqual(at(100));
    history.close();
    store.replace(at(400), 'changed');
    expect(between(history, 0, 500)).toHaveLength(3);
  });

  it('takes new counters for the same version', () => {
    const store = new HostStore(true);
    const history = new FactsHistory(store, () => 0);
    store.replace(at(100), 'changed');
    store.updateCounters('150', {});
    const [held] = history.between(0, 500);
    expect([held?.sinceSec, held?.document.takenAt]).toEqual([100, '150']);
    history.close();
  });

  it('forgets what no packet needs any more, and keeps no more than it has room for', () => {
    const store = new HostStore(true);
    let needed = 0;
    const history = new FactsHistory(store, () => needed);
    for (const sec of [100, 200, 300]) store.replace(at(sec), 'changed');
    needed = 250;
    store.replace(at(400), 'changed');
    expect(between(history, 0, 500)).toEqual(['at 200 since 200', 'at 300 since 300', 'at 400 since 400']);
    for (let sec = 401; sec < 480; sec++) store.replace(at(sec), 'changed');
    expect(between(history, 0, 500)).toHaveLength(65);
    expect(history.forgotten).toBeGreaterThan(0);
    history.close();
  });
});
