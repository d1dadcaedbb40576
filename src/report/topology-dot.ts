/**
 * `topology --dot`: the graph in Graphviz's language (graphviz.org, "DOT Language"), a cluster a namespace. Names are quoted so that none
 * can end its string, be read as an escape (`\N`, `\l`) or an entity (`&lt;`), or bring a control character.
 */
import { assertNever } from '../base/assert-never.ts';
import { printable } from '../base/printable.ts';
import type { DeviceNode, GraphEdge, GraphNode, NamespaceNode, TopologyGraph } from '../topology/graph/graph.ts';

export const topologyDot = (graph: TopologyGraph, hostName: string): string[] => {
  const devices = graph.nodes.filter((node) => node.kind === 'device');
  return [
    `graph ${label([hostName])} {`,
    '  graph [rankdir=LR, fontname="sans-serif", compound=true];',
    '  node [shape=box, fontname="sans-serif", fontsize=10];',
    '  edge [fontname="sans-serif", fontsize=9];',
    ...graph.nodes.flatMap((node, at) => (node.kind === 'namespace' ? cluster(node, at, devices) : [])),
    ...graph.nodes.flatMap((node) => (node.kind === 'peer' || node.kind === 'outside' ? [`  ${nodeLine(node)}`] : [])),
    ...graph.edges.map((edge) => `  ${edgeLine(edge)}`),
    '}',
  ];
};

const cluster = (node: NamespaceNode, at: number, devices: readonly DeviceNode[]): string[] => {
  const own = devices.filter((device) => device.namespace === node.id);
  const others = node.residents.slice(1).map(({ name }) => name);
  const words = [
    node.role === 'host' ? `host ${node.label}` : node.label,
    ...(node.role === 'host' ? node.residents.map(({ name }) => `${name} (host's own network)`) : []),
    ...(node.role === 'host' || others.length === 0 ? [] : [`shared by ${others.join(', ')}`]),
    ...(node.role === 'container' || node.role === 'host'
      ? []
      : [`namespace, ${node.role}${node.network === null ? '' : ` ${node.network}`}`]),
    ...(node.remark === null ? [] : [node.remark]),
  ];
  return [
    `  subgraph cluster_${at} {`,
    `    label=${label(words)};`,
    `    style=${node.role === 'host' ? 'solid' : 'rounded'};`,
    // A cluster without a node would not be drawn; an edge may also lead to the namespace itself.
    `    ${id(node.id)} [shape=point, style=invis, label=""];`,
    ...own.map((device) => `    ${nodeLine(device)}`),
    '  }',
  ];
};

const nodeLine = (node: Exclude<GraphNode, NamespaceNode>): string => {
  switch (node.kind) {
    case 'device': {
      const kind = node.type === 'physical' || node.type === 'other' ? [] : [node.type];
      const words = [node.name, ...kind, ...(node.network === null ? [] : [node.network]), ...node.addresses, ...node.notes];
      const down = node.up === false ? ', style=dashed' : '';
      return `${id(node.id)} [label=${label(words)}${node.type === 'bridge' ? ', shape=box3d' : ''}${down}];`;
    }
    case 'peer':
      return `${id(node.id)} [label=${label(['other host', node.address])}, shape=house];`;
    case 'outside':
      return `${id(node.id)} [label="outside", shape=ellipse];`;
    default:
      return assertNever(node);
  }
};

const edgeLine = (edge: GraphEdge): string => {
  const attributes = (words: readonly string[], style: string | null): string => {
    const parts = [...(words.length === 0 ? [] : [`label=${label(words)}`]), ...(style === null ? [] : [`style=${style}`])];
    return parts.length === 0 ? '' : ` [${parts.join(', ')}]`;
  };
  const line = (words: readonly string[], style: string | null = null): string =>
    `${id(edge.from)} -- ${id(edge.to)}${attributes(words, style)};`;
  switch (edge.kind) {
    case 'veth':
      return line(edge.proof === 'ids' ? ['veth'] : ['veth, by its numbers'], 'bold');
    case 'port':
      return line([
        'port',
        ...(edge.state === null || edge.state === 'forwarding' ? [] : [edge.state]),
        ...(edge.isolated ? ['isolated'] : []),
        ...(edge.hairpin ? ['hairpin'] : []),
      ]);
    case 'parent':
      return line([edge.how]);
    case 'member':
      return line(['member']);
    case 'tunnel':
      return line([`vxlan${edge.vni === null ? '' : ` ${edge.vni}`}`, ...(edge.port === null ? [] : [`UDP ${edge.port}`])], 'dashed');
    case 'underlay':
      return line(['outer packets'], 'dotted');
    case 'route':
      return line([`default IPv${edge.family}${edge.gateway === null ? '' : ` via ${edge.gateway}`}`], 'dotted');
    default:
      return assertNever(edge);
  }
};

/** Lines of text in a quoted string. `\` and `&` would begin escapes and entities, `"` would end it. */
const label = (lines: readonly string[]): string =>
  `"${lines.map((line) => printable(line).replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/&/g, '&amp;')).join('\\n')}"`;

/** As label, but two names stay two: what is not printable is spelled out. */
const id = (text: string): string => {
  let out = '';
  for (const char of text) out += printable(char) === char ? char : `%${(char.codePointAt(0) ?? 0).toString(16)}`;
  return `"${out.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
};
