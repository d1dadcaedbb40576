/** VXLAN on the underlay: the inner flow is a row with packets of its own, and the outer one says what it carries. */
import { describe, expect, it } from 'vitest';
import { SNAPSHOT_COMMANDS, type SnapshotDocument } from '../../../src/host/snapshot.ts';
import { LINKTYPE_ETHERNET } from '../../../src/packet/packet.ts';
import { flowJson } from '../../../src/report/flow-json.ts';
import { flowLine } from '../../../src/report/flow-line.ts';
import { CaptureCore } from '../../../src/session/capture/capture-core.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import type { FlowRow } from '../../../src/session/state/flow-row.ts';
import { packetOf } from '../../path/frames.ts';
import { scene, sceneDocument } from '../../path/scene.ts';
import { rawOf } from '../raw-packet.ts';

/** As Docker makes it for an overlay network: in a namespace of its own, its other side in the host's. */
const hidden = {
  ifindex: 4,
  ifname: 'vxlan0',
  link_index: 4,
  link_netnsid: 0,
  flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
  mtu: 1450,
  address: 'c2:40:b9:c9:38:80',
  linkinfo: { info_kind: 'vxlan', info_data: { id: 4097, port: 4789, learning: true, proxy: true, l2miss: true, l3miss: true } },
};

const document = (): SnapshotDocument => {
  const recorded = sceneDocument('28.5');
  const namespace = { nsid: null, pid: null, startTime: null, owners: [], path: '/run/docker/netns/1-0123456789' };
  return {
    ...recorded,
    namespaces: { ...recorded.namespaces, '4026539999': { ...namespace, raw: { [SNAPSHOT_COMMANDS.link]: JSON.stringify([hidden]) } } },
  };
};

const world = scene('28.5');
const uplink = world.topology.points.find((point) => point.kind === 'uplink');
if (uplink === undefined) throw new Error('no uplink');
const own = world.model.links?.get(uplink.interface)?.mac ?? '';
const wire = '02:00:00:00:00:03';

const captured = (): CaptureCore => {
  const store = new HostStore(true);
  store.replace(document(), 'first');
  const core = new CaptureCore({ store, points: [uplink], keepPackets: true });
  const ends = { srcMac: '02:42:0a:14:00:0b', dstMac: '02:42:0a:14:00:15', src: '10.20.0.11', dst: '10.20.0.21' };
  const frames = [0, 1, 2].map((index) =>
    packetOf({
      srcMac: own,
      dstMac: wire,
      src: '203.0.113.1',
      dst: '203.0.113.3',
      udp: { sport: 41_000 + (index % 2), dport: 4789 },
      vxlan: {
        vni: 4097,
        inner: packetOf(index < 2 ? { ...ends, udp: { sport: 5000 + index, dport: 53 } } : { ...ends, icmp: { type: 8, id: 1 } }),
      },
    }),
  );
  for (const packet of [...frames, ...frames]) core.intake.ingest(rawOf(packet, 2000), 0, LINKTYPE_ETHERNET);
  core.verdicts.judgeAll();
  return core;
};

const rowsOf = (core: CaptureCore): readonly FlowRow[] =>
  core.answers.page({ sort: 'first', descending: false, search: '', offset: 0, limit: 20 }).rows;

describe('a capture of the underlay', () => {
  it('has the packets of each flow inside, and no others of its tunnel', () => {
    const core = captured();
    const inner = rowsOf(core).filter((row) => row.flow.tunnel !== null);
    expect(inner.map((row) => row.protocol)).toEqual(['udp', 'udp', 'icmp echo']);
    expect(inner.map((row) => core.answers.packetsOf(row.flow.id, 10).map((packet) => packet.sequence))).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    const outer = rowsOf(core).filter((row) => row.flow.carries != null);
    expect(outer.map((row) => core.answers.packetsOf(row.flow.id, 10).map((packet) => packet.sequence))).toEqual([
      [0, 2, 3, 5],
      [1, 4],
    ]);
  });

  it('says of the inner flow in what it travels and what becomes of that, and of the outer one what is in it', () => {
    const core = captured();
    const rows = rowsOf(core);
    const ping = rows.find((row) => row.protocol === 'icmp echo') as FlowRow;
    const line = flowLine(ping, 'ended', { colour: false, unicode: true }, 0);
    expect(line).toContain('ACCEPT  in VXLAN VNI 4097 203.0.113.1 → 203.0.113.3: ');
    const carrier = rows.find((row) => row.flow.id === ping.flow.tunnel?.flowId) as FlowRow;
    expect(carrier.state).toBe('VNI 4097: 10.20.0.11 → 10.20.0.21:53 udp, 10.20.0.11 → 10.20.0.21 icmp echo');
    expect(flowJson(ping, 'eth0')).toMatchObject({
      verdict: null,
      tunnel: { flow: carrier.flow.id, vni: 4097, src: '203.0.113.1', dst: '203.0.113.3' },
    });
    expect(flowJson(carrier, 'eth0')).toMatchObject({ carries: { vni: 4097, flows: [2, ping.flow.id] } });
  });

  it('explains the inner flow by what carries it', () => {
    const core = captured();
    const ping = rowsOf(core).find((row) => row.protocol === 'icmp echo') as FlowRow;
    expect(core.answers.question(ping.flow.id)).toMatchObject({ spec: { proto: 17, dport: 4789, dst: '203.0.113.3' } });
    expect(core.answers.explain(ping.flow.id)?.verdict.outcome).toBe('accept');
  });
});
