/** A rule was changed, a flow met the new rules, and only then was the change noticed: the flow's verdict is not the old rules'. */
import { describe, expect, it } from 'vitest';
import { formatMac } from '../../../src/base/ip-address.ts';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../../src/host/snapshot.ts';
import { LINKTYPE_ETHERNET, TH_ACK, TH_RST, TH_SYN } from '../../../src/packet/packet.ts';
import { CaptureCore } from '../../../src/session/capture/capture-core.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { packetOf } from '../../path/frames.ts';
import { scene, sceneDocument } from '../../path/scene.ts';
import { rawOf } from '../raw-packet.ts';

const world = scene('28.5');
const RULES = SNAPSHOT_COMMANDS.iptablesNft;
const DROPPED = '[0:0] -A DOCKER-USER -d 203.0.113.2/32 -p tcp -m tcp --dport 80 -j DROP\n';

const document = (takenAt: string, withDrop: boolean): SnapshotDocument => {
  const recorded = sceneDocument('28.5');
  const rules = recorded.raw[RULES] ?? '';
  return {
    ...recorded,
    takenAt,
    raw: { ...recorded.raw, [RULES]: withDrop ? rules.replace('*filter\n', `*filter\n${DROPPED}`) : rules },
  };
};

const web1 = world.model.places.all.find((place) => place.container.name === 'web1');
const port = web1?.port ?? '';
const point = world.topology.points.find((entry) => entry.interface === port && entry.netns === null);
if (point === undefined) throw new Error('no capture point of web1');
const inner = formatMac(web1?.mac ?? 0);
const outer = world.model.links?.get(world.bridge('test_net1'))?.mac ?? '';

/** A short conversation of web1 with outside at `sec`: it is over, and was answered. */
const talk = (core: CaptureCore, sec: number): void => {
  const there = { srcMac: inner, dstMac: outer, src: world.ip('web1'), dst: '203.0.113.2' };
  const back = { srcMac: outer, dstMac: inner, src: '203.0.113.2', dst: world.ip('web1') };
  const packets = [
    packetOf({ ...there, tcp: { sport: 40000, dport: 80, flags: TH_SYN } }),
    packetOf({ ...back, tcp: { sport: 80, dport: 40000, flags: TH_SYN | TH_ACK } }),
    packetOf({ ...there, tcp: { sport: 40000, dport: 80, flags: TH_ACK } }),
    packetOf({ ...back, tcp: { sport: 80, dport: 40000, flags: TH_RST | TH_ACK } }),
  ];
  for (const packet of packets) core.intake.ingest(rawOf(packet, sec), 0, LINKTYPE_ETHERNET);
  core.verdicts.judgeAll();
};

const begun = (): { readonly store: HostStore; readonly core: CaptureCore } => {
  const store = new HostStore(true);
  store.replace(document('1000', true), 'first');
  const core = new CaptureCore({ store, points: [point], keepPackets: false });
  return { store, core };
};
const noticed = (store: HostStore, core: CaptureCore, next: SnapshotDocument): void => {
  store.replace(next, 'a rule was removed');
  core.renewal.rejudge('a rule was removed', Number(next.takenAt), store.unchangedAtSec);
  core.verdicts.judgeAll();
};
const row = (core: CaptureCore) => core.answers.row(1) ?? core.answers.row(0);

describe('a flow that met rules which were noticed later', () => {
  it('is judged by them, with the reason, although it is over', () => {
    const { store, core } = begun();
    talk(core, 1001);
    expect(row(core)?.verdict).toMatchObject({ verdict: { outcome: 'drop' }, contradiction: { kind: 'answered' } });
    noticed(store, core, document('1002', false));
    expect(row(core)?.verdict).toMatchObject({ verdict: { outcome: 'accept' }, contradiction: null });
    expect(row(core)?.verdict?.changes).toMatchObject([{ because: 'a rule was removed' }]);
  });

  it('stays contradicted where the new rules do not explain it either', () => {
    const { store, core } = begun();
    talk(core, 1001);
    noticed(store, core, document('1002', true));
    expect(row(core)?.verdict).toMatchObject({ verdict: { outcome: 'drop' }, contradiction: { kind: 'answered' } });
  });

  it('keeps its verdict where it began before the rules were last read unchanged', () => {
    const { store, core } = begun();
    talk(core, 1001);
    store.updateCounters('1005', document('1005', true).raw);
    noticed(store, core, document('1006', false));
    expect(row(core)?.verdict).toMatchObject({ verdict: { outcome: 'drop' }, contradiction: { kind: 'answered' } });
  });
});
