/** What is left undone when packets come too fast, when it is done again, and that all of it is counted. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINKTYPE_ETHERNET, type Packet, TH_ACK, TH_PUSH, TH_SYN } from '../../../src/packet/packet.ts';
import { CaptureCore } from '../../../src/session/capture/capture-core.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { PointShedding, Shedding } from '../../../src/session/live/shedding.ts';
import type { PacketSink } from '../../../src/session/saving/packet-sink.ts';
import { packetOf } from '../../path/frames.ts';
import { scene } from '../../path/scene.ts';
import { rawOf } from '../raw-packet.ts';

/** Hears of packets of these ages, one every 10 ms from `fromMs` on; gives what is shed behind each. */
const hear = (point: PointShedding, ages: readonly number[], fromMs = 0): readonly string[] =>
  ages.map((age, index) => {
    point.heard(age, fromMs + index * 10);
    return point.shed;
  });
const times = (count: number, age: number): number[] => new Array<number>(count).fill(age);

describe('shedding', () => {
  it('leaves nothing undone while packets are young', () => {
    expect(new Set(hear(new PointShedding(), [...times(50, 3), ...times(50, 120)]))).toEqual(new Set(['nothing']));
  });

  it('draws less often when packets get older, and as always when they are young again', () => {
    const point = new PointShedding();
    expect(hear(point, [5, 200, 180, 100]).slice(1)).toEqual(['display', 'display', 'display']);
    expect(hear(point, [20], 100)).toEqual(['nothing']);
  });

  it('stops looking into packets only where it has been behind for a while, and not for a pause', () => {
    const paused = new PointShedding();
    expect(hear(paused, [5, 900, 700, 300, 30])).not.toContain('decoding');
    const slow = new PointShedding();
    expect(hear(slow, [5, ...times(45, 900)])).not.toContain('decoding');
    expect(hear(slow, times(10, 900), 460)).toContain('decoding');
    const catchingUp = new PointShedding();
    expect(hear(catchingUp, [5, ...Array.from({ length: 150 }, (_, index) => 2000 - index * 10)])).not.toContain('decoding');
  });

  it('goes on overlooking packets until it has caught up', () => {
    const point = new PointShedding();
    hear(point, [5, ...times(60, 900)]);
    expect(hear(point, [300, 200, 100, 70], 700)).toEqual(['decoding', 'decoding', 'decoding', 'decoding']);
    expect(hear(point, [50], 800)).toEqual(['nothing']);
  });

  it('is calm when no packets come any more', () => {
    const point = new PointShedding();
    hear(point, [5, ...times(60, 900)]);
    point.passed(1000);
    expect(point.shed).toBe('decoding');
    point.passed(1300);
    expect(point.shed).toBe('nothing');
  });

  it('does not depend on the clock of whoever stamps the packets', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(steps, fc.integer({ min: -86_400_000, max: 86_400_000 }), (ages, skew) => {
        const [straight, skewed] = [new PointShedding(), new PointShedding()];
        expect(
          hear(
            skewed,
            ages.map((age) => age + skew),
          ),
        ).toEqual(hear(straight, ages));
      }),
    );
  });

  it('tells when packets are only counted, and afterwards how many were', () => {
    const all = new Shedding();
    expect(all.news()).toBeNull();
    hear(all.of(1), [5, ...times(60, 900)]);
    expect(all.isBehind).toBe(true);
    expect(all.news()?.severity).toBe('warning');
    expect(all.news()).toBeNull();
    all.of(1).packets += 1234;
    hear(all.of(1), [5], 700);
    expect(all.news()).toEqual({ severity: 'info', text: 'packets are looked into again; 1,234 packets so far were only counted' });
    expect([all.packets, all.isBehind]).toEqual([1234, false]);
  });
});

const world = scene('28.5');
const point = world.topology.points[0];
if (point === undefined) throw new Error('no capture point');

const there = { srcMac: '02:00:00:00:00:01', dstMac: '02:00:00:00:00:02', src: '10.0.0.1', dst: '10.0.0.2' };
const back = { srcMac: there.dstMac, dstMac: there.srcMac, src: there.dst, dst: there.src };

/** A connection that opens and carries `count` segments each way. */
const conversation = (count: number): Packet[] => [
  packetOf({ ...there, tcp: { sport: 40000, dport: 80, flags: TH_SYN } }),
  packetOf({ ...back, tcp: { sport: 80, dport: 40000, flags: TH_SYN | TH_ACK } }),
  packetOf({ ...there, tcp: { sport: 40000, dport: 80, flags: TH_ACK } }),
  ...Array.from({ length: count }, () => [
    packetOf({ ...there, tcp: { sport: 40000, dport: 80, flags: TH_PUSH | TH_ACK } }),
    packetOf({ ...back, tcp: { sport: 80, dport: 40000, flags: TH_ACK } }),
  ]).flat(),
];

const begun = () => {
  const core = new CaptureCore({ store: new HostStore(false), points: [point], keepPackets: true });
  const saved: { readonly length: number; readonly flow: number | null }[] = [];
  const sink: PacketSink = {
    prepare: () => 1,
    packet: ({ start, end }, _comment, flow) => void saved.push({ length: end - start, flow: flow?.id ?? null }),
  };
  core.intake.sink = sink;
  return { core, saved };
};

describe('a capture', () => {
  it('keeps and saves every packet of a flow, in order, whether it is decoded or only moves counts on', () => {
    const { core, saved } = begun();
    const packets = conversation(20);
    for (const [index, packet] of packets.entries()) core.intake.ingest(rawOf(packet, 1000, index * 1000), 0, LINKTYPE_ETHERNET);
    const flow = saved[0]?.flow ?? -1;
    expect(saved).toEqual(packets.map(({ start, end }) => ({ length: end - start, flow })));
    expect(core.answers.packetsOf(flow, 1000).map(({ timeNsec }) => timeNsec)).toEqual(packets.map((_, index) => index * 1000));
    expect(core.answers.packetsOf(flow, 1000).map(({ bytes }) => [...bytes])).toEqual(
      packets.map(({ bytes, start, end }) => [...bytes.subarray(start, end)]),
    );
  });

  it('counts, keeps and saves what it does not look into, and leaves the flows alone', () => {
    const { core, saved } = begun();
    const [first, ...others] = conversation(3);
    core.intake.ingest(rawOf(first as Packet, 1000), 0, LINKTYPE_ETHERNET);
    const flow = saved[0]?.flow ?? -1;
    for (const packet of others) core.intake.countOnly(rawOf(packet, 1000, 1), 0, LINKTYPE_ETHERNET);
    expect([core.counts.packets, core.counts.packetsByPoint[0], core.flowCount]).toEqual([9, 9, 1]);
    expect(core.answers.row(flow)?.flow.packets).toEqual([1, 0]);
    expect(saved.slice(1).map((one) => one.flow)).toEqual(others.map(() => null));
    expect(core.ring?.size).toBe(9);
    expect(core.answers.packetsOf(flow, 100)).toHaveLength(1);
  });
});
