/** `vethscope read FILE [FILTER]`: what `capture` shows, on a saved pcap or pcapng. */
import type { CommandContext } from './context.ts';
import { follow } from './follow.ts';
import { withWorkspace } from './host-access.ts';
import { type RulesOptions, whatIfOf } from './rules-files.ts';

export interface ReadCommandOptions extends RulesOptions {
  readonly count?: number;
  readonly packets?: boolean;
}

export const runRead = async (
  file: string,
  filterWords: readonly string[],
  options: ReadCommandOptions,
  context: CommandContext,
): Promise<number> =>
  withWorkspace(
    context,
    'file',
    async (workspace) => {
      const view = await workspace.openFile(file, {
        filter: filterWords.join(' ').trim(),
        keepPackets: false,
        ...(options.count === undefined ? {} : { packetLimit: options.count }),
      });
      return follow(
        view,
        { packets: options.packets === true, live: false, silent: false, packetLimit: options.count ?? null, durationMs: null },
        context,
      );
    },
    [],
    await whatIfOf(options, context),
  );
