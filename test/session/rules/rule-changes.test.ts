/** Rules that change while flows go on: packets before are counted at the old ones, packets after at the new, each flow once at a rule. */
import { describe, expect, it } from 'vitest';
import { formatMac } from '../../../src/base/ip-address.ts';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../../src/host/snapshot.ts';
import { LINKTYPE_ETHERNET } from '../../../src/packet/packet.ts';
import type { RawPacket } from '../../../src/pcap/reader.ts';
import { CaptureCore } from '../../../src/session/capture/capture-core.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { RuleHits } from '../../../src/session/rules/rule-hits.ts';
import { packetOf } from '../../path/frames.ts';
import { scene, sceneDocument } from '../../path/scene.ts';

const world = scene('28.5');
const RULES = SNAPSHOT_COMMANDS.iptablesNft;

const document = (takenAt: string, line: string, counters = 0): SnapshotDocument => {
  const recorded = sceneDocument('28.5');
  const rules = (recorded.raw[RULES] ?? '').replace('*filter\n', `*filter\n${line === '' ? '' : `[${counters}:0] ${line}\n`}`);
  return { ...recorded, takenAt, raw: { ...recorded.raw, [RULES]: rules } };
};

const DROP = '-A DOCKER-USER -d 203.0.113.2/32 -j DROP';
const LOG = '-A DOCKER-USER -d 203.0.113.2/32 -m comment --comment "seen" -j RETURN';

const web1 = world.model.places.all.find((place) => place.container.name === 'web1');
const point = world.topology.points.find((entry) => entry.interface === web1?.port && entry.netns === null);
if (point === undefined) throw new Error('no capture point of web1');
const inner = formatMac(web1?.mac ?? 0);
const outer = world.model.links?.get(world.bridge('test_net1'))?.mac ?? '';

class Capture {
  readonly store = new HostStore(true);
  readonly core: CaptureCore;
  readonly hits: RuleHits;

  constructor(first: SnapshotDocument) {
    this.store.replace(first, 'first');
    this.core = new CaptureCore({ store: this.store, points: [point as NonNullable<typeof point>], keepPackets: false });
    const { answers } = this.core;
    this.hits = new RuleHits(this.store, {
      observe: (observer) => this.core.observers.add(observer),
      question: (flowId) => answers.question(flowId),
      flow: (flowId) => answers.row(flowId),
      finished: new Promise(() => {}),
    });
  }

  pings(sec: number, count: number): void {
    for (let seq = 0; seq < count; seq++) {
      const ends = { srcMac: inner, dstMac: outer, src: world.ip('web1'), dst: '203.0.113.2' };
      const { bytes, start, end } = packetOf({ ...ends, icmp: { type: 8, id: 7 } });
      const raw = { bytes, start, end, originalLength: end - start, timeSec: sec, timeNsec: seq } as RawPacket;
      this.core.intake.ingest(raw, 0, LINKTYPE_ETHERNET);
    }
    this.core.verdicts.judgeAll();
  }

  change(next: SnapshotDocument): void {
    this.store.replace(next, 'rules changed');
    this.core.renewal.rejudge('rules changed', Number(next.takenAt), Number(next.takenAt) - 1);
    this.core.verdicts.judgeAll();
  }

  /** `[packets, flows]` at the rule with this text, null where it is not listed. */
  at(text: string): readonly [number, number] | null {
    const use = this.hits.uses().rules.find((each) => each.text === text);
    return use === undefined ? null : [use.packets, use.flows];
  }
}

describe('rules that change', () => {
  it('keep what was counted at them, and the new ones count what comes after', () => {
    const capture = new Capture(document('1000', DROP));
    capture.pings(1001, 3);
    expect(capture.at(DROP)).toEqual([3, 1]);
    capture.change(document('1002', ''));
    expect(capture.at(DROP)).toEqual([3, 1]);
    capture.pings(1003, 2);
    expect(capture.at(DROP)).toEqual([3, 1]);
    // Both times the packets came to the chain: five packets of one flow.
    expect(capture.at('-A FORWARD -j DOCKER-USER')).toEqual([5, 1]);
    capture.core.finishAll();
    expect(capture.at('-A FORWARD -j DOCKER-USER')).toEqual([5, 1]);
    expect(capture.hits.uses().packets).toBe(5);
  });

  it('count at a new rule that decides nothing, where the verdict stays what it was', () => {
    const capture = new Capture(document('1000', ''));
    capture.pings(1001, 2);
    capture.change(document('1002', LOG));
    capture.pings(1003, 4);
    expect(capture.at(LOG)).toEqual([4, 1]);
    capture.core.finishAll();
    expect(capture.at(LOG)).toEqual([4, 1]);
    expect(capture.at('-A FORWARD -j DOCKER-USER')).toEqual([6, 1]);
  });

  it('have the growth of the kernel’s counter from reading to reading, nothing as long as there was one', () => {
    const capture = new Capture(document('1000', DROP, 10));
    const counted = (): number | null | undefined => capture.hits.uses().rules.find(({ text }) => text === DROP)?.counted;
    expect(counted()).toBeNull();
    capture.store.updateCounters('1001', document('1001', DROP, 13).raw);
    expect(counted()).toBe(3);
    capture.change(document('1002', DROP, 20));
    expect(counted()).toBe(10);
    capture.store.updateCounters('1003', document('1003', DROP, 21).raw);
    expect(counted()).toBe(11);
  });
});
