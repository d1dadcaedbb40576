/** The joins of containers with their host side: exact, and honest where they cannot be. */
import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../src/host/facts.ts';
import { buildTopology } from '../../src/topology/build.ts';
import type { ContainerNode, Endpoint } from '../../src/topology/topology.ts';
import { address, container, endpoint, hostFacts, link, loopback, namespace, network, route } from './facts.ts';

const net1 = network('net1', { claimedBridge: 'br-net1' });
const net2 = network('net2', { claimedBridge: 'br-net2' });
const bridges = [link(3, 'br-net1', 'bridge'), link(4, 'br-net2', 'bridge')];

const nodeOf = (facts: HostFacts, name: string): ContainerNode => {
  const node = buildTopology(facts).containers.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no container ${name}`);
  return node;
};

const endpointOf = (facts: HostFacts, name: string, at = 0): Endpoint => {
  const found = nodeOf(facts, name).endpoints[at];
  if (found === undefined) throw new Error(`${name} has no endpoint ${at}`);
  return found;
};

/** One container on net1 whose eth0 is number 11 and points at 12; `hostLinks` are what the host has. */
const onVeth = (hostLinks: Parameters<typeof link>[], nsid: number | null = 2): HostFacts =>
  hostFacts({
    self: { links: [loopback, ...bridges, ...hostLinks.map((parts) => link(...parts))] },
    networks: [net1, net2],
    namespaces: [
      namespace('1001', nsid, {
        links: [loopback, link(11, 'eth0', 'veth', { linkIndex: 12, linkNetnsid: 0, mac: '02:42:ac:12:00:02' })],
        addresses: [address('eth0', '172.18.0.2/16')],
      }),
    ],
    containers: [container('web1', { mode: 'net1', netns: '1001', endpoints: [endpoint(net1, '172.18.0.2')] })],
  });

describe('a veth', () => {
  it('is joined where both numbers and the namespace id agree', () => {
    const facts = onVeth([[12, 'veth06dc24e', 'veth', { linkIndex: 11, linkNetnsid: 2, master: 'br-net1' }]]);
    expect(endpointOf(facts, 'web1')).toMatchObject({
      network: 'net1',
      driver: 'bridge',
      interface: 'eth0',
      host: { kind: 'veth', interface: 'veth06dc24e', bridge: 'br-net1', parent: null, namespace: null },
      unresolved: null,
      warnings: [],
    });
  });

  it('is not joined with a device of another namespace that has the same numbers', () => {
    const found = endpointOf(onVeth([[12, 'vethother', 'veth', { linkIndex: 11, linkNetnsid: 7, master: 'br-net1' }]]), 'web1');
    expect(found.host).toBeNull();
    expect(found.unresolved).toContain('interface number 12');
  });

  it('is not joined with a device that points elsewhere', () => {
    expect(endpointOf(onVeth([[12, 'vethother', 'veth', { linkIndex: 99, linkNetnsid: 2 }]]), 'web1').host).toBeNull();
  });

  it('is joined by its numbers alone only where Docker says that it is on a bridge of this host', () => {
    const facts = onVeth([[12, 'veth06dc24e', 'veth', { linkIndex: 11, linkNetnsid: 2 }]], null);
    expect(endpointOf(facts, 'web1').host?.interface).toBe('veth06dc24e');
    const byHand = endpointOf({ ...facts, containers: facts.containers.map((one) => ({ ...one, mode: 'none', endpoints: [] })) }, 'web1');
    expect(byHand.host).toBeNull();
    expect(byHand.unresolved).toContain('namespace ids');
  });

  it('is not joined by its numbers with a device whose namespace id is that of another container', () => {
    const facts = onVeth([[12, 'veth06dc24e', 'veth', { linkIndex: 11, linkNetnsid: 2 }]], null);
    expect(endpointOf({ ...facts, namespaces: [...facts.namespaces, namespace('1099', 2, {})] }, 'web1').host).toBeNull();
  });

  it('is not joined with a device of the host whose peer is on the host', () => {
    expect(endpointOf(onVeth([[12, 'vethlocal', 'veth', { linkIndex: 11, linkNetnsid: null, linkName: 'x' }]]), 'web1').host).toBeNull();
  });

  it.each([
    [{ master: null }, 'veth0 is plugged into no bridge; Docker says br-net1'],
    [{ master: 'br-net2' }, 'veth0 is plugged into br-net2; Docker says br-net1'],
    [{ master: 'br-net1', flags: ['BROADCAST'] }, 'veth0 is down'],
  ])('is reported where it is not plugged in as Docker says: %o', (more, warning) => {
    const facts = onVeth([[12, 'veth0', 'veth', { linkIndex: 11, linkNetnsid: 2, ...more }]]);
    expect(endpointOf(facts, 'web1').warnings).toEqual([warning]);
    expect(buildTopology(facts).warnings).toContain(`web1: ${warning}`);
  });

  it('is reported where its bridge is down', () => {
    const facts = onVeth([[12, 'veth0', 'veth', { linkIndex: 11, linkNetnsid: 2, master: 'br-net1' }]]);
    const down = {
      ...facts,
      self: { ...facts.self, links: (facts.self.links ?? []).map((one) => (one.name === 'br-net1' ? { ...one, flags: [] } : one)) },
    };
    expect(endpointOf(down, 'web1').warnings).toEqual(['bridge br-net1 is down']);
  });
});

describe('several devices in one container', () => {
  const facts = hostFacts({
    self: {
      links: [
        loopback,
        ...bridges,
        link(12, 'vetha', 'veth', { linkIndex: 11, linkNetnsid: 2, master: 'br-net1' }),
        link(14, 'vethb', 'veth', { linkIndex: 13, linkNetnsid: 2, master: 'br-net2' }),
        link(20, 'pipe0', 'veth', { linkIndex: 19, linkNetnsid: 2 }),
      ],
    },
    networks: [net1, net2],
    namespaces: [
      namespace('1001', 2, {
        links: [
          loopback,
          link(11, 'eth1', 'veth', { linkIndex: 12, linkNetnsid: 0, mac: '02:00:00:00:00:01' }),
          link(13, 'eth0', 'veth', { linkIndex: 14, linkNetnsid: 0, mac: '02:00:00:00:00:02' }),
          link(19, 'eth2', 'veth', { linkIndex: 20, linkNetnsid: 0, mac: '02:00:00:00:00:03' }),
          link(21, 'tunl0', 'ipip', { flags: ['NOARP'] }),
          link(22, 'inner0', 'bridge'),
        ],
        addresses: [address('eth1', '172.18.0.2/16'), address('eth0', '172.19.0.2/16'), address('eth2', '192.168.9.9/24')],
      }),
    ],
    containers: [
      container('multi', {
        mode: 'net1',
        netns: '1001',
        endpoints: [endpoint(net2, '172.19.0.2'), endpoint(net1, null, { mac: '02:00:00:00:00:01' })],
      }),
    ],
  });

  it('are matched to networks by address or MAC, whatever their names', () => {
    expect(nodeOf(facts, 'multi').endpoints.map((one) => [one.interface, one.network, one.host?.interface])).toEqual([
      ['eth1', 'net1', 'vetha'],
      ['eth0', 'net2', 'vethb'],
      ['eth2', null, 'pipe0'],
    ]);
  });

  it('that Docker does not know have neither network nor driver, and no warning for having no bridge', () => {
    expect(endpointOf(facts, 'multi', 2)).toMatchObject({
      network: null,
      driver: null,
      warnings: [],
      host: { kind: 'veth', bridge: null },
    });
  });
});

describe('a network inside a container', () => {
  it('is named with its ports', () => {
    const inner = [
      link(3, 'docker0', 'bridge'),
      link(5, 'veth1', 'veth', { linkIndex: 4, linkNetnsid: 3, master: 'docker0' }),
      link(7, 'veth2', 'veth', { linkIndex: 6, linkNetnsid: 4, master: 'docker0' }),
    ];
    const facts = hostFacts({
      containers: [container('dind', { netns: '1001' })],
      namespaces: [namespace('1001', 1, { links: [loopback, ...inner], addresses: [address('docker0', '172.17.0.1/16')] })],
    });
    expect(buildTopology(facts).warnings).toEqual(['nested Docker: bridge docker0 (172.17.0.1/16) in dind with 2 ports']);
  });
});

describe('macvlan and ipvlan', () => {
  const mv = network('mv', { driver: 'macvlan', options: { parent: 'eth0' } });
  const iv = network('iv', { driver: 'ipvlan', options: {} });
  const withChild = (kind: string, of: typeof mv, fdb: boolean, mac = '02:00:00:00:00:09'): HostFacts =>
    hostFacts({
      self: {
        links: [loopback, link(2, 'eth0', null, { mac: '02:00:00:00:00:aa' })],
        fdb: fdb ? [{ mac, dev: 'eth0', master: null, vlan: null, remote: null, flags: ['self'], state: 'permanent' }] : [],
      },
      networks: [of],
      namespaces: [
        namespace('1001', null, {
          links: [loopback, link(30, 'eth0', kind, { linkIndex: 2, linkNetnsid: 0, mac })],
          addresses: [address('eth0', '198.19.5.2/24')],
        }),
      ],
      containers: [container('mv1', { mode: of.name, netns: '1001', endpoints: [endpoint(of, '198.19.5.2')] })],
    });

  it('have their parent on the host, where Docker names the same one', () => {
    expect(endpointOf(withChild('macvlan', mv, false), 'mv1').host).toEqual({
      kind: 'macvlan',
      interface: null,
      bridge: null,
      parent: 'eth0',
      namespace: null,
    });
  });

  it('have their parent where it filters for their MAC, and it is said when Docker names another', () => {
    const found = endpointOf(withChild('macvlan', network('mv', { driver: 'macvlan', options: { parent: 'eth7' } }), true), 'mv1');
    expect(found.host?.parent).toBe('eth0');
    expect(found.warnings).toEqual(['the parent of eth0 is eth0; Docker says eth7']);
  });

  it('have their parent where ipvlan shares its MAC', () => {
    expect(endpointOf(withChild('ipvlan', iv, false, '02:00:00:00:00:aa'), 'mv1').host?.parent).toBe('eth0');
  });

  it('have none that can be named where only a number agrees', () => {
    const found = endpointOf(withChild('ipvlan', iv, false), 'mv1');
    expect(found.host).toBeNull();
    expect(found.unresolved).toContain('eth0');
  });
});

describe('an overlay endpoint', () => {
  const ov = network('ov', { id: 'll0jbe3wsc2au2irqjvf3p1r4', driver: 'overlay' });
  const gw = network('docker_gwbridge', { claimedBridge: 'docker_gwbridge' });
  const facts = (path: string): HostFacts =>
    hostFacts({
      self: {
        links: [
          loopback,
          link(2, 'eth0', null),
          link(9, 'docker_gwbridge', 'bridge'),
          link(34, 'veth34', 'veth', { linkIndex: 33, linkNetnsid: 5, master: 'docker_gwbridge' }),
        ],
        addresses: [address('eth0', '203.0.113.1/24')],
        routes: [route('default via 203.0.113.2 dev eth0')],
      },
      networks: [ov, gw],
      namespaces: [
        namespace('1001', 5, {
          links: [
            loopback,
            link(31, 'eth0', 'veth', { linkIndex: 32, linkNetnsid: 0, mac: '02:42:0a:00:01:02' }),
            link(33, 'eth1', 'veth', { linkIndex: 34, linkNetnsid: 1 }),
          ],
          addresses: [address('eth0', '10.0.1.2/24'), address('eth1', '172.22.0.3/16')],
        }),
        namespace(
          '1002',
          6,
          {
            links: [
              loopback,
              link(2, 'br0', 'bridge'),
              link(30, 'vxlan0', 'vxlan', { master: 'br0' }),
              link(32, 'veth0', 'veth', { linkIndex: 31, linkNetnsid: 1, master: 'br0' }),
            ],
          },
          { pid: null, path },
        ),
      ],
      containers: [container('ov1', { mode: 'ov', netns: '1001', endpoints: [endpoint(ov, '10.0.1.2')] })],
    });

  it('is plugged into the hidden namespace of its network, and its way out into docker_gwbridge', () => {
    const node = nodeOf(facts('/run/docker/netns/1-ll0jbe3wsc'), 'ov1');
    expect(node.endpoints.map((one) => [one.network, one.host])).toEqual([
      ['ov', { kind: 'overlay', interface: 'veth0', bridge: 'br0', parent: null, namespace: '1-ll0jbe3wsc' }],
      ['docker_gwbridge', { kind: 'veth', interface: 'veth34', bridge: 'docker_gwbridge', parent: null, namespace: null }],
    ]);
  });

  it('is recognised where that namespace could not be read', () => {
    const found = endpointOf(facts('/run/docker/netns/1-other'), 'ov1');
    expect(found.host).toMatchObject({ kind: 'overlay', interface: null, namespace: '1-ll0jbe3wsc' });
    expect(found.unresolved).toContain('needs root');
  });
});

describe('containers without endpoints of their own', () => {
  const base = container('web1', { mode: 'net1', netns: '1001', endpoints: [endpoint(net1, '172.18.0.2')] });
  const facts = (...others: ReturnType<typeof container>[]): HostFacts => hostFacts({ networks: [net1], containers: [base, ...others] });

  it('share the network of another', () => {
    const node = nodeOf(facts(container('sidecar', { mode: `container:${base.id}`, netns: '1001' })), 'sidecar');
    expect(node).toMatchObject({ modeKind: 'container', sharesWith: 'web1', endpoints: [], remark: 'shares the network of web1' });
    expect(nodeOf(facts(container('sidecar', { mode: 'container:web1', netns: '1001' })), 'web1').sharedBy).toEqual(['sidecar']);
  });

  it('are told when the other has been started again since', () => {
    expect(nodeOf(facts(container('sidecar', { mode: 'container:web1', netns: '999' })), 'sidecar').remark).toContain(
      'docker restart sidecar',
    );
  });

  it('are told when the other is stopped or gone', () => {
    const stopped = container('old', { state: 'exited', pid: null });
    expect(nodeOf(facts(stopped, container('a', { mode: 'container:old' })), 'a').remark).toContain('old, which is not running');
    expect(nodeOf(facts(container('a', { mode: 'container:0123456789abcdef' })), 'a').remark).toContain('no longer there');
  });

  it('do not lead round in circles', () => {
    const loop = facts(container('a', { mode: 'container:b' }), container('b', { mode: 'container:a' }));
    expect(nodeOf(loop, 'a').remark).toContain('a loop');
  });

  it('use the host, or nothing', () => {
    const host = network('host', { driver: 'host' });
    const none = network('none', { driver: 'null' });
    const some = hostFacts({
      networks: [host, none],
      namespaces: [namespace('1001', null, {})],
      containers: [
        container('hostmode', { mode: 'host', netns: '1', endpoints: [endpoint(host, null)] }),
        container('nonemode', { mode: 'none', netns: '1001', endpoints: [endpoint(none, null)] }),
      ],
    });
    expect(nodeOf(some, 'hostmode')).toMatchObject({
      modeKind: 'host',
      endpoints: [],
      remark: expect.stringContaining("the host's own network"),
    });
    expect(nodeOf(some, 'nonemode')).toMatchObject({ modeKind: 'none', endpoints: [], remark: 'no network: nothing to capture' });
  });

  it('with --network none may have a cable made by hand', () => {
    const none = network('none', { driver: 'null' });
    const some = hostFacts({
      self: { links: [loopback, link(40, 'vhand', 'veth', { linkIndex: 41, linkNetnsid: 3 })] },
      networks: [none],
      namespaces: [namespace('1001', 3, { links: [loopback, link(41, 'eth9', 'veth', { linkIndex: 40, linkNetnsid: 0 })] })],
      containers: [container('nonemode', { mode: 'none', netns: '1001', endpoints: [endpoint(none, null)] })],
    });
    expect(nodeOf(some, 'nonemode')).toMatchObject({
      remark: null,
      endpoints: [{ network: null, driver: null, interface: 'eth9', host: { interface: 'vhand' } }],
    });
  });
});

describe('what could not be read', () => {
  const one = container('web1', { mode: 'net1', endpoints: [endpoint(net1, '172.18.0.2')] });

  it('is said of a stopped container', () => {
    const node = nodeOf(hostFacts({ networks: [net1], containers: [{ ...one, state: 'exited', pid: null }] }), 'web1');
    expect(node.remark).toBe('not running (exited): it has no interface until it is started (docker start web1)');
    expect(node.endpoints[0]).toMatchObject({
      network: 'net1',
      interface: null,
      host: null,
      unresolved: expect.stringContaining('docker start web1'),
    });
  });

  it('is said where the namespace could not be entered', () => {
    expect(endpointOf(hostFacts({ networks: [net1], containers: [one] }), 'web1').unresolved).toContain('needs root');
  });

  it('is said where Docker is away or a bridge is missing', () => {
    expect(buildTopology(hostFacts({ dockerError: 'connect ENOENT', networks: [net1] })).warnings).toEqual([
      'Docker did not answer: connect ENOENT',
      'bridge br-net1 of network net1 is not there',
    ]);
  });
});
