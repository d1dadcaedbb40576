/** The graph of the host: every join proved by numbers and ids, everything there once, and what leads nowhere with its reason. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../src/host/facts.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { buildGraph } from '../../src/topology/graph/build-graph.ts';
import type { DeviceNode, GraphEdge, NamespaceNode, TopologyGraph } from '../../src/topology/graph/graph.ts';
import { address, container, endpoint, hostFacts, link, loopback, namespace, network, route } from './facts.ts';

const graphOf = (facts: HostFacts): TopologyGraph => buildGraph(facts, buildTopology(facts));

const recorded = (name: string): TopologyGraph =>
  graphOf(
    readFacts(
      parseSnapshot(
        readFileSync(new URL(`../fixtures/${name.startsWith('overlay') ? 'topology' : 'snapshots'}/${name}.json`, import.meta.url), 'utf8'),
      ),
    ),
  );

const namespaces = (graph: TopologyGraph): NamespaceNode[] => graph.nodes.filter((node) => node.kind === 'namespace');
const devices = (graph: TopologyGraph): DeviceNode[] => graph.nodes.filter((node) => node.kind === 'device');
const edges = <K extends GraphEdge['kind']>(graph: TopologyGraph, kind: K): Extract<GraphEdge, { kind: K }>[] =>
  graph.edges.filter((edge): edge is Extract<GraphEdge, { kind: K }> => edge.kind === kind);
const labelOf = (graph: TopologyGraph, label: string): NamespaceNode => {
  const found = namespaces(graph).find((node) => node.label === label);
  if (found === undefined) throw new Error(`no namespace ${label}`);
  return found;
};

describe('the graph of a recorded host', () => {
  for (const name of ['scene-20.10', 'scene-26.1', 'scene-28.5', 'overlay-28.5']) {
    it(`has each node once, and edges between nodes that are there: ${name}`, () => {
      const graph = recorded(name);
      const ids = graph.nodes.map((node) => node.id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const edge of graph.edges) expect([ids.includes(edge.from), ids.includes(edge.to)], JSON.stringify(edge)).toEqual([true, true]);
      const ends = edges(graph, 'veth').flatMap(({ from, to }) => [from, to]);
      expect(new Set(ends).size).toBe(ends.length);
      for (const device of devices(graph)) expect(namespaces(graph).some((node) => node.id === device.namespace)).toBe(true);
    });
  }

  it('joins every container of the scene with its bridge or parent', () => {
    const graph = recorded('scene-28.5');
    expect(edges(graph, 'veth')).toHaveLength(12);
    expect(edges(graph, 'veth').every(({ proof }) => proof === 'ids')).toBe(true);
    expect(edges(graph, 'parent')).toMatchObject([{ to: 'dev:eth0', how: 'macvlan bridge' }]);
    expect(labelOf(graph, 'web1').residents.map(({ name }) => name)).toEqual(['web1', 'sidecar']);
    expect(namespaces(graph)[0]).toMatchObject({ role: 'host', residents: [{ name: 'hostmode' }] });
    expect(labelOf(graph, 'nonemode').remark).toContain('nothing to capture');
    const noicc = devices(graph).find((device) => device.network === 'noicc' && device.type === 'bridge');
    expect(noicc?.notes).toEqual(['icc off']);
    expect(edges(graph, 'route')).toContainEqual({ kind: 'route', from: 'dev:eth0', to: 'outside', family: 4, gateway: '203.0.113.2' });
  });

  it('finds the hidden namespaces of an overlay network, its tunnel, and who is plugged into it', () => {
    const graph = recorded('overlay-28.5');
    const hidden = namespaces(graph).filter(({ role }) => role === 'overlay');
    expect(hidden.map((node) => node.network).sort()).toEqual(['ingress', 'ov']);
    expect(
      namespaces(graph)
        .filter(({ role }) => role === 'sandbox')
        .map((node) => node.label.slice(0, 7))
        .sort(),
    ).toEqual(['ingress', 'lb_ibpb']);
    const [ov] = hidden.filter((node) => node.network === 'ov');
    const tunnel = devices(graph).find((device) => device.namespace === ov?.id && device.type === 'vxlan');
    expect(tunnel?.notes).toEqual(['VNI 4097']);
    expect(edges(graph, 'tunnel')).toContainEqual({ kind: 'tunnel', from: tunnel?.id, to: 'peer:198.51.100.2', vni: 4097, port: 4789 });
    expect(edges(graph, 'underlay')).toContainEqual({ kind: 'underlay', from: tunnel?.id, to: 'host' });
    const cables = edges(graph, 'veth');
    expect(cables.filter(({ proof }) => proof === 'numbers')).toHaveLength(3);
    const ova = labelOf(graph, 'ova');
    const plugged = cables.filter(({ from }) => from.startsWith(`dev:${ova.netns}/`)).map(({ to }) => to);
    expect(plugged.some((to) => to.startsWith(`dev:${ov?.netns}/`))).toBe(true);
  });
});

describe('a pair that only its numbers speak for', () => {
  const pair = (id: string): ReturnType<typeof namespace> =>
    namespace(id, null, { links: [loopback, link(5, 'eth0', 'veth', { linkIndex: 7, linkNetnsid: 0 })] }, { path: `/run/netns/n${id}` });
  const other = (id: string, links: Parameters<typeof link>[]): ReturnType<typeof namespace> =>
    namespace(id, null, { links: [loopback, ...links.map((parts) => link(...parts))] }, { path: `/run/netns/n${id}` });
  const far: Parameters<typeof link> = [7, 'veth7', 'veth', { linkIndex: 5, linkNetnsid: 0 }];

  it('is joined, and says so, where no other has them', () => {
    const graph = graphOf(hostFacts({ namespaces: [pair('11'), other('12', [far])] }));
    expect(edges(graph, 'veth')).toEqual([{ kind: 'veth', from: 'dev:11/eth0', to: 'dev:12/veth7', proof: 'numbers' }]);
  });

  it('is left alone where a third namespace has the same numbers', () => {
    const graph = graphOf(hostFacts({ namespaces: [pair('11'), other('12', [far]), other('13', [far])] }));
    expect(edges(graph, 'veth')).toEqual([]);
  });

  it("is left alone where the host's own list of ids says otherwise", () => {
    const facts = hostFacts({
      self: { links: [loopback, link(7, 'veth7', 'veth', { linkIndex: 5, linkNetnsid: 3 })] },
      namespaces: [namespace('11', 4, { links: [loopback, link(5, 'eth0', 'veth', { linkIndex: 7, linkNetnsid: 0 })] })],
    });
    expect(edges(graphOf(facts), 'veth')).toEqual([]);
  });
});

describe('devices made on others', () => {
  it('are joined with them: VLANs, bonds, and bridges with a wire of their own', () => {
    const facts = hostFacts({
      self: {
        links: [
          loopback,
          link(2, 'eth0', null, { master: 'bond0' }),
          link(3, 'eth1', null, { master: 'bond0' }),
          link(4, 'bond0', 'bond', { data: { mode: '802.3ad' } }),
          link(5, 'bond0.100', 'vlan', { linkName: 'bond0', linkIndex: 4, data: { id: 100 } }),
          link(6, 'br0', 'bridge'),
          link(7, 'eth2', null, { master: 'br0' }),
        ],
        routes: [route('default via 192.0.2.1 dev br0')],
        bridgePorts: [{ dev: 'eth2', bridge: 'br0', state: 'blocking', hairpin: true, isolated: true }],
      },
    });
    const graph = graphOf(facts);
    expect(edges(graph, 'member').map(({ from, to }) => `${from} ${to}`)).toEqual(['dev:eth0 dev:bond0', 'dev:eth1 dev:bond0']);
    expect(edges(graph, 'parent')).toEqual([{ kind: 'parent', from: 'dev:bond0.100', to: 'dev:bond0', how: 'VLAN 100' }]);
    expect(edges(graph, 'port')).toEqual([
      { kind: 'port', from: 'dev:eth2', to: 'dev:br0', state: 'blocking', isolated: true, hairpin: true },
    ]);
    expect(
      devices(graph)
        .filter((device) => device.isUplink)
        .map((device) => device.name),
    ).toEqual(['br0']);
  });
});

describe('a container that hangs nowhere', () => {
  const net1 = network('net1', { claimedBridge: 'br-net1' });

  it('is a node with the reason: stopped, or in a namespace that could not be read', () => {
    const facts = hostFacts({
      networks: [net1],
      containers: [
        container('old', { state: 'exited', pid: null, mode: 'net1', endpoints: [endpoint(net1, '172.18.0.9')] }),
        container('far', { mode: 'net1', pid: null, netns: null, endpoints: [endpoint(net1, '172.18.0.8')] }),
      ],
    });
    const graph = graphOf(facts);
    expect(labelOf(graph, 'old')).toMatchObject({ netns: null, residents: [{ state: 'exited' }] });
    expect(labelOf(graph, 'old').remark).toContain('docker start old');
    expect(labelOf(graph, 'far').remark).toContain('not visible from here');
  });

  it('shares one node with those that use its namespace', () => {
    const facts = hostFacts({
      networks: [net1],
      namespaces: [namespace('11', 2, { links: [loopback], addresses: [address('lo', '127.0.0.1/8')] })],
      containers: [container('app', { mode: 'none', netns: '11' }), container('side', { mode: 'container:app', netns: '11' })],
    });
    const graph = graphOf(facts);
    expect(namespaces(graph)).toHaveLength(2);
    expect(labelOf(graph, 'app').residents.map(({ name }) => name)).toEqual(['app', 'side']);
  });
});
