/**
 * Facts of the other network namespaces: those that containers live in, named ones (`ip netns`, podman), and those that only dockerd's
 * mount namespace knows (overlay networks, `1-…`). One `ip -batch` a family reads a namespace, since programs are dearer than facts.
 */
import { type NamespaceDocument, SNAPSHOT_COMMANDS } from '../host/snapshot.ts';
import { type Enter, type Gathered, gather, gatherRules, gatherSets } from './firewall.ts';
import { namespaceMounts, netnsOf, processesNamed, startTimeOf } from './processes.ts';
import { inParallel, run } from './programs.ts';
import { readSysctlsInside } from './sysctls.ts';

/** A container with a process on this machine. */
export interface NamespaceOwner {
  readonly containerId: string;
  readonly pid: number;
  readonly netns: string;
}

interface Candidate {
  readonly id: string;
  readonly owners: readonly string[];
  readonly pid: number | null;
  readonly path: string | null;
  readonly enter: Enter;
}

const PARALLEL = 4;

const LINK_FACTS = ['link', 'address', 'route4'] as const;
const FULL_FACTS = ['link', 'address', 'route4', 'rule4', 'neighbour'] as const;
const FULL_FACTS_6 = ['route6', 'rule6'] as const;

export const collectNamespaces = async (
  owners: readonly NamespaceOwner[],
  hostNetns: string,
  depth: 'links' | 'full',
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
    const known = found.get(owner.netns);
    if (known !== undefined) found.set(owner.netns, { ...known, owners: [...known.owners, owner.containerId] });
    else {
      const enter = ['nsenter', `--net=/proc/${owner.pid}/ns/net`, '--'];
      found.set(owner.netns, { id: owner.netns, owners: [owner.containerId], pid: owner.pid, path: null, enter });
    }
  }
  for (const mount of mountedNamespaces(hostNetns)) {
    if (mount.id === hostNetns || found.has(mount.id)) continue;
    found.set(mount.id, { id: mount.id, owners: [], pid: null, path: mount.path, enter: mount.enter });
  }
  return [...found.values()];
};

/** The way into a namespace that no process is needed for; null where nothing is mounted of it. */
export const enterById = (id: string): Enter | null =>
  mountedNamespaces(netnsOf('self') ?? '').find((mount) => mount.id === id)?.enter ?? null;

interface MountedNamespace {
  readonly id: string;
  readonly path: string;
  readonly enter: Enter;
}

/** Those mounted here, then those that dockerd's own mount namespace hides: its bind mounts are reached through its root. */
const mountedNamespaces = (hostNetns: string): MountedNamespace[] => {
  const enter = (path: string): Enter => ['nsenter', `--net=${path}`, '--'];
  const here = namespaceMounts('self').map((mount) => ({ ...mount, enter: enter(mount.path) }));
  const hidden = processesNamed('dockerd', hostNetns).flatMap((daemon) =>
    namespaceMounts(daemon).map((mount) => ({ ...mount, enter: enter(`/proc/${daemon}/root${mount.path}`) })),
  );
  return [...here, ...hidden];
};

const readNamespace = async (
  candidate: Candidate,
  depth: 'links' | 'full',
  nsids: ReadonlyMap<string, number>,
): Promise<NamespaceDocument> => {
  const into: Gathered = { raw: {}, missing: {} };
  const { enter } = candidate;
  if (depth === 'links') await gatherBatch(into, enter, [], LINK_FACTS);
  else {
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
  // the process may have ended meanwhile and its number may belong to another one
  if (candidate.pid !== null && netnsOf(candidate.pid) !== candidate.id) {
    return {
      nsid: null,
      pid: null,
      startTime: null,
      owners: candidate.owners,
      raw: {},
      missing: { '*': 'its process ended while it was read' },
    };
  }
  return {
    nsid: nsids.get(candidate.id) ?? null,
    pid: candidate.pid,
    startTime: candidate.pid === null ? null : startTimeOf(candidate.pid),
    owners: candidate.owners,
    ...(candidate.path === null ? {} : { path: candidate.path }),
    raw: into.raw,
    ...(Object.keys(into.missing).length === 0 ? {} : { missing: into.missing }),
  };
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
