/** `vethscope [CONTAINER]`: the terminal UI. The only place that loads Ink, and only when it is wanted. */
import type { CommandContext } from './context.ts';
import { withWorkspace } from './host-access.ts';
import { DEFAULT_FILTER } from './targets.ts';

export interface TuiCommandOptions {
  readonly container: string | null;
  /** A saved session to open instead of a live host. */
  readonly open: string | null;
  readonly engine: 'cap' | 'tcpdump' | 'auto';
}

export const runTui = async (options: TuiCommandOptions, context: CommandContext): Promise<number> => {
  // React's development build is several times slower; it asks for this when it is loaded.
  process.env['NODE_ENV'] ??= 'production';
  // Begun before the host is read, so that the two happen at once.
  // biome-ignore lint/style/noRestrictedImports: the UI is loaded here, late and only here (docs/decisions/0002-stages.md)
  const loading = import('../ui/run.tsx');
  loading.catch(() => {});
  const style = context.terminal.style(context.globals.color);
  return withWorkspace(context, options.open === null ? 'live' : 'file', async (workspace) => {
    const { runUi } = await loading;
    return runUi(workspace, {
      container: options.container,
      file: options.open,
      engine: options.engine,
      filter: DEFAULT_FILTER,
      color: style.colour,
      unicode: style.unicode,
    });
  });
};
