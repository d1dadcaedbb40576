/** `vethscope list`: containers with their networks, addresses and host interfaces. */
import { jsonDocument } from '../report/json.ts';
import type { CommandContext } from './context.ts';
import { dockerFailure, hostOf, remarkTrouble, withWorkspace } from './host-access.ts';

export const runList = (context: CommandContext): Promise<number> =>
  withWorkspace(context, 'links', async (workspace) => {
    const host = hostOf(workspace);
    const { terminal, globals } = context;
    const unseen = dockerFailure(host);
    if (unseen !== null) throw unseen;
    remarkTrouble(context, host);
    // Measuring text takes 30 ms to load, which JSON need not wait for.
    if (globals.json === true) {
      const { listJson } = await import('../report/list-json.ts');
      terminal.line(jsonDocument(listJson(host.topology)));
    } else {
      const { listText } = await import('../report/list-text.ts');
      terminal.lines(listText(host.topology, terminal.style(globals.color)));
    }
    return 0;
  });
