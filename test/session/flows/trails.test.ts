/** A conversation at several points is one row, told once, with its counts of the first of them; also through a masquerade and in a tunnel. */
import { describe, expect, it } from 'vitest';
import { LINKTYPE_ETHERNET, type Packet } from '../../../src/packet/packet.ts';
import { flowJson } from '../../../src/report/flow-json.ts';
import { trailLines } from '../../../src/report/trail-text.ts';
import { CaptureCore } from '../../../src/session/capture/capture-core.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import type { FlowRow } from '../../../src/session/state/flow-row.ts';
import type { CapturePoint } from '../../../src/topology/topology.ts';
import { packetOf } from '../../path/frames.ts';
import { scene, sceneDocument } from '../../path/scene.ts';
import { rawOf } from '../raw-packet.ts';

const world = scene('28.5');
const web1 = world.topology.containers.find(({ name }) => name === 'web1')?.endpoints[0];
const pointCalled = (id: string | null | undefined): CapturePoint => {
  const point = world.topology.points.find((each) => each.id === id);
  if (point === undefined) throw new Error(`no point ${id}`);
  return point;
};
const cable = pointCalled(web1?.host?.interface);
const bridge = pointCalled(web1?.host?.bridge);
const uplink = pointCalled('eth0');
const macOf = (name: string): string => world.model.links?.get(name)?.mac ?? '';

const OUTSIDE = '203.0.113.2';
const ADDRESS = '172.18.0.2';

interface Told {
  readonly core: CaptureCore;
  readonly rows: readonly FlowRow[];
  /** What observers were told, in order: `verdict 1`, `joined 2 to 1`, `ended 1`. */
  readonly log: readonly string[];
}

const capture = (
  points: readonly CapturePoint[],
  frames: readonly (readonly [point: CapturePoint, atMs: number, frame: Packet])[],
): Told => {
  const store = new HostStore(true);
  store.replace(sceneDocument('28.5'), 'first');
  const core = new CaptureCore({
    store,
    points,
    keepPackets: true,
    conditionOf: () => ({ sinceSec: 0, lost: 0, hasKernelStamps: true }),
    filter: () => 'icmp',
  });
  const log: string[] = [];
  core.observers.add({
    verdictChanged: ({ flow }) => log.push(`verdict ${flow.id}`),
    flowJoined: (flow, row) => log.push(`joined ${flow} to ${row}`),
    flowEnded: ({ flow }) => log.push(`ended ${flow.id}`),
  });
  for (const [point, atMs, packet] of frames) {
    core.intake.ingest(rawOf(packet, 2000, atMs * 1e6), points.indexOf(point), LINKTYPE_ETHERNET);
  }
  core.verdicts.judgeAll();
  core.advance(2003, 0);
  const { rows } = core.answers.page({ sort: 'first', descending: false, search: '', offset: 0, limit: 20 });
  core.finishAll();
  return { core, rows, log };
};

const inside = (srcMac: string, dstMac: string) => ({ srcMac, dstMac, src: ADDRESS, dst: OUTSIDE, icmp: { type: 8, id: 7 }, ttl: 64 });
const request = (point: CapturePoint): Packet =>
  point === uplink
    ? packetOf({ ...inside(macOf('eth0'), '02:00:00:00:00:02'), src: '203.0.113.1', ttl: 63 })
    : packetOf(inside(web1?.mac ?? '', macOf(bridge.id)));

describe('a ping through a masquerade', () => {
  // The uplink's engine is read first.
  const { core, rows, log } = capture(
    [uplink, bridge, cable],
    [
      [uplink, 0.04, request(uplink)],
      [cable, 0, request(cable)],
      [bridge, 0.01, request(bridge)],
    ],
  );

  it('is one row, counted where it was seen first', () => {
    expect(rows.map(({ flow }) => [flow.interfaceId, flow.packets])).toEqual([[2, [1, 0]]]);
    expect(core.flowCount).toBe(1);
    expect(core.counts.packets).toBe(3);
  });

  it('is told once, and the others as its stages', () => {
    expect(log).toEqual(['joined 1 to 2', 'verdict 2', 'joined 3 to 2', 'ended 2']);
  });

  it('has its trail in JSON and in words', () => {
    const json = flowJson(rows[0] as FlowRow, cable.id) as Record<string, unknown>;
    expect(json).toMatchObject({ lastSeen: 'eth0', nextExpected: null, agrees: true, stamps: 'kernel', replyTrail: null });
    const places = json['trail'] as Record<string, unknown>[];
    expect(places.map(({ point, sight, afterMicros }) => [point, sight, afterMicros])).toEqual([
      [expect.stringMatching(/\/eth0$/), 'not-captured', null],
      [cable.id, 'seen', 0],
      [bridge.id, 'seen', 10],
      ['eth0', 'seen', 40],
    ]);
    expect(places.at(-1)).toMatchObject({ as: [{ a: { address: '203.0.113.1' }, b: { address: OUTSIDE } }] });
    const text = trailLines((rows[0] as FlowRow).trail ?? null, { colour: false, unicode: true }, null).join('\n');
    expect(text).toContain('eth0 (uplink) +40 µs (as 203.0.113.1 → 203.0.113.2)');
    expect(text).toContain('Seen all the way to eth0 (uplink), as predicted.');
  });
});

describe('a ping that was let through and came to nothing', () => {
  it('contradicts its verdict once nothing more can come', () => {
    const { core, rows } = capture(
      [cable, bridge, uplink],
      [
        [cable, 0, request(cable)],
        [bridge, 0.01, request(bridge)],
      ],
    );
    const row = core.answers.row(rows[0]?.flow.id ?? 0);
    expect(row?.verdict?.contradiction).toMatchObject({ kind: 'not-seen' });
    expect(core.answers.why(row?.flow.id ?? 0)[0]).toMatch(/^The prediction is wrong: ACCEPT .* eth0 \(uplink\), where nothing was lost/);
  });
});

describe('one point alone', () => {
  it('leaves no trail', () => {
    const { rows, log } = capture([cable], [[cable, 0, request(cable)]]);
    expect(rows[0]?.trail).toBeNull();
    expect(log).toEqual(['verdict 1', 'ended 1']);
  });
});

describe('a packet inside VXLAN', () => {
  it('is the same as the one that goes in', () => {
    const ends = {
      srcMac: '02:42:0a:14:00:0b',
      dstMac: '02:42:0a:14:00:15',
      src: '10.20.0.11',
      dst: '10.20.0.21',
      icmp: { type: 8, id: 1 },
    };
    const carried = packetOf({
      srcMac: macOf('eth0'),
      dstMac: '02:00:00:00:00:03',
      src: '203.0.113.1',
      dst: '203.0.113.3',
      udp: { sport: 41_000, dport: 4789 },
      vxlan: { vni: 4097, inner: packetOf(ends) },
    });
    const { rows } = capture(
      [cable, uplink],
      [
        [cable, 0, packetOf(ends)],
        [uplink, 0.02, carried],
      ],
    );
    expect(rows.map(({ protocol }) => protocol)).toEqual(['icmp echo', 'udp']);
    const stops = rows[0]?.trail?.there?.trail.stops.filter(({ sight }) => sight === 'seen') ?? [];
    expect(stops.map(({ place }) => place.id)).toEqual([cable.id, 'eth0']);
    expect(stops[1]?.stages[0]?.flow.tunnel).toMatchObject({ vni: 4097 });
  });
});
