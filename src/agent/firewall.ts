/**
 * Reads the firewall of every backend without changing the host. `iptables-legacy -S` and `iptables-legacy-save -t` create the table they
 * list; a plain `iptables-legacy-save` reads only what /proc/net/ip_tables_names already names, and even that runs only where it names one.
 */
import { SNAPSHOT_COMMANDS, type SnapshotCommand } from '../host/snapshot.ts';
import type { Place } from './machine/machine.ts';
import type { RunOptions, RunResult } from './programs.ts';
import { TRACE_TABLE_PREFIX } from './trace-rules.ts';

/** Command -> its output, or why there is none. */
export interface Gathered {
  readonly raw: Record<string, string>;
  readonly missing: Record<string, string>;
}

interface Family {
  readonly family: 'ip' | 'ip6';
  readonly nft: SnapshotCommand;
  readonly legacy: SnapshotCommand;
  readonly plain: SnapshotCommand;
  readonly tables: SnapshotCommand;
  readonly tablesFile: string;
}

const FAMILIES: readonly Family[] = [
  {
    family: 'ip',
    nft: 'iptablesNft',
    legacy: 'iptablesLegacy',
    plain: 'iptables',
    tables: 'legacyTables4',
    tablesFile: '/proc/net/ip_tables_names',
  },
  {
    family: 'ip6',
    nft: 'ip6tablesNft',
    legacy: 'ip6tablesLegacy',
    plain: 'ip6tables',
    tables: 'legacyTables6',
    tablesFile: '/proc/net/ip6_tables_names',
  },
];

export const runCommand = (command: SnapshotCommand, place: Place, options?: RunOptions): Promise<RunResult> => {
  const [program, ...args] = [...place.enter, ...SNAPSHOT_COMMANDS[command].split(' ')];
  return place.machine.run(program as string, args, options);
};

/** Runs one command and files its output, or why there is none. Its stderr is never output: stale namespaces make `ip` complain there. */
export const gather = async (into: Gathered, command: SnapshotCommand, place: Place): Promise<boolean> => {
  const result = await runCommand(command, place);
  if (result.ok) into.raw[SNAPSHOT_COMMANDS[command]] = result.stdout;
  else into.missing[SNAPSHOT_COMMANDS[command]] = result.reason;
  return result.ok;
};

/** The iptables rules of both backends and families. */
export const gatherRules = async (into: Gathered, place: Place): Promise<void> => {
  await Promise.all(FAMILIES.map((family) => gatherFamily(into, family, place)));
};

/** Rules of native nftables and the sets that iptables rules look into. */
export const gatherSets = async (into: Gathered, place: Place): Promise<void> => {
  await Promise.all([gather(into, 'nft', place), gather(into, 'ipset', place)]);
  const key = SNAPSHOT_COMMANDS.nft;
  if (lacksDevices(into.raw[key] ?? '')) await gather(into, 'nftChains', place);
  if (into.raw[key]?.includes(TRACE_TABLE_PREFIX) === true) into.raw[key] = withoutTraceTables(into.raw[key]);
};

/**
 * The same for a namespace that mostly has no rules at all, by fewer programs: iptables-nft is asked only about families that nft has
 * tables of, and for sets only where some rule names one.
 */
export const gatherPresentRules = async (into: Gathered, place: Place): Promise<void> => {
  const listed = await gather(into, 'nft', place);
  if (!listed || FAMILIES.every(({ nft }) => place.machine.find(programOf(nft)) === null)) {
    await Promise.all([gatherRules(into, place), gatherSets(into, place)]);
    return;
  }
  const tables = into.raw[SNAPSHOT_COMMANDS.nft] ?? '';
  if (lacksDevices(tables)) await gather(into, 'nftChains', place);
  await Promise.all(
    FAMILIES.flatMap((family) => {
      const isThere = new RegExp(`"table": ?\\{"family": ?"${family.family}"`).test(tables);
      if (!isThere) into.raw[SNAPSHOT_COMMANDS[family.nft]] = '';
      return [...(isThere ? [gather(into, family.nft, place)] : []), gatherLegacy(into, family, place)];
    }),
  );
  const rules = FAMILIES.flatMap(({ nft, legacy }) => [into.raw[SNAPSHOT_COMMANDS[nft]] ?? '', into.raw[SNAPSHOT_COMMANDS[legacy]] ?? '']);
  if (rules.some((text) => /-set |-j SET /.test(text))) await gather(into, 'ipset', place);
};

/** Older nft names the devices of ingress and egress chains in its plain text only. */
const lacksDevices = (text: string): boolean =>
  [...text.matchAll(/\{[^{}]*"hook": ?"(?:ingress|egress)"[^{}]*\}/g)].some(([chain]) => !/"dev(ices)?":/.test(chain));

/** The tables of running traces are ours and change no packet's fate: they are no facts of the host. */
const withoutTraceTables = (text: string): string => {
  try {
    const document = JSON.parse(text) as { readonly nftables: readonly Readonly<Record<string, { table?: unknown; name?: unknown }>>[] };
    const isOurs = (entry: Readonly<Record<string, { table?: unknown; name?: unknown }>>): boolean =>
      Object.entries(entry).some(([kind, { table, name }]) => String(kind === 'table' ? name : table).startsWith(TRACE_TABLE_PREFIX));
    return JSON.stringify({ ...document, nftables: document.nftables.filter((entry) => !isOurs(entry)) });
  } catch {
    // not what nft prints: the reader says so
    return text;
  }
};

const gatherFamily = async (into: Gathered, family: Family, place: Place): Promise<void> => {
  const hasVariant = [family.nft, family.legacy].some((command) => place.machine.find(programOf(command)) !== null);
  // iptables before 1.8 has one backend and one name
  if (!hasVariant) await Promise.all([gather(into, family.plain, place), gatherLegacyTables(into, family, place)]);
  else await Promise.all([gather(into, family.nft, place), gatherLegacy(into, family, place)]);
};

const gatherLegacy = async (into: Gathered, family: Family, place: Place): Promise<void> => {
  const tables = await gatherLegacyTables(into, family, place);
  if (tables === '') into.raw[SNAPSHOT_COMMANDS[family.legacy]] = '';
  else await gather(into, family.legacy, place);
};

/** Names of the legacy tables that exist, '' where there is none (or no module that could hold one), null where it cannot be said. */
const gatherLegacyTables = async (into: Gathered, family: Family, place: Place): Promise<string | null> => {
  const key = SNAPSHOT_COMMANDS[family.tables];
  if (!(await place.machine.exists(family.tablesFile))) {
    into.raw[key] = '';
    return '';
  }
  const result = await runCommand(family.tables, place);
  if (!result.ok) {
    into.missing[key] = result.reason;
    return null;
  }
  into.raw[key] = result.stdout;
  return result.stdout.trim();
};

const programOf = (command: SnapshotCommand): string => SNAPSHOT_COMMANDS[command].split(' ')[0] as string;
