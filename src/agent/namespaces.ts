/**
 * Facts of the other network namespaces: those that containers live in, named ones (`ip netns`, podman), and those that only dockerd's
 * mount namespace knows (overlay networks, `1-…`). One `ip -batch` a family reads a namespace, since programs are dearer than facts.
 */
import { type NamespaceDocument, SNAPSHOT_COMMANDS } from '../host/snapshot.ts';
import { type Enter, type Gathered, gather, gatherPresentRules, gatherRules, gatherSets } from './firewall.ts';
import { type NetnsHandle, type NetnsProcess, openMountedNetns, openProcessNetns } from './netns-handle.ts';
import { namespaceMounts, netnsOf, processesNamed } from './processes.ts';
import { inParallel, run } from './programs.ts';
import type { CaptureNamespace } from './protocol.ts';
import { readSysctlsInside } from './sysctls.ts';

/** A container with a process on this machine. */
export interface NamespaceOwner extends NetnsProcess {
  readonly containerId: string;
  readonly netns: string;
}

interface Candidate {
  readonly id: string;
  /** Containers that share it; empty where only a mount leads there. */
  readonly owners: readonly NamespaceOwner[];
  readonly path: string | null;
  /** Null where it is gone. */
  open(): NetnsHandle | null;
}

/**
 * `links`: who is joined to whom. `rules`: all that decides about packets, by few programs, as it is read again with every change.
 * `full`: the outputs of all commands.
 */
export type NamespaceDepth = 'links' | 'rules' | 'full';

const PARALLEL = 4;

const LINK_FACTS = ['link', 'address', 'route4'] as const;
const FULL_FACTS = ['link', 'address', 'route4', 'rule4', 'neighbour'] as const;
const FULL_FACTS_6 = ['route6', 'rule6'] as const;

export const collectNamespaces = async (
  owners: readonly NamespaceOwner[],
  hostNetns: string,
  depth: NamespaceDepth,
  nsids: ReadonlyMap<string, number>,
): Promise<Record<string, NamespaceDocument>> => {
  const candidates = findNamespaces(owners, hostNetns).filter((candidate) => isNear(candidate, nsids));
  const documents = await inParallel(candidates, PARALLEL, (candidate) => readNamespace(candidate, depth, nsids));
  return Object.fromEntries(candidates.map((candidate, index) => [candidate.id, documents[index] as NamespaceDocument]));
};

/**
 * A namespace that somebody named (`ip netns add`) and that no link of this host leads to has no part in what happens here. Those that a
 * container or Docker itself keeps are always read: an overlay's hidden namespace hangs on its containers, not on the host.
 */
const isNear = ({ id, owners, path }: Candidate, nsids: ReadonlyMap<string, number>): boolean =>
  owners.length > 0 || nsids.has(id) || path === null || !/^(\/var)?\/run\/netns\//.test(path);

/** NETNSID column of lsns, by inode; `unassigned` has none. */
export const parseNetnsIds = (lsns: string): Map<string, number> => {
  const ids = new Map<string, number>();
  let rows: unknown;
  try {
    rows = (JSON.parse(lsns) as { namespaces?: unknown }).namespaces;
  } catch {
    return ids;
  }
  for (const row of Array.isArray(rows) ? rows : []) {
    const { ns, netnsid } = row as { ns?: unknown; netnsid?: unknown };
    const id = Number(netnsid);
    if (ns !== undefined && netnsid !== null && netnsid !== '' && Number.isInteger(id)) ids.set(String(ns), id);
  }
  return ids;
};

/** Splits what `ip -batch` printed: one JSON list a command, each on its own line. Null where a command of the batch failed. */
export const splitBatch = (text: string, commands: number): string[] | null => {
  const parts = text.split('\n').filter((line) => line.trim() !== '');
  return parts.length === commands ? parts : null;
};

const findNamespaces = (owners: readonly NamespaceOwner[], hostNetns: string): Candidate[] => {
  const found = new Map<string, Candidate>();
  for (const owner of owners) {
    if (owner.netns === hostNetns) continue;
    const owned = [...(found.get(owner.netns)?.owners ?? []), owner];
    found.set(owner.netns, { id: owner.netns, owners: owned, path: null, open: () => openProcessNetns(owner.netns, owner) });
  }
  for (const mount of mountedNamespaces(hostNetns)) {
    if (mount.id === hostNetns || found.has(mount.id)) continue;
    found.set(mount.id, { id: mount.id, owners: [], path: mount.path, open: () => openMountedNetns(mount.id, mount.way) });
  }
  return [...found.values()];
};

/** The way into a namespace that main has named; null where it is not the one any more. */
export const openNamed = ({ id, pid, startTime }: CaptureNamespace): NetnsHandle | null => {
  if (pid !== null) return openProcessNetns(id, { pid, startTime });
  const mount = mountedNamespaces(netnsOf('self') ?? '').find((candidate) => candidate.id === id);
  return mount === undefined ? null : openMountedNetns(id, mount.way);
};

interface MountedNamespace {
  readonly id: string;
  /** Where it is mounted, as whoever mounted it calls it. */
  readonly path: string;
  /** The same as it can be opened from here. */
  readonly way: string;
}

/** Those mounted here, then those that dockerd's own mount namespace hides: its bind mounts are reached through its root. */
const mountedNamespaces = (hostNetns: string): MountedNamespace[] => {
  const here = namespaceMounts('self').map((mount) => ({ ...mount, way: mount.path }));
  const hidden = processesNamed('dockerd', hostNetns).flatMap((daemon) =>
    namespaceMounts(daemon).map((mount) => ({ ...mount, way: `/proc/${daemon}/root${mount.path}` })),
  );
  return [...here, ...hidden];
};

const readNamespace = async (
  candidate: Candidate,
  depth: NamespaceDepth,
  nsids: ReadonlyMap<string, number>,
): Promise<NamespaceDocument> => {
  const owners = candidate.owners.map((owner) => owner.containerId);
  const [first] = candidate.owners;
  const handle = candidate.open();
  if (handle === null) {
    return { nsid: null, pid: null, startTime: null, owners, raw: {}, missing: { '*': 'it ended before it could be read' } };
  }
  try {
    const into = await readThrough(handle.enter, depth);
    return {
      nsid: nsids.get(candidate.id) ?? null,
      pid: first?.pid ?? null,
      startTime: first?.startTime ?? null,
      owners,
      ...(candidate.path === null ? {} : { path: candidate.path }),
      raw: into.raw,
      ...(Object.keys(into.missing).length === 0 ? {} : { missing: into.missing }),
    };
  } finally {
    handle.close();
  }
};

const readThrough = async (enter: Enter, depth: NamespaceDepth): Promise<Gathered> => {
  const into: Gathered = { raw: {}, missing: {} };
  if (depth === 'links') {
    await gatherBatch(into, enter, [], LINK_FACTS);
    // Where a tunnel leads is told by its entries.
    if (/"info_kind": ?"vxlan"/.test(into.raw[SNAPSHOT_COMMANDS.link] ?? '')) await gather(into, 'fdb', enter);
  } else if (depth === 'rules') {
    await Promise.all([
      gatherBatch(into, enter, [], FULL_FACTS),
      gatherBatch(into, enter, ['-6'], FULL_FACTS_6),
      gatherPresentRules(into, enter),
      gatherSockets(into, enter),
      gatherSysctls(into, enter),
    ]);
    if (/"info_(slave_)?kind": ?"(bridge|vxlan)"/.test(into.raw[SNAPSHOT_COMMANDS.link] ?? ''))
      await Promise.all([gather(into, 'fdb', enter), gather(into, 'bridgeLink', enter)]);
  } else {
    await Promise.all([
      gatherBatch(into, enter, [], FULL_FACTS),
      gatherBatch(into, enter, ['-6'], FULL_FACTS_6),
      gatherRules(into, enter),
      gatherSets(into, enter),
      gather(into, 'fdb', enter),
      gather(into, 'bridgeLink', enter),
      gatherSockets(into, enter),
      gatherSysctls(into, enter),
    ]);
  }
  return into;
};

const BATCH_LINES = {
  link: 'link',
  address: 'addr',
  route4: 'route show table all',
  route6: 'route show table all',
  rule4: 'rule',
  rule6: 'rule',
  neighbour: 'neigh',
} as const;

const gatherBatch = async (
  into: Gathered,
  enter: Enter,
  family: readonly string[],
  commands: readonly (keyof typeof BATCH_LINES)[],
): Promise<void> => {
  const input = commands.map((command) => `${BATCH_LINES[command]}\n`).join('');
  const [program, ...args] = [...enter, 'ip', '-j', '-d', ...family, '-batch', '-'];
  const result = await run(program as string, args, { input });
  const parts = result.ok ? splitBatch(result.stdout, commands.length) : null;
  if (parts !== null) {
    for (const [index, command] of commands.entries()) into.raw[SNAPSHOT_COMMANDS[command]] = `${parts[index]}\n`;
    return;
  }
  for (const command of commands) await gather(into, command, enter);
};

const gatherSockets = async (into: Gathered, enter: Enter): Promise<void> => {
  await gather(into, 'sockets', enter);
  const text = into.raw[SNAPSHOT_COMMANDS.sockets];
  if (text !== undefined) into.raw[SNAPSHOT_COMMANDS.sockets] = programNamesOnly(text);
};

/** `users:(("docker-proxy",pid=1234,fd=4))` keeps the program's name. */
export const programNamesOnly = (ss: string): string => ss.replace(/\("((?:[^"\\]|\\.)*)"(?:,[a-z]+=\d+)+\)/g, '("$1")');

const gatherSysctls = async (into: Gathered, enter: Enter): Promise<void> => {
  const result = await readSysctlsInside(enter);
  if ('text' in result) into.raw[SNAPSHOT_COMMANDS.sysctl] = result.text;
  else into.missing[SNAPSHOT_COMMANDS.sysctl] = result.error;
};
