/** `vethscope topology`: namespaces, bridges, veths, parents and overlays as a tree, as JSON, or in Graphviz's language. */
import { usageError } from '../base/errors.ts';
import { jsonDocument } from '../report/json.ts';
import { topologyDot } from '../report/topology-dot.ts';
import { topologyJson } from '../report/topology-json.ts';
import { topologyTree } from '../report/topology-tree.ts';
import { buildGraph } from '../topology/graph/build-graph.ts';
import type { CommandContext } from './context.ts';
import { hostOf, remarkTrouble, withWorkspace } from './host-access.ts';

export interface TopologyOptions {
  readonly dot?: boolean;
}

export const runTopology = (options: TopologyOptions, context: CommandContext): Promise<number> => {
  if (options.dot === true && context.globals.json === true)
    throw usageError('--dot and --json are two forms of one answer', { hint: 'leave one of them out' });
  return withWorkspace(context, 'links', async (workspace) => {
    const host = hostOf(workspace);
    const { terminal, globals } = context;
    remarkTrouble(context, host);
    if (globals.json === true) terminal.line(jsonDocument(topologyJson(host.facts, host.topology)));
    else if (options.dot === true) terminal.lines(topologyDot(buildGraph(host.facts, host.topology), host.facts.hostName));
    else terminal.lines(topologyTree(host.facts, host.topology, terminal.style(globals.color)));
    return 0;
  });
};
