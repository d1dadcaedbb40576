/**
 * A bridge's ports beside the kernel's: frames between four containers, and from the host to them, under every switch of a port that the
 * path knows (br_forward.c, br_input.c, br_fdb.c). The containers are made up: their ends of the cables lie in one namespace.
 */
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SnapshotDocument } from '../../../src/host/snapshot.ts';
import { judge } from '../../../src/path/judge.ts';
import type { HostModel } from '../../../src/path/model.ts';
import type { PacketSpec } from '../../../src/path/verdict.ts';
import { describeLab } from '../../lab/root.ts';
import { type Frame, frameOf, hostMac, openWired, seenIn, type WiredHost, wireMac } from './wire.ts';

/** d0 to d3 are the bridge's ports, d4 is a link beside it. */
const PORTS = [0, 1, 2, 3];
const BRIDGE_MAC = '02:00:00:00:00:b0';
const ipOf = (at: number): string => `10.0.0.1${at}`;

/** As the engine and the agent would tell of four containers, one behind each port. */
const withContainers =
  (host: WiredHost) =>
  (document: SnapshotDocument): SnapshotDocument => ({
    ...document,
    namespaces: {
      '7': {
        nsid: null,
        pid: null,
        startTime: null,
        owners: [],
        raw: { 'ip -j -d link': host.wires.sh('ip -j -d link'), 'ip -j addr': host.wires.sh('ip -j addr') },
      },
    },
    docker: {
      version: '28.5',
      apiVersion: '1.51',
      networks: [
        {
          Id: '0123456789abcdef',
          Name: 'net',
          Driver: 'bridge',
          Options: { 'com.docker.network.bridge.name': 'br0' },
          IPAM: { Config: [{ Subnet: '10.0.0.0/24', Gateway: '10.0.0.1' }] },
        },
      ],
      containers: PORTS.map((at) => ({
        Id: `c${at}`.repeat(10),
        Name: `/c${at}`,
        Image: '',
        State: { Status: 'running', Running: true, Pid: 1 },
        HostConfig: { NetworkMode: 'net' },
        NetworkSettings: { Networks: { net: { NetworkID: '0123456789abcdef', IPAddress: ipOf(at), MacAddress: wireMac(at) } }, Ports: {} },
        NetNs: 7,
      })),
    },
  });

interface Sending {
  readonly spec: PacketSpec;
  readonly frame: Frame;
  readonly id: number;
  /** The container that it is for. */
  readonly to: number;
}

const bytesFor = (length: number): number[] => Array.from({ length: length - 28 }, () => 0);

/** Every pair of ports, and from the link beside the bridge to every port. */
const sendings = (length: number, from: readonly number[] = [...PORTS, 4]): Sending[] =>
  from.flatMap((source) =>
    PORTS.filter((to) => to !== source).map((to) => {
      const id = 1000 + source * 10 + to;
      const src = source === 4 ? '10.4.0.9' : ipOf(source);
      const spec: PacketSpec = {
        ...(source === 4 ? { in: 'd4', dstMac: hostMac(4) } : { in: 'br0', port: `d${source}`, dstMac: wireMac(to) }),
        src,
        srcMac: wireMac(source),
        dst: ipOf(to),
        proto: 17,
        sport: 4000,
        dport: 53,
        ttl: 64,
        length,
        dontFragment: true,
      };
      const plan = { id, src, dst: ipOf(to), protocol: 17, sport: 4000, dport: 53, payload: bytesFor(length), dontFragment: true };
      return { spec, id, to, frame: frameOf(`e${source}`, plan, source === 4 ? hostMac(4) : wireMac(to)) };
    }),
  );

/** One line for each packet where the verdict and what came out differ. */
const differences = (host: WiredHost, model: HostModel, sent: readonly Sending[]): string[] => {
  const arrived = host.send(sent.map(({ frame }) => [frame])).map(seenIn);
  return sent.flatMap(({ spec, id, to }, at) => {
    const verdict = judge(model, spec);
    const came = (arrived[at] ?? []).some((packet) => packet.dev === `e${to}` && packet.id === id && packet.dstMac === wireMac(to));
    const said = verdict.outcome === 'accept' ? true : verdict.outcome === 'drop' ? false : null;
    return said === came
      ? []
      : [
          `${spec.src} by ${spec.port ?? spec.in} to c${to}: ${came ? 'came' : 'lost'}, path ${verdict.outcome} by ${verdict.decidedBy.text}`,
        ];
  });
};

describeLab('ports of a bridge as the kernel has them', () => {
  let host: WiredHost;
  beforeAll(() => {
    host = openWired('br', 5);
    host.sh('ip addr add 10.4.0.1/24 dev d4; sysctl -qw net.ipv6.conf.all.disable_ipv6=1');
    return () => host.close();
  }, 60_000);
  beforeEach(() => {
    host.sh(`
      ip link add br0 address ${BRIDGE_MAC} type bridge; ip link set br0 up; ip addr add 10.0.0.1/24 dev br0
      sysctl -qw net.bridge.bridge-nf-call-iptables=0
      for i in 0 1 2 3; do
        ip link set d$i up mtu 1500 master br0
        ip neigh replace 10.0.0.1$i lladdr 02:00:00:00:00:e$i dev br0 nud permanent
      done
      for i in $(seq 200); do [ "$(bridge link | grep -c "state forwarding")" = 4 ] && break; sleep 0.02; done`);
  });
  afterEach(() => host.sh('ip link del br0'));

  /** Lets the bridge hear all containers, as it would of containers at work. */
  const teach = (): void => {
    host.send(
      PORTS.map((at) => [frameOf(`e${at}`, { id: 1, src: ipOf(at), dst: '10.0.0.255', protocol: 17, payload: [] }, 'ff:ff:ff:ff:ff:ff')]),
    );
  };
  const compare = (setting: string, length = 100, from?: readonly number[]): string[] => {
    host.sh(setting);
    teach();
    return differences(host, host.model(withContainers(host)), sendings(length, from));
  };

  it('without anything special, isolated, locked, without flooding', () => {
    expect(compare('true')).toEqual([]);
    expect(compare('bridge link set dev d0 isolated on; bridge link set dev d1 isolated on')).toEqual([]);
    expect(compare('bridge link set dev d2 flood off')).toEqual([]);
    // A locked port needs an entry for whoever sends there; what it hears teaches nothing.
    expect(compare('bridge link set dev d1 learning off locked on')).toEqual([]);
    expect(compare(`bridge fdb replace ${wireMac(1)} dev d1 master static`)).toEqual([]);
  }, 60_000);

  it('that neither learn nor are flooded', () => {
    expect(compare('bridge link set dev d3 learning off flood off')).toEqual([]);
    expect(compare(`bridge fdb replace ${wireMac(3)} dev d3 master static`)).toEqual([]);
  }, 60_000);

  it('that are blocked', () => {
    expect(compare('bridge link set dev d2 state 4')).toEqual([]);
  }, 60_000);

  it('that are down', () => {
    expect(compare('ip link set d1 down', 100, [0, 2, 4])).toEqual([]);
  }, 60_000);

  it('that are in no bridge', () => {
    expect(compare('ip link set d3 nomaster', 100, [0, 1, 2, 4])).toEqual([]);
  }, 60_000);

  it('with entries made by hand: right ones and wrong ones', () => {
    expect(compare(`bridge fdb replace ${wireMac(1)} dev d1 master static`)).toEqual([]);
    expect(compare(`bridge fdb replace ${wireMac(1)} dev d2 master static`)).toEqual([]);
  }, 60_000);

  it('with neighbour entries made by hand that name another station', () => {
    expect(compare(`ip neigh replace ${ipOf(2)} lladdr ${wireMac(3)} dev br0 nud permanent`, 100, [4])).toEqual([]);
    expect(compare(`ip neigh replace ${ipOf(2)} lladdr ${wireMac(2)} dev br0 nud permanent`, 100, [4])).toEqual([]);
  }, 60_000);

  it('that send back what came in by them, or not', () => {
    const behind = '02:00:00:00:00:f0';
    host.sh(`bridge fdb add ${behind} dev d0 master static`);
    const spec: PacketSpec = {
      in: 'br0',
      port: 'd0',
      src: ipOf(0),
      srcMac: wireMac(0),
      dst: '10.0.0.77',
      dstMac: behind,
      proto: 17,
      sport: 1,
      dport: 2,
    };
    const plan = { src: ipOf(0), dst: '10.0.0.77', protocol: 17, sport: 1, dport: 2 };
    for (const hairpin of ['off', 'on'] as const) {
      host.sh(`bridge link set dev d0 hairpin ${hairpin}`);
      const verdict = judge(host.model(withContainers(host)), spec);
      const [found = []] = host.send([[frameOf('e0', { ...plan, id: 77 }, behind)]]);
      const came = seenIn(found).some((packet) => packet.dev === 'e0' && packet.id === 77);
      expect([came, verdict.outcome]).toEqual(hairpin === 'on' ? [true, 'accept'] : [false, 'drop']);
    }
  }, 60_000);

  it('with frames that are too long for them', () => {
    // What comes by d1 itself is lost on its cable already when it is too long (__dev_forward_skb), and never comes in.
    host.sh('ip link set d1 mtu 1400');
    const model = host.model(withContainers(host));
    teach();
    for (const length of [1400, 1404, 1405, 1500]) {
      expect(differences(host, model, sendings(length, [0, 2, 3, 4])), `${length} bytes`).toEqual([]);
    }
    expect(compare('ip link set d1 mtu 1500; ip link set br0 mtu 1300', 1400)).toEqual([]);
  }, 60_000);
});
