/** From packets at capture points back to the question, on the recorded scene: entering, leaving, translated, answered, ambiguous. */
import { describe, expect, it } from 'vitest';
import { formatMac } from '../../src/base/ip-address.ts';
import { TH_ACK, TH_PUSH, TH_SYN } from '../../src/packet/packet.ts';
import { judgeBoth } from '../../src/path/judge.ts';
import { specOfPacket } from '../../src/path/origin/origin.ts';
import type { CapturePoint } from '../../src/topology/topology.ts';
import { type Frame, packetOf } from './frames.ts';
import { brief, ENGINES, type Engine, type Scene, type SceneChange, scene } from './scene.ts';

const OUTSIDE_MAC = '02:00:00:00:00:fe';

const at = (world: Scene, device: string): CapturePoint => {
  const point = world.topology.points.find((entry) => entry.interface === device && entry.netns === null);
  if (point === undefined) throw new Error(`no capture point ${device}`);
  return point;
};

const portOf = (world: Scene, container: string): string =>
  world.model.places.all.find((place) => place.container.name === container)?.port ?? '';
const macOf = (world: Scene, container: string): string =>
  formatMac(world.model.places.all.find((place) => place.container.name === container)?.mac ?? 0);
const deviceMac = (world: Scene, device: string): string => world.model.links?.get(device)?.mac ?? '';

const SYN = TH_SYN;
const SYNACK = TH_SYN | TH_ACK;
const DATA = TH_ACK | TH_PUSH;

interface Case {
  readonly label: string;
  readonly device: (world: Scene) => string;
  readonly frame: (world: Scene) => Frame;
}

const inward = (world: Scene, container: string, network: string) => ({
  srcMac: macOf(world, container),
  dstMac: deviceMac(world, world.bridge(network)),
});
const outward = (world: Scene, container: string, network: string) => ({
  srcMac: deviceMac(world, world.bridge(network)),
  dstMac: macOf(world, container),
});
const arriving = (world: Scene) => ({ srcMac: OUTSIDE_MAC, dstMac: deviceMac(world, 'eth0') });
const departing = (world: Scene) => ({ srcMac: deviceMac(world, 'eth0'), dstMac: OUTSIDE_MAC });
const tcp = (sport: number, dport: number, flags: number) => ({ tcp: { sport, dport, flags } });

const CASES: readonly Case[] = [
  {
    label: 'web1 veth: ping to web2 enters',
    device: (w) => portOf(w, 'web1'),
    frame: (w) => ({ ...inward(w, 'web1', 'test_net1'), src: w.ip('web1'), dst: w.ip('web2') }),
  },
  {
    label: 'web1 veth: ping to outside enters',
    device: (w) => portOf(w, 'web1'),
    frame: (w) => ({ ...inward(w, 'web1', 'test_net1'), src: w.ip('web1'), dst: '203.0.113.2' }),
  },
  {
    label: 'web1 veth: answer from outside leaves',
    device: (w) => portOf(w, 'web1'),
    frame: (w) => ({ ...outward(w, 'web1', 'test_net1'), src: '203.0.113.2', dst: w.ip('web1'), icmp: { type: 0, id: 1 } }),
  },
  {
    label: 'web1 veth: ping of the host leaves',
    device: (w) => portOf(w, 'web1'),
    frame: (w) => ({ ...outward(w, 'web1', 'test_net1'), src: '172.18.0.1', dst: w.ip('web1') }),
  },
  {
    label: 'web1 veth: answer to the host enters',
    device: (w) => portOf(w, 'web1'),
    frame: (w) => ({ ...inward(w, 'web1', 'test_net1'), src: w.ip('web1'), dst: '172.18.0.1', icmp: { type: 0, id: 1 } }),
  },
  {
    label: 'web3 veth: ping of web2 leaves',
    device: (w) => portOf(w, 'web3'),
    frame: (w) => ({ srcMac: macOf(w, 'web2'), dstMac: macOf(w, 'web3'), src: w.ip('web2'), dst: w.ip('web3') }),
  },
  {
    label: 'web3 veth: answer to web2 enters',
    device: (w) => portOf(w, 'web3'),
    frame: (w) => ({ srcMac: macOf(w, 'web3'), dstMac: macOf(w, 'web2'), src: w.ip('web3'), dst: w.ip('web2'), icmp: { type: 0, id: 1 } }),
  },
  {
    label: 'test_net2 bridge: ping of web2 to web3',
    device: (w) => w.bridge('test_net2'),
    frame: (w) => ({ srcMac: macOf(w, 'web2'), dstMac: macOf(w, 'web3'), src: w.ip('web2'), dst: w.ip('web3') }),
  },
  {
    label: 'eth0: SYN to the published port enters',
    device: () => 'eth0',
    frame: (w) => ({ ...arriving(w), src: '203.0.113.2', dst: '203.0.113.1', ...tcp(40000, 8080, SYN) }),
  },
  {
    label: 'docker0: the translated SYN leaves',
    device: () => 'docker0',
    frame: (w) => ({ ...outward(w, 'pub', 'bridge'), src: '203.0.113.2', dst: w.ip('pub'), ttl: 63, ...tcp(40000, 80, SYN) }),
  },
  {
    label: 'pub veth: the translated SYN leaves',
    device: (w) => portOf(w, 'pub'),
    frame: (w) => ({ ...outward(w, 'pub', 'bridge'), src: '203.0.113.2', dst: w.ip('pub'), ttl: 63, ...tcp(40000, 80, SYN) }),
  },
  {
    label: 'pub veth: its SYN,ACK enters',
    device: (w) => portOf(w, 'pub'),
    frame: (w) => ({ ...inward(w, 'pub', 'bridge'), src: w.ip('pub'), dst: '203.0.113.2', ...tcp(80, 40000, SYNACK) }),
  },
  {
    label: 'pub veth: its data enters',
    device: (w) => portOf(w, 'pub'),
    frame: (w) => ({ ...inward(w, 'pub', 'bridge'), src: w.ip('pub'), dst: '203.0.113.2', ...tcp(80, 40000, DATA) }),
  },
  {
    label: 'pub veth: the client’s data leaves',
    device: (w) => portOf(w, 'pub'),
    frame: (w) => ({ ...outward(w, 'pub', 'bridge'), src: '203.0.113.2', dst: w.ip('pub'), ttl: 63, ...tcp(40000, 80, DATA) }),
  },
  {
    label: 'eth0: SYN,ACK of the published port leaves',
    device: () => 'eth0',
    frame: (w) => ({ ...departing(w), src: '203.0.113.1', dst: '203.0.113.2', ...tcp(8080, 40000, SYNACK) }),
  },
  {
    label: 'eth0: a ping leaves that anybody may have sent',
    device: () => 'eth0',
    frame: (w) => ({ ...departing(w), src: '203.0.113.1', dst: '203.0.113.2' }),
  },
  { label: 'eth0: a ping of nm1 leaves', device: () => 'eth0', frame: (w) => ({ ...departing(w), src: w.ip('nm1'), dst: '203.0.113.2' }) },
  {
    label: 'eth0: an answer enters that anybody may have asked for',
    device: () => 'eth0',
    frame: (w) => ({ ...arriving(w), src: '203.0.113.2', dst: '203.0.113.1', icmp: { type: 0, id: 1 } }),
  },
  {
    label: 'eth0: a frame of a macvlan child',
    device: () => 'eth0',
    frame: (w) => ({ srcMac: macOf(w, 'mv1'), dstMac: OUTSIDE_MAC, src: w.ip('mv1'), dst: '203.0.113.2' }),
  },
  {
    label: 'eth0: a frame for somebody else',
    device: () => 'eth0',
    frame: () => ({ srcMac: OUTSIDE_MAC, dstMac: '02:00:00:00:00:33', src: '203.0.113.2', dst: '203.0.113.9' }),
  },
  {
    label: 'lo: a ping to itself',
    device: () => 'lo',
    frame: () => ({ srcMac: '00:00:00:00:00:00', dstMac: '00:00:00:00:00:00', src: '127.0.0.1', dst: '127.0.0.1' }),
  },
];

const answer = (world: Scene, one: Case): string => {
  const origin = specOfPacket(world.model, packetOf(one.frame(world)), at(world, one.device(world)));
  if ('unknown' in origin) return `${one.label}\n  unknown: ${origin.unknown}\n`;
  const { spec, assumptions } = origin;
  const { verdict, reply } = judgeBoth(world.model, spec);
  const asked =
    `in ${spec.in ?? 'host'}${spec.port === undefined ? '' : ' by a port'} ${spec.src}${spec.sport === undefined ? '' : `:${spec.sport}`} > ${spec.dst}${spec.dport === undefined ? '' : `:${spec.dport}`} ${spec.flags ?? (spec.icmpType === undefined ? '' : `icmp ${spec.icmpType}`)} ${spec.state ?? spec.connection?.ct.state ?? ''}`.trimEnd();
  let text = `${one.label}\n  ${asked}\n${assumptions.map((assumption) => `  assumed: ${assumption}\n`).join('')}  ${brief(world, verdict)}\n  reply: ${brief(world, reply)}\n`;
  for (const network of world.facts.networks)
    if (network.claimedBridge !== null) text = text.replaceAll(network.claimedBridge, `br(${network.name})`);
  return text;
};

describe.each(ENGINES)('packets seen on engine %s', (engine: Engine) => {
  it('are taken back to the question', async () => {
    const world = scene(engine);
    await expect(CASES.map((one) => answer(world, one)).join('')).toMatchFileSnapshot(`../golden/path/origin-${engine}.txt`);
  });
});

describe('connections of the snapshot', () => {
  const entry =
    'ipv4     2 icmp     1 29 src=172.18.0.2 dst=203.0.113.2 type=8 code=0 id=77 src=203.0.113.2 dst=203.0.113.1 type=0 code=0 id=77 mark=0 use=1\n';
  const change: SceneChange = { raw: { 'conntrack -L -o extended': entry } };

  it('tell who sent a translated ping', () => {
    const world = scene('28.5', change);
    const packet = packetOf({ ...departing(world), src: '203.0.113.1', dst: '203.0.113.2', icmp: { type: 8, id: 77 } });
    const origin = specOfPacket(world.model, packet, at(world, 'eth0'));
    expect(origin).toMatchObject({ spec: { in: world.bridge('test_net1'), src: '172.18.0.2', dst: '203.0.113.2' }, assumptions: [] });
    if ('unknown' in origin) return;
    expect(judgeBoth(world.model, origin.spec).verdict.nat).toMatchObject([
      { kind: 'masquerade', to: '203.0.113.1', by: { chain: 'POSTROUTING' } },
    ]);
  });

  it('tell whom the answer is for', () => {
    const world = scene('28.5', change);
    const packet = packetOf({ ...arriving(world), src: '203.0.113.2', dst: '203.0.113.1', icmp: { type: 0, id: 77 } });
    const origin = specOfPacket(world.model, packet, at(world, 'eth0'));
    if ('unknown' in origin) throw new Error(origin.unknown);
    expect(judgeBoth(world.model, origin.spec).verdict).toMatchObject({
      outcome: 'accept',
      deliveredTo: { container: 'web1' },
      decidedBy: { chain: 'DOCKER-CT' },
    });
  });
});
