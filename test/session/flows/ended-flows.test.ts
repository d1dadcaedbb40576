/** Where nobody asks for ended flows, they are told and forgotten, and still counted. */
import { describe, expect, it } from 'vitest';
import { LINKTYPE_ETHERNET } from '../../../src/packet/packet.ts';
import { CaptureCore } from '../../../src/session/capture/capture-core.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { packetOf } from '../../path/frames.ts';
import { scene, sceneDocument } from '../../path/scene.ts';
import { rawOf } from '../raw-packet.ts';

const world = scene('28.5');
const [point] = world.topology.points;
if (point === undefined) throw new Error('no capture point');
const FLOWS = 5_000;

/** A flow every ten seconds, one packet each: with a time-out of 30 seconds, few are open at a time. */
const run = (keepEnded: boolean, hasFacts: boolean) => {
  const store = new HostStore(false);
  if (hasFacts) store.replace(sceneDocument('28.5'), 'first');
  const core = new CaptureCore({ store, points: [point], keepPackets: false, keepEnded });
  const told: number[] = [];
  core.observers.add({ flowEnded: ({ flow }) => told.push(flow.id) });
  for (let index = 0; index < FLOWS; index++) {
    const packet = packetOf({
      srcMac: '02:00:00:00:00:01',
      dstMac: '02:00:00:00:00:02',
      src: '172.18.0.2',
      dst: '172.18.0.3',
      udp: { sport: 1024 + index, dport: 53 },
    });
    const sec = 2000 + index * 10;
    core.intake.ingest(rawOf(packet, sec), 0, LINKTYPE_ETHERNET);
    core.advance(sec, 0);
    core.verdicts.judgeAll();
  }
  const held = core.answers.page({ sort: 'first', descending: false, search: '', offset: 0, limit: 1 }).total;
  core.finishAll();
  return { core, told, held };
};

describe.each([true, false])('ended flows, with facts of the host: %s', (hasFacts) => {
  it('are all told and counted, and kept only where they may be asked for', () => {
    const kept = run(true, hasFacts);
    const forgotten = run(false, hasFacts);
    expect(kept.held).toBe(FLOWS);
    expect(forgotten.held).toBeLessThan(20);
    for (const { core, told } of [kept, forgotten]) {
      expect(new Set(told).size).toBe(FLOWS);
      expect(told).toHaveLength(FLOWS);
      expect([core.flowCount, core.flowsEvicted]).toEqual([FLOWS, 0]);
    }
    expect(kept.core.answers.row(1)).not.toBeNull();
    expect(forgotten.core.answers.row(1)).toBeNull();
  });
});
