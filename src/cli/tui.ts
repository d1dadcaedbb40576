/** `vethscope [CONTAINER]`: the terminal UI. The only place that loads Ink, and only when it is wanted. */
import { setFlagsFromString } from 'node:v8';
import { usageError } from '../base/errors.ts';
import type { CommandContext } from './context.ts';
import { withWorkspace } from './host-access.ts';
import { hasRules, type RulesOptions, whatIfOf } from './rules-files.ts';
import { DEFAULT_FILTER } from './targets.ts';

export interface TuiCommandOptions extends RulesOptions {
  readonly container: string | null;
  /** A saved session to open instead of a live host. */
  readonly open: string | null;
  readonly engine: 'cap' | 'tcpdump' | 'auto';
}

export const runTui = async (options: TuiCommandOptions, context: CommandContext): Promise<number> => {
  if (hasRules(options) && options.open === null && context.globals.host === undefined)
    throw usageError('packets that pass now are decided by the rules that are there: other rules are asked about saved ones', {
      hint: 'vethscope --open FILE --iptables RULES; or --host SNAPSHOT --iptables RULES',
    });
  const whatIf = await whatIfOf(options, context);
  // A live screen for hours with tens of thousands of flows: memory counts for more than the speed of growing it. Costs nothing once it
  // has grown (measured on a million packets), and saves 100 MB at 50,000 flows.
  setFlagsFromString('--optimize-for-size');
  // Begun before the host is read, so that the two happen at once.
  // biome-ignore lint/style/noRestrictedImports: the UI is loaded here, late and only here (docs/decisions/0002-stages.md)
  const loading = import('../ui/run.tsx').then(async (ui) => {
    await ui.loadUi();
    return ui;
  });
  loading.catch(() => {});
  const style = context.terminal.style(context.globals.color);
  return withWorkspace(
    context,
    options.open === null ? 'live-soon' : 'file',
    async (workspace) => {
      const { runUi } = await loading;
      return runUi(workspace, {
        container: options.container,
        file: options.open,
        engine: options.engine,
        filter: DEFAULT_FILTER,
        color: style.colour,
        unicode: style.unicode,
      });
    },
    [],
    whatIf,
  );
};
