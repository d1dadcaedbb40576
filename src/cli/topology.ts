/** `vethscope topology`: namespaces, bridges, veths, parents and overlays as a tree. */
import { jsonDocument } from '../report/json.ts';
import { topologyJson } from '../report/topology-json.ts';
import { topologyTree } from '../report/topology-tree.ts';
import type { CommandContext } from './context.ts';
import { hostOf, remarkTrouble, withWorkspace } from './host-access.ts';

export const runTopology = (context: CommandContext): Promise<number> =>
  withWorkspace(context, 'links', async (workspace) => {
    const host = hostOf(workspace);
    const { terminal, globals } = context;
    remarkTrouble(context, host);
    if (globals.json === true) terminal.line(jsonDocument(topologyJson(host.facts, host.topology)));
    else terminal.lines(topologyTree(host.facts, host.topology, terminal.style(globals.color)));
    return 0;
  });
