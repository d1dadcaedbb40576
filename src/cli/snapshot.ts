/** `vethscope snapshot`: all host facts as one document, for another machine, a bug report or a test. */
import { writeFile } from 'node:fs/promises';
import { failure, messageOf } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import type { SnapshotDocument } from '../host/snapshot.ts';
import { jsonDocument } from '../report/json.ts';
import type { AnonymiseArguments } from './anonymise-option.ts';
import { anonymiserOf } from './anonymiser.ts';
import type { CommandContext } from './context.ts';
import { checkOneHost } from './host-access.ts';

/** Rules and addresses are nobody else's business. */
const PRIVATE_FILE = 0o600;

export interface SnapshotCommandOptions extends AnonymiseArguments {
  readonly output?: string;
}

export const runSnapshot = async (options: SnapshotCommandOptions, context: CommandContext): Promise<number> => {
  const { output = null } = options;
  // Before anything is collected: a key that cannot be read is a mistake in the command.
  const anonymiser = anonymiserOf(options);
  const found = await takeSnapshot(context);
  const document = anonymiser?.snapshot(found) ?? found;
  const json = jsonDocument(document);
  const { terminal } = context;
  const { error = null } = document.docker;
  if (error !== null) terminal.remark(printable(`vethscope: not in the snapshot: containers and networks: ${error}`));
  for (const [command, why] of Object.entries(document.missing ?? {}))
    terminal.remark(printable(`vethscope: not in the snapshot: ${command}: ${why}`));
  if (output === null || output === '-') {
    terminal.line(json);
    return 0;
  }
  try {
    await writeFile(output, `${json}\n`, { mode: PRIVATE_FILE });
  } catch (error) {
    throw failure(`writing the snapshot to ${output} failed`, { detail: messageOf(error), cause: error });
  }
  terminal.remark(printable(`snapshot of ${document.host} written to ${output}`));
  return 0;
};

/** With --host the saved document, read and checked; else what the agent collects now. */
const takeSnapshot = async (context: CommandContext): Promise<SnapshotDocument> => {
  const { host, dockerHost, on } = context.globals;
  checkOneHost(context.globals);
  const { dropPrivileges } = await import('../agent/drop-privileges.ts');
  if (host !== undefined) {
    dropPrivileges();
    const { readSnapshotFile } = await import('../session/snapshot-file.ts');
    return readSnapshotFile(host);
  }
  const { startAgent } = await import('../agent/client.ts');
  const agent = await startAgent({ dockerHost: dockerHost ?? null, on: on ?? null });
  try {
    // What is written from here on belongs to the person.
    dropPrivileges();
    if (agent.remote !== null) context.terminal.remark(printable(`vethscope: ${agent.remote}`));
    return await agent.collect({ firewall: true, conntrack: true, namespaces: 'full', docker: true });
  } finally {
    await agent.close();
  }
};
