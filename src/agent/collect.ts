/**
 * Takes a snapshot: every fact of src/host/snapshot.ts, each by the command that is its key, all of them at once within bounds. What cannot
 * be read stands under `missing` with its reason; nothing here changes the host.
 */
import { type DockerDocument, SNAPSHOT_COMMANDS, type SnapshotCommand, type SnapshotDocument } from '../host/snapshot.ts';
import type { DockerDaemon, DockerReading } from './docker.ts';
import { type Gathered, gather, gatherRules, gatherSets, runCommand } from './firewall.ts';
import type { Machine, Place } from './machine/machine.ts';
import { collectNamespaces, gatherBatch, LINK_FACTS, type NamespaceOwner, parseNetnsIds, programNamesOnly } from './namespaces.ts';
import type { CollectRequest } from './protocol.ts';

/** More entries than this make a snapshot unwieldy and slow a busy host down. */
export const MAX_CONNTRACK_ENTRIES = 20_000;

const NETWORK_COMMANDS: readonly SnapshotCommand[] = [
  'link',
  'address',
  'route4',
  'route6',
  'rule4',
  'rule6',
  'neighbour',
  'neighbourProxy',
  'membership',
  'xfrmPolicy',
  'xfrmState',
  'fdb',
  'bridgeLink',
  'bridgeVlan',
];

export const collect = async (
  what: CollectRequest,
  machine: Machine,
  docker: DockerDaemon | { readonly error: string },
): Promise<SnapshotDocument> => {
  machine.assertReached();
  const place: Place = { machine, enter: [] };
  const takenAt = secondsNow();
  const into: Gathered = { raw: {}, missing: {} };
  const { netns: hostNetns } = await machine.look('self');
  const dockerReading = readDocker(what.docker, docker);
  const namespaceIds = gather(into, 'namespaces', place).then(() => parseNetnsIds(into.raw[SNAPSHOT_COMMANDS.namespaces] ?? ''));
  const namespaces = dockerReading.then((reading) =>
    what.namespaces === 'none' || hostNetns === null
      ? {}
      : collectNamespaces(machine, ownersOf(reading), hostNetns, what.namespaces, namespaceIds),
  );
  await Promise.all([
    ...(what.namespaces === 'links' && !what.firewall
      ? [gatherLinks(into, place)]
      : [...NETWORK_COMMANDS.map((command) => gather(into, command, place)), gatherSysctls(into, machine)]),
    ...(what.firewall ? [gatherRules(into, place), gatherSets(into, place), gatherListeners(into, place)] : []),
    ...(what.conntrack ? [gatherConntrack(into, place)] : []),
    namespaceIds,
    namespaces,
  ]);
  const reading = await dockerReading;
  // What broke off in the middle would look like a host without rules.
  machine.assertReached();
  for (const [id, problem] of reading.namespaceProblems) into.missing[`docker inspect ${id}`] = problem;
  return {
    vethscope: 1,
    takenAt,
    host: await machine.hostname(),
    ...(hostNetns === null ? {} : { netns: hostNetns }),
    namespaces: await namespaces,
    docker: reading.document,
    raw: inOrder(into.raw),
    ...(Object.keys(into.missing).length === 0 ? {} : { missing: into.missing }),
  };
};

/** What the topology is made of, by few processes: for lists, which are waited for. */
const gatherLinks = async (into: Gathered, place: Place): Promise<void> => {
  await Promise.all([gatherBatch(into, place, [], LINK_FACTS), gather(into, 'route6', place), gather(into, 'fdb', place)]);
};

/** Seconds since the epoch with nine decimals; the clock gives milliseconds. */
export const secondsNow = (): string => {
  const now = Date.now();
  return `${Math.floor(now / 1000)}.${String(now % 1000).padStart(3, '0')}000000`;
};

/** The rules' texts alone, for watching them; the same keys as in a snapshot. */
export const collectRules = async (machine: Machine): Promise<Gathered> => {
  const place: Place = { machine, enter: [] };
  const into: Gathered = { raw: {}, missing: {} };
  await Promise.all([gatherRules(into, place), gatherSets(into, place), gatherSysctls(into, machine)]);
  machine.assertReached();
  return into;
};

const NO_DOCKER: DockerDocument = { version: null, apiVersion: null, containers: [], networks: [] };

const readDocker = async (wanted: boolean, docker: DockerDaemon | { readonly error: string }): Promise<DockerReading> => {
  const without = (error: string): DockerReading => ({
    document: { ...NO_DOCKER, error },
    namespaceProblems: new Map(),
    startTimes: new Map(),
  });
  if (!wanted) return without('not asked for');
  return 'error' in docker ? without(docker.error) : docker.read();
};

const ownersOf = ({ document, startTimes }: DockerReading): NamespaceOwner[] =>
  document.containers.flatMap(({ Id, NetNs, State }) =>
    NetNs === undefined || NetNs === null
      ? []
      : [{ containerId: Id, pid: State.Pid, startTime: startTimes.get(Id) ?? null, netns: String(NetNs) }],
  );

const gatherSysctls = async (into: Gathered, machine: Machine): Promise<void> => {
  const text = await machine.readSysctls();
  if (text === '') into.missing[SNAPSHOT_COMMANDS.sysctl] = '/proc/sys/net cannot be read';
  else into.raw[SNAPSHOT_COMMANDS.sysctl] = text;
};

const gatherListeners = async (into: Gathered, place: Place): Promise<void> => {
  if (!(await gather(into, 'sockets', place))) return;
  into.raw[SNAPSHOT_COMMANDS.sockets] = programNamesOnly(into.raw[SNAPSHOT_COMMANDS.sockets] ?? '');
};

/** The tool, or else the kernel's file; cut off where there are too many entries, and then it says so. */
const gatherConntrack = async (into: Gathered, place: Place): Promise<void> => {
  const count = await readCount(place.machine);
  if (count === 'not-loaded') {
    // without the module nothing is tracked; asking with the tool would load it
    into.raw[SNAPSHOT_COMMANDS.conntrack] = '';
    return;
  }
  for (const command of ['conntrack', 'conntrackProc'] as const) {
    const key = SNAPSHOT_COMMANDS[command];
    const result = await runCommand(command, place, { maxLines: MAX_CONNTRACK_ENTRIES });
    if (!result.ok) {
      into.missing[key] = result.reason;
      continue;
    }
    into.raw[key] = result.stdout;
    if (result.truncated) into.missing[key] = `only the first ${MAX_CONNTRACK_ENTRIES} of ${count ?? 'more'} entries were kept`;
    if (command === 'conntrackProc') delete into.missing[SNAPSHOT_COMMANDS.conntrack];
    return;
  }
};

const readCount = async (machine: Machine): Promise<number | 'not-loaded' | null> => {
  const path = '/proc/sys/net/netfilter/nf_conntrack_count';
  if (!(await machine.exists(path))) return 'not-loaded';
  const text = await machine.readText(path);
  return text === null ? null : Number(text);
};

/** The order of SNAPSHOT_COMMANDS, so that two snapshots of one host can be compared line by line. */
const inOrder = (raw: Readonly<Record<string, string>>): Record<string, string> => {
  const ordered: Record<string, string> = {};
  for (const command of Object.values(SNAPSHOT_COMMANDS)) {
    const text = raw[command];
    if (text !== undefined) ordered[command] = text;
  }
  return ordered;
};
