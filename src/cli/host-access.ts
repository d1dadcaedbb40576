/** Opens the host that a command works on (live, or a saved snapshot), and closes it whatever happens. */
import { failure, missingError, usageError, type VethscopeError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import type { HostState } from '../session/state/host-state.ts';
import type { Workspace } from '../session/state/workspace.ts';
import type { WhatIf } from '../session/what-if.ts';
import type { CommandContext } from './context.ts';
import type { GlobalOptions } from './globals.ts';

/** `live-soon`: as `live`, yet handed out before the host has been read. `facts`: the host as it is at one moment, `links`: without its rules. `live`: kept up to date, for captures. `file`: only what a saved session brings. */
export type Needs = 'live' | 'live-soon' | 'facts' | 'links' | 'file';

export const withWorkspace = async <Result>(
  context: CommandContext,
  needs: Needs,
  use: (workspace: Workspace) => Promise<Result>,
  peers: readonly string[] = [],
  whatIf: WhatIf | null = null,
): Promise<Result> => {
  const { openWorkspace } = await import('../session/open-workspace.ts');
  const { host, dockerHost, on } = context.globals;
  checkOneHost(context.globals);
  const workspace = await openWorkspace({ host: host ?? null, dockerHost: dockerHost ?? null, on: on ?? null, needs, peers, whatIf });
  try {
    if (workspace.remote !== null) context.terminal.remark(printable(`vethscope: ${workspace.remote}`));
    return await use(workspace);
  } finally {
    await workspace.close();
  }
};

/** Throws where two hosts are named at once. */
export const checkOneHost = ({ on, host, dockerHost }: GlobalOptions): void => {
  if (on === undefined) return;
  if (host !== undefined) throw usageError('--on and --host name two hosts', { hint: 'a snapshot needs no connection: leave out --on' });
  if (dockerHost !== undefined)
    throw usageError('--docker-host is of no use with --on', { hint: 'the docker command there asks the daemon that it is set up for' });
};

export const hostOf = (workspace: Workspace): HostState => {
  const host = workspace.getHost();
  if (host === null) {
    throw failure('the facts of this host could not be read', { hint: 'vethscope doctor says what is missing' });
  }
  return host;
};

/** Docker was asked and said no: then containers are not unknown but unseen, and that is no mistake of the person's. */
export const dockerFailure = (host: HostState): VethscopeError | null => {
  const { dockerError } = host.facts;
  if (!host.live || dockerError === null) return null;
  const parts = { detail: dockerError, hint: 'vethscope doctor says what is missing' };
  return /privilege|permission|EACCES/i.test(dockerError)
    ? missingError('containers cannot be seen', parts)
    : failure('containers cannot be seen', parts);
};

/** What is wrong with the facts, said once on standard error. */
export const remarkTrouble = (context: CommandContext, host: HostState): void => {
  if (host.trouble !== null) context.terminal.remark(printable(`vethscope: ${host.trouble}`));
};
