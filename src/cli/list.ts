/** `vethscope list`: containers with their networks, addresses and host interfaces. */
import { jsonDocument } from '../report/json.ts';
import { listJson } from '../report/list-json.ts';
import { listText } from '../report/list-text.ts';
import type { CommandContext } from './context.ts';
import { hostOf, remarkTrouble, withWorkspace } from './host-access.ts';

export const runList = (context: CommandContext): Promise<number> =>
  withWorkspace(context, 'facts', async (workspace) => {
    const host = hostOf(workspace);
    const { terminal, globals } = context;
    remarkTrouble(context, host);
    if (globals.json === true) terminal.line(jsonDocument(listJson(host.topology)));
    else terminal.lines(listText(host.topology, terminal.style(globals.color)));
    return 0;
  });
