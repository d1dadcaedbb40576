import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { topologyDot } from '../../src/report/topology-dot.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { buildGraph } from '../../src/topology/graph/build-graph.ts';
import type { TopologyGraph } from '../../src/topology/graph/graph.ts';
import { parseDot } from './dot.ts';
import { expectGolden } from './golden.ts';

const recorded = (name: string): { readonly graph: TopologyGraph; readonly hostName: string } => {
  const path = new URL(`../fixtures/${name.startsWith('overlay') ? 'topology' : 'snapshots'}/${name}.json`, import.meta.url);
  const facts = readFacts(parseSnapshot(readFileSync(path, 'utf8')));
  return { graph: buildGraph(facts, buildTopology(facts)), hostName: facts.hostName };
};

describe('topology --dot', () => {
  for (const name of ['scene-28.5', 'overlay-28.5']) {
    it(`has every node and edge of the recorded host ${name}, a cluster a namespace`, () => {
      const { graph, hostName } = recorded(name);
      const lines = topologyDot(graph, hostName);
      const dot = parseDot(lines.join('\n'));
      expect([...dot.nodes.keys()].sort()).toEqual(graph.nodes.map((node) => node.id).sort());
      expect(dot.edges.map(({ from, to }) => `${from} ${to}`)).toEqual(graph.edges.map(({ from, to }) => `${from} ${to}`));
      expect(dot.clusters).toHaveLength(graph.nodes.filter((node) => node.kind === 'namespace').length);
      for (const node of graph.nodes) {
        if (node.kind === 'device') expect(dot.clusters.filter((cluster) => cluster.nodes.includes(node.id))).toHaveLength(1);
      }
      expectGolden(`topology/${name}.dot`, lines);
    });
  }

  it('lets no name end its string, begin an escape or an entity, or bring a control character', () => {
    const { graph } = recorded('scene-28.5');
    const hostile = fc.oneof(
      fc.constantFrom('a"];evil [label="', '\\', 'a\\', '\\N\\G', '&lt;', '<b>x</b>', '\u001b[2J', 'a\nb', '"', '\\"', '\u202e'),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
    );
    fc.assert(
      fc.property(hostile, hostile, (name, network) => {
        const nodes = graph.nodes.map((node) =>
          node.kind === 'namespace' ? { ...node, label: name, remark: network } : node.kind === 'device' ? { ...node, network } : node,
        );
        const text = topologyDot({ nodes, edges: graph.edges }, name).join('\n');
        expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
        const dot = parseDot(text);
        expect(dot.nodes.size).toBe(graph.nodes.length);
        expect(dot.edges).toHaveLength(graph.edges.length);
      }),
    );
  });
});
