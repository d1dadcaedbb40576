/**
 * Says in words how two snapshots differ in more than counters, timers and the state of neighbours. Empty where they do not.
 */
import { type DockerDocument, type RawOutputs, SNAPSHOT_COMMANDS, type SnapshotCommand, type SnapshotDocument } from '../host/snapshot.ts';
import { parseLinks } from './links.ts';

/** What a command's output says when all that moves by itself is left out. */
type Normalise = (text: string) => string;

const MAX_SHOWN = 1;

/** Fields that run down or count up, or that our own captures touch. */
const MOVING_FIELD =
  /timer$|life_time$|^(expires|promiscuity|allmulti|used|updated|num_tx_queues|num_rx_queues|topology_change|topology_change_detected|cacheinfo|root_path_cost)$/;
const CAPTURE_FLAGS = new Set(['PROMISC', 'ALLMULTI']);

export const withoutCounters: Normalise = (text) =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replace(/^\[\d+:\d+\] |\[\d+:\d+\]$/gm, '');

/** Without the blanks between values: what was read during a trace was written anew (firewall.ts). */
const nftWithoutCounters: Normalise = (text) =>
  text
    .replace(/"(packets|bytes|expires|used)": ?\d+/g, '"$1":0')
    .replace(/([,:]) /g, '$1')
    .trim();

const setsWithoutCounters: Normalise = (text) => text.replace(/^(add .*?) timeout \d+/gm, '$1').replace(/ packets \d+ bytes \d+/g, '');

const stillJson: Normalise = (text) => {
  try {
    return JSON.stringify(JSON.parse(text, still));
  } catch {
    return text;
  }
};

const still = (key: string, value: unknown): unknown => {
  if (MOVING_FIELD.test(key)) return undefined;
  if (key === 'flags' && Array.isArray(value)) return value.filter((flag) => !CAPTURE_FLAGS.has(String(flag)));
  return value;
};

const settings: Normalise = (text) => text.replace(/^net\.netfilter\.nf_conntrack_count = .*\n/m, '');

/** ss prints the lengths of the queues in columns three and four. */
const listeners: Normalise = (text) => text.replace(/^(\S+\s+\S+)\s+\d+\s+\d+/gm, '$1').replace(/ +/g, ' ');

interface Watched {
  readonly normalise: Normalise;
  /** What to call it; lines that came and went are shown where `lines` is set. */
  readonly words: string;
  readonly lines?: boolean;
}

const WATCHED: Partial<Record<SnapshotCommand, Watched>> = {
  iptablesNft: { normalise: withoutCounters, words: 'iptables rules', lines: true },
  ip6tablesNft: { normalise: withoutCounters, words: 'ip6tables rules', lines: true },
  iptablesLegacy: { normalise: withoutCounters, words: 'legacy iptables rules', lines: true },
  ip6tablesLegacy: { normalise: withoutCounters, words: 'legacy ip6tables rules', lines: true },
  iptables: { normalise: withoutCounters, words: 'iptables rules', lines: true },
  ip6tables: { normalise: withoutCounters, words: 'ip6tables rules', lines: true },
  nft: { normalise: nftWithoutCounters, words: 'nftables rules' },
  nftChains: { normalise: (text) => text, words: 'devices of nftables chains' },
  ipset: { normalise: setsWithoutCounters, words: 'sets', lines: true },
  sysctl: { normalise: settings, words: 'sysctls' },
  link: { normalise: stillJson, words: 'interfaces' },
  bridgeLink: { normalise: stillJson, words: 'bridge ports' },
  address: { normalise: stillJson, words: 'addresses' },
  route4: { normalise: stillJson, words: 'routes' },
  route6: { normalise: stillJson, words: 'IPv6 routes' },
  rule4: { normalise: stillJson, words: 'routing rules' },
  rule6: { normalise: stillJson, words: 'IPv6 routing rules' },
  sockets: { normalise: listeners, words: 'listening sockets' },
};

export const describeChanges = (before: SnapshotDocument, after: SnapshotDocument): string[] => [
  ...describeDocker(before.docker, after.docker),
  ...describeRaw(before.raw, after.raw),
  ...describeNamespaces(before, after),
];

/** One line for a person: what Docker said, else what was found; consequences (a route of an interface that came) are left out beside causes. */
export const summariseChanges = (heard: readonly string[], found: readonly string[]): string => {
  const isDocker = (words: string): boolean => /^(container|Docker networks) /.test(words);
  const isLink = (words: string): boolean => /^\d+ more interfaces|^interface /.test(words);
  const isConsequence = (words: string): boolean =>
    /^(interfaces|bridge ports|addresses|(IPv6 )?routes|listening sockets|namespaces|in .*:) ?/.test(words);
  const docker = [...heard, ...found.filter((words) => isDocker(words) && !isTold(words, heard))];
  const others = found.filter((words) => !isDocker(words));
  const causes = others.filter((words) => !isConsequence(words) && !(docker.length > 0 && isLink(words)));
  const told = [...docker, ...causes];
  return (told.length > 0 ? told : found).join('; ');
};

/**
 * Whether what was found out about Docker is already among what Docker said. An event that came late says nothing more when it comes (the
 * reading before it has seen all), so a container's new state is told with the next best words, not left to its event.
 */
const isTold = (words: string, heard: readonly string[]): boolean => {
  if (heard.length === 0) return false;
  const [, name] = /^container (.*) is [a-z]+$/.exec(words) ?? [];
  return name === undefined || heard.some((said) => said.startsWith(`container ${name} `) && STATE_WORDS.test(said));
};

/** How an event ends that tells a container's new state (docker-events.ts). */
const STATE_WORDS = / (started|restarted|stopped|paused|unpaused|removed|changed)$/;

/** Only keys that `after` has are compared: a partial reading is no change of the rest. */
export const describeRaw = (before: RawOutputs, after: RawOutputs): string[] => {
  const words: string[] = [];
  for (const [command, watched] of Object.entries(WATCHED)) {
    const key = SNAPSHOT_COMMANDS[command as SnapshotCommand];
    const [old, now] = [before[key], after[key]];
    if (now === undefined || old === now) continue;
    const [oldStill, nowStill] = [watched.normalise(old ?? ''), watched.normalise(now)];
    if (oldStill === nowStill) continue;
    if (command === 'link') words.push(...describeLinks(old ?? '', now));
    else if (command === 'sysctl') words.push(...describeSettings(oldStill, nowStill));
    else if (watched.lines === true) words.push(describeLines(watched.words, oldStill, nowStill));
    else words.push(`${watched.words} changed`);
  }
  // iptables-nft's rules are nftables rules: said once is enough
  const others = words.filter((word) => word !== 'nftables rules changed');
  return others.some((word) => /^ip6?tables rules/.test(word)) ? others : words;
};

const describeLines = (what: string, before: string, after: string): string => {
  const added = linesBeyond(after, before);
  const removed = linesBeyond(before, after);
  if (added.length === 0 && removed.length === 0) return `${what} changed their order`;
  const part = (lines: readonly string[], sign: string): string[] => {
    // the frame of a table that was not there before (`*nat`, its chains, COMMIT) is no news beside its rules
    const rules = lines.filter((line) => line.startsWith('-A '));
    const told = rules.length > 0 ? rules : lines;
    if (told.length === 0) return [];
    const shown = told.slice(0, MAX_SHOWN).map((line) => line.trim().slice(0, 160));
    return [`${told.length} ${sign} (${shown.join('; ')}${told.length > MAX_SHOWN ? '; …' : ''})`];
  };
  return `${what} changed: ${[...part(added, 'added'), ...part(removed, 'removed')].join(', ')}`;
};

/** Those of an interface that came or went are no news beside it. */
const describeSettings = (before: string, after: string): string[] => {
  const old = new Map(before.split('\n').map((line) => [line.slice(0, line.indexOf(' = ')), line]));
  const changed = after.split('\n').filter((line) => {
    const name = line.slice(0, line.indexOf(' = '));
    const was = old.get(name);
    return was === undefined ? name !== '' && !name.includes('.conf.') : was !== line;
  });
  const shown = changed.slice(0, 3).map((line) => line.replace(' = ', ' is now '));
  return changed.length > 3 ? [...shown, `${changed.length - 3} more sysctls changed`] : shown;
};

/** Lines of `one` beyond those that `other` has as often. */
const linesBeyond = (one: string, other: string): string[] => {
  const counts = new Map<string, number>();
  for (const line of other.split('\n')) counts.set(line, (counts.get(line) ?? 0) + 1);
  return one.split('\n').filter((line) => {
    const count = counts.get(line) ?? 0;
    if (count === 0) return line.trim() !== '';
    counts.set(line, count - 1);
    return false;
  });
};

const describeLinks = (before: string, after: string): string[] => {
  const [old, now] = [parseLinks(before), parseLinks(after)];
  const words: string[] = [];
  for (const [name, link] of now) {
    const was = old.get(name);
    if (was === undefined) words.push(`interface ${name} appeared`);
    else if (was.ifindex !== link.ifindex) words.push(`interface ${name} was made anew`);
    else if (was.up !== link.up) words.push(`interface ${name} ${link.up ? 'went up' : 'was taken down'}`);
  }
  for (const name of old.keys()) if (!now.has(name)) words.push(`interface ${name} is gone`);
  if (words.length === 0) return ['interfaces changed'];
  return words.length <= 4 ? words : [...words.slice(0, 3), `${words.length - 3} more interfaces changed`];
};

const describeDocker = (before: DockerDocument, after: DockerDocument): string[] => {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const words: string[] = [];
  const old = new Map(before.containers.map((container) => [container.Id, container]));
  for (const container of after.containers) {
    const name = container.Name.replace(/^\//, '');
    const was = old.get(container.Id);
    old.delete(container.Id);
    if (was === undefined) words.push(`container ${name} appeared`);
    else if (was.State.Status !== container.State.Status) words.push(`container ${name} is ${container.State.Status}`);
    else if (JSON.stringify(was) !== JSON.stringify(container)) words.push(`container ${name} changed`);
  }
  for (const gone of old.values()) words.push(`container ${gone.Name.replace(/^\//, '')} is gone`);
  if (before.error !== after.error) words.push(after.error ?? 'the Docker daemon answers again');
  return words.length > 0 ? words : ['Docker networks changed'];
};

const describeNamespaces = (before: SnapshotDocument, after: SnapshotDocument): string[] => {
  const words: string[] = [];
  for (const [id, namespace] of Object.entries(after.namespaces)) {
    const was = before.namespaces[id];
    // one that has come or gone is told by its container
    if (was === undefined) continue;
    const changed = describeRaw(was.raw, namespace.raw);
    if (changed.length === 0) continue;
    const owner = after.docker.containers.find((container) => container.Id === namespace.owners[0]);
    words.push(`in ${owner === undefined ? `namespace ${namespace.path ?? id}` : owner.Name.replace(/^\//, '')}: ${changed.join(', ')}`);
  }
  const keys = (document: SnapshotDocument): string => Object.keys(document.namespaces).sort().join();
  if (words.length === 0 && keys(before) !== keys(after)) words.push('namespaces came or went');
  return words;
};
