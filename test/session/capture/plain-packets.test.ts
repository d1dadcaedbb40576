/** A capture tells the same of its packets whether or not somebody watches each of them, which is what makes it look into them all. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RawPacket } from '../../../src/pcap/reader.ts';
import { CaptureCore } from '../../../src/session/capture/capture-core.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import type { FlowRow } from '../../../src/session/state/flow-row.ts';
import { type Frame, soup } from '../../flow/soup.ts';
import { scene, sceneDocument } from '../../path/scene.ts';

const [first, second] = scene('28.5').topology.points;
if (first === undefined || second === undefined) throw new Error('no capture points');

const run = (frames: readonly Frame[], points: number, hasFacts: boolean, isWatched: boolean) => {
  const store = new HostStore(true);
  if (hasFacts) store.replace(sceneDocument('28.5'), 'first');
  const core = new CaptureCore({ store, points: [first, second].slice(0, points), keepPackets: true });
  const told: string[] = [];
  const say = (what: string, { flow, outcome }: FlowRow): number => told.push(`${what} ${flow.id} ${outcome}`);
  core.observers.add({
    flowEnded: (row) => say('ended', row),
    verdictChanged: (row) => say('verdict', row),
    ...(isWatched ? { packet: () => {} } : {}),
  });
  for (const [index, { bytes, originalLength, linkType, interfaceId, sec, nsec }] of frames.entries()) {
    const raw = { bytes, start: 0, end: bytes.length, originalLength, linkType, timeSec: sec, timeNsec: nsec };
    core.intake.ingest(raw as RawPacket, Math.min(interfaceId, points - 1), linkType);
    if (index % 20 === 0) core.advance(sec, nsec);
    if (index % 10 === 0) core.verdicts.judgeAll();
    if (index % 50 === 49) core.renewal.rejudge('rules changed', sec, sec - 1);
  }
  core.finishAll();
  const { rows } = core.answers.page({ sort: 'first', descending: false, search: '', offset: 0, limit: 1000 });
  const { packets, bytes, undecoded, packetsByPoint } = core.counts;
  return {
    told,
    counts: { packets, bytes, undecoded, packetsByPoint, flowCount: core.flowCount },
    flows: rows.map(({ flow, outcome, by, state }) => ({ flow, outcome, by, state })),
    kept: rows.map(({ flow }) => core.answers.packetsOf(flow.id, 1000)),
  };
};

describe.each([
  [1, 'without', 40],
  [2, 'without', 20],
  [1, 'with', 2],
])('a capture at %i points, %s facts of the host', (points, facts, numRuns) => {
  it('tells the same, watched or not', () => {
    fc.assert(
      fc.property(soup({ maxLength: 120 }), (frames) => {
        const hasFacts = facts === 'with';
        expect(run(frames, points, hasFacts, false)).toEqual(run(frames, points, hasFacts, true));
      }),
      { numRuns },
    );
  });
});
