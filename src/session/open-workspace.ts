/** Opens a host to work on. A file of its own, so that the agent can be started before anything else is loaded: it takes longest. */
import { connect, forkAgent } from '../agent/client.ts';
import { dropPrivileges } from '../agent/drop-privileges.ts';
import type { CollectRequest } from '../agent/protocol.ts';
import { messageOf } from '../base/errors.ts';
import type { SnapshotDocument } from '../host/snapshot.ts';
import { readSnapshotFile } from './snapshot-file.ts';
import type { WhatIf } from './what-if.ts';
import type { HostWorkspace } from './workspace.ts';

export interface WorkspaceOptions {
  /** Path of a saved snapshot to work on instead of this machine; `-` for standard input. */
  readonly host: string | null;
  readonly dockerHost: string | null;
  /** Another machine, by ssh; null or absent for this one. */
  readonly on?: string | null;
  /** Paths of snapshots of other hosts. */
  readonly peers?: readonly string[];
  /** Other rules in the place of the host's. */
  readonly whatIf?: WhatIf | null;
  /**
   * `live`: kept up to date. `live-soon`: the same, handed out at once; the host follows. `facts`: this moment, in full. `links`: this moment,
   * containers and interfaces without rules. `file`: no host
   * at all, unless one is named.
   */
  readonly needs: 'live' | 'live-soon' | 'facts' | 'links' | 'file';
}

const LIVE: CollectRequest = { firewall: true, conntrack: true, namespaces: 'rules', docker: true };
const LINKS: CollectRequest = { firewall: false, conntrack: false, namespaces: 'links', docker: true };
const FULL: CollectRequest = { firewall: true, conntrack: true, namespaces: 'full', docker: true };

export const openWorkspace = async (options: WorkspaceOptions): Promise<HostWorkspace> => {
  if (options.host === null && options.needs !== 'file') return openLive(options, options.needs);
  // What a file holds may be hostile, too, and nothing here takes root.
  dropPrivileges();
  const { HostWorkspace } = await import('./workspace.ts');
  const whatIf = options.whatIf ?? null;
  if (options.host === null) return new HostWorkspace(null, false, whatIf);
  const workspace = new HostWorkspace(null, true, whatIf);
  workspace.store.knowPeers(await readPeers(options.peers));
  workspace.store.replace(await readSnapshotFile(options.host), 'snapshot opened');
  return workspace;
};

const openLive = async (options: WorkspaceOptions, needs: Exclude<WorkspaceOptions['needs'], 'file'>): Promise<HostWorkspace> => {
  const what = needs === 'links' ? LINKS : needs === 'facts' ? FULL : LIVE;
  const { agent, ready } = forkAgent({ dockerHost: options.dockerHost }, await connect(options.on ?? null));
  // Asked before it listens: it looks at the host while what follows is being loaded here.
  const first = agent.collect(what);
  first.catch(() => {});
  try {
    const [{ HostWorkspace }] = await Promise.all([import('./workspace.ts'), ready]);
    // From here on this process looks at what others send: without the privileges that it was started with.
    dropPrivileges();
    const workspace = new HostWorkspace(agent, false, options.whatIf ?? null);
    workspace.store.knowPeers(await readPeers(options.peers));
    const begun = workspace.begin(what, first, needs === 'live' || needs === 'live-soon');
    if (needs === 'live-soon') void begun.catch((error: unknown) => workspace.store.setTrouble(messageOf(error)));
    else await begun;
    return workspace;
  } catch (error) {
    await agent.close();
    throw error;
  }
};

const readPeers = (paths: readonly string[] = []): Promise<SnapshotDocument[]> => Promise.all(paths.map(readSnapshotFile));
