/** From the snapshot document to host facts: every text to its reader. Bad text never throws: it is a problem, and the fact unknown. */
import { messageOf } from '../base/errors.ts';
import { parseIpsetSave } from '../netfilter/parse/ipset-save.ts';
import type { Ruleset } from '../netfilter/ruleset.ts';
import type { HostFacts, NamespaceFacts, OtherNamespace, PolicyRule, Route } from './facts.ts';
import { asArray, asNumber, asObject, type Parsed } from './json-value.ts';
import { type FoundOutput, OutputIndex } from './raw-outputs.ts';
import { readAddresses } from './read-addresses.ts';
import { bridgePortsFromLinks, readBridgePorts, readBridgeVlans, readFdb, readMemberships, readNeighbours } from './read-bridges.ts';
import { readConntrack } from './read-conntrack.ts';
import { readDocker } from './read-docker.ts';
import { readFirewall } from './read-firewall.ts';
import { readLinks } from './read-links.ts';
import { readListeners } from './read-listeners.ts';
import { readPolicyRules } from './read-policy-rules.ts';
import { readRoutes } from './read-routes.ts';
import { readSysctls } from './read-sysctls.ts';
import { readXfrmPolicies, readXfrmStates } from './read-xfrm.ts';
import { NAMESPACES, shapeProblems } from './shapes.ts';
import { type RawOutputs, SNAPSHOT_COMMANDS, type SnapshotCommand, type SnapshotDocument } from './snapshot.ts';

/** How the reason begins where legacy tables exist and their rules were not read. */
export const LEGACY_TABLES_IN_USE = 'legacy tables are in use';

export const readFacts = (document: SnapshotDocument): HostFacts => {
  const self = readNamespaceFacts(document.raw, document.missing ?? {});
  const problems = [...self.problems];
  const { value: nsids, problems: nsidProblems } = readNsids(document.raw);
  problems.push(...nsidProblems);
  const namespaces: OtherNamespace[] = Object.entries(document.namespaces).map(([id, namespace]) => ({
    id,
    nsid: namespace.nsid ?? nsids.get(id) ?? null,
    pid: namespace.pid,
    owners: namespace.owners,
    path: namespace.path ?? null,
    facts: readNamespaceFacts(namespace.raw, namespace.missing ?? {}),
  }));
  const owned = new Map(namespaces.flatMap((namespace) => namespace.owners.map((owner) => [owner, namespace.id] as const)));
  const docker = readDocker(document.docker, (id) => owned.get(id) ?? null);
  problems.push(...docker.problems);
  return {
    takenAt: document.takenAt,
    hostName: document.host,
    netns: document.netns ?? null,
    self: { ...self, problems },
    namespaces,
    containers: docker.value.containers,
    networks: docker.value.networks,
    dockerVersion: typeof document.docker.version === 'string' ? document.docker.version : null,
    dockerError: typeof document.docker.error === 'string' ? document.docker.error : null,
  };
};

export const readNamespaceFacts = (raw: RawOutputs, givenMissing: Readonly<Record<string, string>>): NamespaceFacts => {
  const outputs = new OutputIndex(raw);
  const missing = new Map<string, string>(Object.entries(givenMissing));
  const problems: string[] = [];

  const note = (command: SnapshotCommand): void => {
    const line = SNAPSHOT_COMMANDS[command];
    if (!missing.has(line)) missing.set(line, 'not in the snapshot');
  };
  const keep = <T>(parsed: Parsed<T>): T => {
    problems.push(...parsed.problems);
    return parsed.value;
  };
  const read = <T>(command: SnapshotCommand, reader: (text: string, line: string) => Parsed<T | null>): T | null => {
    const found = outputs.find(command);
    if (found === null) {
      note(command);
      return null;
    }
    return keep(reader(found.text, found.command));
  };

  const links = read('link', readLinks);
  const routes = joinFamilies(outputs, keep, note);
  const rules = joinRules(outputs, keep, note);
  const { rulesets, nftables } = keep(readFirewall(outputs));
  if (outputs.find('nft') === null) note('nft');
  noteLegacy(outputs, rulesets, missing);
  const portsFound = outputs.find('bridgeLink');
  const bridgePorts =
    portsFound !== null ? keep(readBridgePorts(portsFound.text, portsFound.command)) : links === null ? null : bridgePortsFromLinks(links);
  if (portsFound === null && links === null) note('bridgeLink');
  const conntrackFound = outputs.find('conntrack') ?? outputs.find('conntrackProc');
  if (conntrackFound === null) note('conntrack');

  return {
    links,
    addresses: read('address', readAddresses),
    routes,
    policyRules: rules,
    neighbours: read('neighbour', readNeighbours),
    proxies: read('neighbourProxy', readNeighbours),
    memberships: read('membership', readMemberships),
    bridgeVlans: read('bridgeVlan', readBridgeVlans),
    xfrmPolicies: read('xfrmPolicy', readXfrmPolicies),
    xfrmStates: read('xfrmState', readXfrmStates),
    fdb: read('fdb', readFdb),
    bridgePorts,
    sysctls: read('sysctl', readSysctls),
    rulesets,
    nftables,
    ipsets: read('ipset', (text) => {
      const { sets, problems: bad } = parseIpsetSave(text);
      return { value: sets, problems: bad.map((problem) => `ipset save: ${problem}`) };
    }),
    conntrack: conntrackFound === null ? null : keep(readConntrack(conntrackFound.text, conntrackFound.command)),
    listeners: read('sockets', readListeners),
    missing,
    problems,
  };
};

const LEGACY = [
  { family: 'ip', tables: 'legacyTables4', save: 'iptablesLegacy' },
  { family: 'ip6', tables: 'legacyTables6', save: 'ip6tablesLegacy' },
] as const;

/** The kernel's list of legacy tables tells whether there is anything to miss where the legacy rules were not read. */
const noteLegacy = (outputs: OutputIndex, rulesets: readonly Ruleset[], missing: Map<string, string>): void => {
  for (const { family, tables, save } of LEGACY) {
    if (rulesets.some((ruleset) => ruleset.family === family && ruleset.backend === 'legacy')) continue;
    const names = outputs.find(tables)?.text.trim();
    if (names === undefined) {
      if (!missing.has(SNAPSHOT_COMMANDS[tables])) missing.set(SNAPSHOT_COMMANDS[tables], 'not in the snapshot');
    } else if (names !== '')
      missing.set(SNAPSHOT_COMMANDS[save], `${LEGACY_TABLES_IN_USE} (${names.split(/\s+/).join(', ')}) and were not read`);
  }
};

type Keep = <T>(parsed: Parsed<T>) => T;

/**
 * Routes of both families: from the two commands, or from one without a family, which lists both. A family that no output
 * covers is noted as missing, so that its look-ups answer "unknown" instead of "no route".
 */
const joinFamilies = (outputs: OutputIndex, keep: Keep, note: (command: SnapshotCommand) => void): readonly Route[] | null => {
  const routes: Route[] = [];
  let known = false;
  const joint = outputs.findMeaning('ip route');
  const jointRoutes = joint === null ? null : keep(readRoutes(joint.text, joint.command, null));
  for (const [command, family] of [
    ['route4', 4],
    ['route6', 6],
  ] as const) {
    const found = outputs.find(command);
    const own = found === null ? null : keep(readRoutes(found.text, found.command, family));
    const listed = own ?? jointRoutes?.filter((route) => route.family === family) ?? null;
    // A joint listing without a single IPv6 route may come from a program that lists IPv4 only.
    if (listed === null || (own === null && listed.length === 0)) note(command);
    else {
      known = true;
      routes.push(...listed);
    }
  }
  return known ? routes : null;
};

const joinRules = (outputs: OutputIndex, keep: Keep, note: (command: SnapshotCommand) => void): readonly PolicyRule[] | null => {
  const rules: PolicyRule[] = [];
  let known = false;
  for (const [command, family] of [
    ['rule4', 4],
    ['rule6', 6],
  ] as const) {
    // Without a family `ip rule` lists IPv4 only.
    const found: FoundOutput | null = outputs.find(command) ?? (family === 4 ? outputs.findMeaning('ip rule') : null);
    const listed = found === null ? null : keep(readPolicyRules(found.text, found.command, family));
    if (listed === null) note(command);
    else {
      known = true;
      rules.push(...listed);
    }
  }
  return known ? rules : null;
};

/** `lsns -t net -J -o NS,NETNSID,…`: namespace inode -> its id as seen from the host. */
const readNsids = (raw: RawOutputs): Parsed<ReadonlyMap<string, number>> => {
  const found = new OutputIndex(raw).find('namespaces');
  const nsids = new Map<string, number>();
  if (found === null || found.text.trim() === '') return { value: nsids, problems: [] };
  let document: unknown;
  try {
    document = JSON.parse(found.text);
  } catch (error) {
    return { value: nsids, problems: [`${found.command}: not JSON (${messageOf(error)})`] };
  }
  const problems = shapeProblems(document, NAMESPACES, found.command);
  for (const entry of asArray(asObject(document)?.['namespaces']) ?? []) {
    const item = asObject(entry);
    const inode = asNumber(item?.['ns']);
    const nsid = asNumber(item?.['netnsid']);
    if (inode !== null && nsid !== null) nsids.set(String(inode), nsid);
  }
  return { value: nsids, problems };
};
