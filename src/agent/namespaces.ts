/**
 * Facts of the other network namespaces: those that containers live in, named ones (`ip netns`, podman), and those that only dockerd's
 * mount namespace knows (overlay networks, `1-…`). One `ip -batch` a family reads a namespace, since programs are dearer than facts.
 */
import { type NamespaceDocument, SNAPSHOT_COMMANDS } from '../host/snapshot.ts';
import { type Gathered, gather, gatherPresentRules, gatherRules, gatherSets } from './firewall.ts';
import type { Machine, NetnsHandle, NetnsProcess, Place } from './machine/machine.ts';
import { namespaceMounts } from './processes.ts';
import { inParallel } from './programs.ts';
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
  open(): Promise<NetnsHandle | null>;
}

/**
 * `links`: who is joined to whom. `rules`: all that decides about packets, by few programs, as it is read again with every change.
 * `full`: the outputs of all commands.
 */
export type NamespaceDepth = 'links' | 'rules' | 'full';

const PARALLEL = 4;

/** So many namespaces are held open at once for one shell to go through. */
const GROUP = 16;

export const LINK_FACTS = ['link', 'address', 'route4'] as const;
const FULL_FACTS = ['link', 'address', 'route4', 'rule4', 'neighbour'] as const;
const FULL_FACTS_6 = ['route6', 'rule6'] as const;

/** `nsids` takes long where many processes are: what does not depend on it is read meanwhile. */
export const collectNamespaces = async (
  machine: Machine,
  owners: readonly NamespaceOwner[],
  hostNetns: string,
  depth: NamespaceDepth,
  nsids: Promise<ReadonlyMap<string, number>>,
): Promise<Record<string, NamespaceDocument>> => {
  const candidates = await findNamespaces(machine, owners, hostNetns);
  const [own, named] = [candidates.filter((candidate) => !isNamed(candidate)), candidates.filter(isNamed)];
  const documents = new Map<Candidate, NamespaceDocument>();
  const read = async (some: readonly Candidate[]): Promise<void> => {
    if (depth === 'links') await inParallel(inGroups(some, GROUP), 2, (group) => readGroup(machine, group, documents));
    else await inParallel(some, PARALLEL, async (candidate) => documents.set(candidate, await readNamespace(machine, candidate, depth)));
  };
  await read(own);
  const ids = await nsids;
  await read(named.filter(({ id }) => ids.has(id)));
  return Object.fromEntries(
    candidates.flatMap((candidate) => {
      const document = documents.get(candidate);
      return document === undefined ? [] : [[candidate.id, { ...document, nsid: ids.get(candidate.id) ?? null }]];
    }),
  );
};

/**
 * A namespace that somebody named (`ip netns add`) and that no link of this host leads to has no part in what happens here. Those that a
 * container or Docker itself keeps are always read: an overlay's hidden namespace hangs on its containers, not on the host.
 */
const isNamed = ({ owners, path }: Candidate): boolean => owners.length === 0 && path !== null && /^(\/var)?\/run\/netns\//.test(path);

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

const findNamespaces = async (machine: Machine, owners: readonly NamespaceOwner[], hostNetns: string): Promise<Candidate[]> => {
  const found = new Map<string, Candidate>();
  for (const owner of owners) {
    if (owner.netns === hostNetns) continue;
    const owned = [...(found.get(owner.netns)?.owners ?? []), owner];
    found.set(owner.netns, { id: owner.netns, owners: owned, path: null, open: () => openProcess(machine, owner.netns, owner) });
  }
  for (const mount of await mountedNamespaces(machine, hostNetns)) {
    if (mount.id === hostNetns || found.has(mount.id)) continue;
    found.set(mount.id, { id: mount.id, owners: [], path: mount.path, open: () => machine.openNetns(mount.id, mount.way, null) });
  }
  return [...found.values()];
};

/** The way into a namespace that main has named; null where it is not the one any more. */
export const openNamed = async (machine: Machine, { id, pid, startTime }: CaptureNamespace): Promise<NetnsHandle | null> => {
  if (pid !== null) return openProcess(machine, id, { pid, startTime });
  const { netns } = await machine.look('self');
  const mount = (await mountedNamespaces(machine, netns ?? '')).find((candidate) => candidate.id === id);
  return mount === undefined ? null : machine.openNetns(id, mount.way, null);
};

const openProcess = (machine: Machine, id: string, owner: NetnsProcess): Promise<NetnsHandle | null> =>
  machine.openNetns(id, `/proc/${owner.pid}/ns/net`, owner);

interface MountedNamespace {
  readonly id: string;
  /** Where it is mounted, as whoever mounted it calls it. */
  readonly path: string;
  /** The same as it can be opened from here. */
  readonly way: string;
}

/** Those mounted here, then those that dockerd's own mount namespace hides: its bind mounts are reached through its root. */
const mountedNamespaces = async (machine: Machine, hostNetns: string): Promise<MountedNamespace[]> => {
  const mountsOf = async (pid: number | 'self') => namespaceMounts((await machine.look(pid)).mountinfo ?? '');
  const here = (await mountsOf('self')).map((mount) => ({ ...mount, way: mount.path }));
  const daemons = await machine.processesNamed('dockerd', hostNetns);
  const hidden = await Promise.all(
    daemons.map(async (daemon) => (await mountsOf(daemon)).map((mount) => ({ ...mount, way: `/proc/${daemon}/root${mount.path}` }))),
  );
  return [...here, ...hidden.flat()];
};

const readNamespace = async (machine: Machine, candidate: Candidate, depth: NamespaceDepth): Promise<NamespaceDocument> => {
  const handle = await candidate.open();
  try {
    return documentOf(candidate, handle === null ? null : await readThrough({ machine, enter: handle.enter }, depth));
  } finally {
    handle?.close();
  }
};

/** The links of several namespaces by one program, which node starts: what it starts itself takes a fraction of that. */
const readGroup = async (machine: Machine, group: readonly Candidate[], documents: Map<Candidate, NamespaceDocument>): Promise<void> => {
  const handles = await Promise.all(group.map((candidate) => candidate.open()));
  try {
    const there = handles.filter((handle) => handle !== null);
    const answers = await askEach(machine, there, LINK_FACTS);
    const each = group.map(async (candidate, index) => {
      const handle = handles[index] ?? null;
      const read =
        handle === null ? null : await readThrough({ machine, enter: handle.enter }, 'links', answers[there.indexOf(handle)] ?? null);
      documents.set(candidate, documentOf(candidate, read));
    });
    await Promise.all(each);
  } finally {
    for (const handle of handles) handle?.close();
  }
};

/** Null for what has ended before it could be read. */
const documentOf = ({ owners, path }: Candidate, read: Gathered | null): NamespaceDocument => {
  const ids = owners.map((owner) => owner.containerId);
  const [first] = owners;
  if (read === null)
    return { nsid: null, pid: null, startTime: null, owners: ids, raw: {}, missing: { '*': 'it ended before it could be read' } };
  return {
    nsid: null,
    pid: first?.pid ?? null,
    startTime: first?.startTime ?? null,
    owners: ids,
    ...(path === null ? {} : { path }),
    raw: read.raw,
    ...(Object.keys(read.missing).length === 0 ? {} : { missing: read.missing }),
  };
};

/** `answer`: of LINK_FACTS, where they have been asked for already. */
const readThrough = async (place: Place, depth: NamespaceDepth, answer: readonly string[] | null = null): Promise<Gathered> => {
  const into: Gathered = { raw: {}, missing: {} };
  if (depth === 'links') {
    if (answer === null) await gatherBatch(into, place, [], LINK_FACTS);
    else fileBatch(into, LINK_FACTS, answer);
    // Where a tunnel leads is told by its entries.
    if (/"info_kind": ?"vxlan"/.test(into.raw[SNAPSHOT_COMMANDS.link] ?? '')) await gather(into, 'fdb', place);
  } else if (depth === 'rules') {
    await Promise.all([
      gatherBatch(into, place, [], FULL_FACTS),
      gatherBatch(into, place, ['-6'], FULL_FACTS_6),
      gatherPresentRules(into, place),
      gatherSockets(into, place),
      gatherSysctls(into, place),
    ]);
    if (/"info_(slave_)?kind": ?"(bridge|vxlan)"/.test(into.raw[SNAPSHOT_COMMANDS.link] ?? ''))
      await Promise.all([gather(into, 'fdb', place), gather(into, 'bridgeLink', place)]);
  } else {
    await Promise.all([
      gatherBatch(into, place, [], FULL_FACTS),
      gatherBatch(into, place, ['-6'], FULL_FACTS_6),
      gatherRules(into, place),
      gatherSets(into, place),
      gather(into, 'fdb', place),
      gather(into, 'bridgeLink', place),
      gatherSockets(into, place),
      gatherSysctls(into, place),
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

/** Several of ip's facts by one process: starting them takes longer than what they do. */
export const gatherBatch = async (
  into: Gathered,
  place: Place,
  family: readonly string[],
  commands: readonly BatchCommand[],
): Promise<void> => {
  const [program, ...args] = [...place.enter, 'ip', '-j', '-d', ...family, '-batch', '-'];
  const result = await place.machine.run(program as string, args, { input: batchOf(commands) });
  const parts = result.ok ? splitBatch(result.stdout, commands.length) : null;
  if (parts !== null) fileBatch(into, commands, parts);
  else for (const command of commands) await gather(into, command, place);
};

type BatchCommand = keyof typeof BATCH_LINES;

const batchOf = (commands: readonly BatchCommand[]): string => commands.map((command) => `${BATCH_LINES[command]}\n`).join('');

const fileBatch = (into: Gathered, commands: readonly BatchCommand[], parts: readonly string[]): void => {
  for (const [index, command] of commands.entries()) into.raw[SNAPSHOT_COMMANDS[command]] = `${parts[index]}\n`;
};

/** One batch in each of the namespaces; null for those where it failed. A shell far away is a quick one already. */
const askEach = async (
  machine: Machine,
  handles: readonly NetnsHandle[],
  commands: readonly BatchCommand[],
): Promise<readonly (readonly string[] | null)[]> => {
  if (handles.length === 0 || machine.remote !== null) return handles.map(() => null);
  const script = 'batch=$1; shift; for net; do printf %s "$batch" | nsenter "$net" -- ip -j -d -batch -; printf \'\\036\'; done';
  const ways = handles.map(({ enter }) => enter[1] as string);
  const result = await machine.run('sh', ['-c', script, 'sh', batchOf(commands), ...ways]);
  if (!result.ok) return handles.map(() => null);
  const answers = result.stdout.split('\u001e');
  return handles.map((_, index) => splitBatch(answers[index] ?? '', commands.length));
};

const inGroups = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

const gatherSockets = async (into: Gathered, place: Place): Promise<void> => {
  await gather(into, 'sockets', place);
  const text = into.raw[SNAPSHOT_COMMANDS.sockets];
  if (text !== undefined) into.raw[SNAPSHOT_COMMANDS.sockets] = programNamesOnly(text);
};

/** `users:(("docker-proxy",pid=1234,fd=4))` keeps the program's name. */
export const programNamesOnly = (ss: string): string => ss.replace(/\("((?:[^"\\]|\\.)*)"(?:,[a-z]+=\d+)+\)/g, '("$1")');

const gatherSysctls = async (into: Gathered, place: Place): Promise<void> => {
  const result = await readSysctlsInside(place);
  if ('text' in result) into.raw[SNAPSHOT_COMMANDS.sysctl] = result.text;
  else into.missing[SNAPSHOT_COMMANDS.sysctl] = result.error;
};
