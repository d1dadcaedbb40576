/** The joins on real hosts of three engines, and on cables laid by hand. */
import { describe, expect, it, vi } from 'vitest';
import { formatIp } from '../../src/base/ip-address.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { NameIndex } from '../../src/topology/names.ts';
import type { ContainerNode, Topology } from '../../src/topology/topology.ts';
import { factsOf } from '../lab/host-facts.ts';
import { type LabEngine, type LabHost, useLab } from '../lab/lab.ts';
import { describeLab } from '../lab/root.ts';

const nodeOf = (topology: Topology, name: string): ContainerNode => {
  const node = topology.containers.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no container ${name}`);
  return node;
};

const topologyOf = async (host: LabHost): Promise<Topology> => buildTopology(await factsOf(host));

/** The device's peer as the kernel tells it to the container itself. */
const peerNumber = async (host: LabHost, container: string, device: string): Promise<number> => {
  const links = JSON.parse(await host.container(container, `ip -j link show ${device}`)) as { link_index: number }[];
  return links[0]?.link_index ?? -1;
};

const numberOf = async (host: LabHost, device: string): Promise<number> => {
  const links = JSON.parse(await host.sh(`ip -j link show ${device}`)) as { ifindex: number }[];
  return links[0]?.ifindex ?? -2;
};

/** A snapshot takes a second, and more on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

const ENGINES: readonly LabEngine[] = ['20.10', '26.1', '28.5'];

describeLab('the scene', () => {
  describe.each(ENGINES)('on dockerd %s', (engine) => {
    const host = useLab({ engine, shared: true });

    it('is joined as the kernel says, without a warning', async () => {
      const topology = await topologyOf(host());
      expect(topology.warnings).toEqual([]);
      const onVeth = topology.containers.flatMap((node) =>
        node.endpoints.filter((one) => one.host?.kind === 'veth').map((one) => ({ node, one })),
      );
      expect(onVeth.map(({ node, one }) => `${node.name} ${one.network}`).sort()).toEqual([
        'i1 intern',
        'multi test_net1',
        'multi test_net2',
        'n1 noicc',
        'n2 noicc',
        'nm1 nomasq',
        'pub bridge',
        'publocal bridge',
        'pubnet1 test_net1',
        'web1 test_net1',
        'web2 test_net2',
        'web3 test_net2',
      ]);
      for (const { node, one } of onVeth) {
        const [peer, found] = await Promise.all([
          peerNumber(host(), node.name, one.interface ?? '?'),
          numberOf(host(), one.host?.interface ?? '?'),
        ]);
        expect(found, node.name).toBe(peer);
      }
      expect(nodeOf(topology, 'mv1').endpoints[0]?.host).toMatchObject({ kind: 'macvlan', parent: 'eth0' });
      expect(nodeOf(topology, 'sidecar')).toMatchObject({ sharesWith: 'web1', endpoints: [] });
      expect(nodeOf(topology, 'hostmode').remark).toContain("the host's own network");
      expect(nodeOf(topology, 'nonemode').remark).toBe('no network: nothing to capture');
    });

    it('has names for all its addresses', async () => {
      const facts = await factsOf(host());
      const topology = buildTopology(facts);
      const names = new NameIndex(topology, facts);
      const ofContainers = topology.containers.flatMap((node) =>
        node.endpoints.flatMap((one) => (one.ipv4 === null ? [] : [`${formatIp(one.ipv4)} ${names.nameOf(one.ipv4)}`])),
      );
      expect(ofContainers).toContain('198.18.20.2 web2');
      expect(ofContainers).toContain('198.18.20.4 multi (test_net2)');
    });
  });
});

describeLab('a host that is changed by hand', () => {
  const host = useLab({ engine: '28.5', scene: false });
  const start = (name: string, options: string) => host().sh(`docker run -d --name ${name} ${options} lab/busybox sleep 1000000`);

  it('shows a cable that Docker does not know (pipework)', async () => {
    await start('bare', '--network none');
    await host().sh(
      'ip link add hand0 type veth peer name hand1 && ip link set hand1 netns $(docker inspect -f "{{.State.Pid}}" bare) && ip link set hand0 up',
    );
    await host().container('bare', 'ip link set hand1 up && ip addr add 192.168.77.2/24 dev hand1');
    expect(nodeOf(await topologyOf(host()), 'bare')).toMatchObject({
      remark: null,
      endpoints: [
        {
          network: null,
          driver: null,
          interface: 'hand1',
          unresolved: null,
          warnings: [],
          host: { kind: 'veth', interface: 'hand0', bridge: null },
        },
      ],
    });
  });

  it('tells a cable that lost its bridge, or is in another one', async () => {
    await start('loose', '');
    const plugged = nodeOf(await topologyOf(host()), 'loose').endpoints[0];
    const cable = plugged?.host?.interface ?? '?';
    await host().sh(`ip link set ${cable} nomaster`);
    expect(nodeOf(await topologyOf(host()), 'loose').endpoints[0]?.warnings).toEqual([
      `${cable} is plugged into no bridge; Docker says docker0`,
    ]);
    await host().sh(`ip link add other0 type bridge && ip link set other0 up && ip link set ${cable} master other0`);
    expect(nodeOf(await topologyOf(host()), 'loose').endpoints[0]?.warnings).toEqual([
      `${cable} is plugged into other0; Docker says docker0`,
    ]);
  });

  it('follows what a container is connected to, and its end', async () => {
    await host().sh('docker network create one >/dev/null && docker network create two >/dev/null');
    await start('mover', '--network one');
    await host().sh('docker network connect two mover && docker network disconnect one mover');
    const moved = nodeOf(await topologyOf(host()), 'mover');
    expect(moved.endpoints.map((one) => [one.network, one.interface, one.host?.kind])).toEqual([['two', 'eth1', 'veth']]);
    await host().sh('docker stop -t 0 mover');
    expect(nodeOf(await topologyOf(host()), 'mover')).toMatchObject({
      remark: expect.stringContaining('docker start mover'),
      endpoints: [{ network: 'two', host: null }],
    });
  });

  it('tells containers that share a network whose holder has been started again', async () => {
    await start('holder', '');
    await start('guest', '--network container:holder');
    await host().sh('docker restart -t 0 holder');
    expect(nodeOf(await topologyOf(host()), 'guest').remark).toContain('docker restart guest');
  });

  it('has ipvlan children under their parent', async () => {
    await host().sh('docker network create -d ipvlan --subnet 198.19.6.0/24 -o parent=eth0 iv');
    try {
      await start('iv1', '--network iv');
    } catch (error) {
      // A kernel without the driver: the container is there, never started, and is shown so.
      expect(String(error)).toContain('operation not supported');
      expect(nodeOf(await topologyOf(host()), 'iv1')).toMatchObject({ state: 'created', endpoints: [{ network: 'iv', host: null }] });
      return;
    }
    expect(nodeOf(await topologyOf(host()), 'iv1').endpoints[0]).toMatchObject({
      network: 'iv',
      host: { kind: 'ipvlan', parent: 'eth0' },
      unresolved: null,
    });
  });

  it('shows overlay endpoints in their hidden namespace', async () => {
    await host().sh('docker swarm init --advertise-addr 203.0.113.1 && docker network create -d overlay --attachable ov');
    await start('ov1', '--network ov');
    const id = (await host().sh('docker network inspect -f "{{.Id}}" ov')).trim();
    const topology = await topologyOf(host());
    expect(nodeOf(topology, 'ov1').endpoints.map((one) => [one.network, one.unresolved, one.host])).toEqual([
      [
        'ov',
        null,
        { kind: 'overlay', interface: expect.stringMatching(/^veth/), bridge: 'br0', parent: null, namespace: `1-${id.slice(0, 10)}` },
      ],
      [
        'docker_gwbridge',
        null,
        { kind: 'veth', interface: expect.stringMatching(/^veth/), bridge: 'docker_gwbridge', parent: null, namespace: null },
      ],
    ]);
    expect(topology.points.filter((point) => point.kind === 'vxlan').map((point) => point.sees)).toEqual(['ov to and from other hosts']);
  });
});
