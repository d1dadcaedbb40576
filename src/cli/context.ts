/** What a command is given beside its own arguments. */
import type { GlobalOptions } from './globals.ts';
import type { Terminal } from './terminal.ts';

export interface CommandContext {
  readonly terminal: Terminal;
  readonly globals: GlobalOptions;
  /** From now on the first SIGINT or SIGTERM does not end the process but settles this: for commands that have something to finish. */
  readonly interruption: () => Promise<void>;
}
