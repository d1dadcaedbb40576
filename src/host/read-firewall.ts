/**
 * The rules of all backends together. Tables that iptables-nft manages show in `nft -j list ruleset` too, with iptables' extensions
 * opaque: they are read from iptables-nft-save, and from nft what that cannot print, be it tables, base chains or single rules.
 */
import { reconcile } from '../netfilter/nft/managed.ts';
import type { ManagedTable, NftTable } from '../netfilter/nft/ruleset.ts';
import type { Ruleset, Table } from '../netfilter/ruleset.ts';
import type { Parsed } from './json-value.ts';
import type { OutputIndex } from './raw-outputs.ts';
import { readNftables } from './read-nftables.ts';
import { readRulesets } from './read-rulesets.ts';

export interface Firewall {
  readonly rulesets: readonly Ruleset[];
  /** Native tables, and the native chains of tables that iptables-nft manages; null where nft could not be read. */
  readonly nftables: readonly NftTable[] | null;
}

export const readFirewall = (outputs: OutputIndex): Parsed<Firewall> => {
  const { value: saved, problems } = readRulesets(outputs);
  const found = outputs.find('nft');
  if (found === null) return { value: { rulesets: saved, nftables: null }, problems };
  const read = readNftables(found.text, found.command, managedTables(saved), outputs.find('nftChains')?.text ?? null);
  const all = [...problems, ...read.problems];
  if (read.value === null) return { value: { rulesets: saved, nftables: null }, problems: all };
  const { tables, managed } = read.value;
  const native: NftTable[] = [...tables];
  const rulesets = saved
    .map((ruleset) => withoutIncompatible(ruleset, tables))
    .map((ruleset) => (ruleset.backend === 'nft' ? reconciled(ruleset, managed, native, all) : ruleset));
  return { value: { rulesets, nftables: native }, problems: all };
};

/** Puts native chains of managed tables to the native tables. */
const reconciled = (ruleset: Ruleset, managed: readonly ManagedTable[], native: NftTable[], problems: string[]): Ruleset => {
  const tables = ruleset.tables.map((table) => {
    const read = managed.find(({ family, name }) => family === ruleset.family && name === table.name);
    if (read === undefined) return table;
    const answer = reconcile(table, read);
    problems.push(...answer.problems);
    if (answer.native !== null) native.push(answer.native);
    return answer.table;
  });
  return tables.every((table, at) => table === ruleset.tables[at]) ? ruleset : { ...ruleset, tables };
};

/** Tables that iptables-nft manages, as `family name`. */
const managedTables = (rulesets: readonly Ruleset[]): ReadonlySet<string> =>
  new Set(
    rulesets
      .filter((ruleset) => ruleset.backend === 'nft')
      .flatMap((ruleset) => ruleset.tables.filter((table) => !isIncompatible(table)).map((table) => `${ruleset.family} ${table.name}`)),
  );

/** iptables-nft-save names a table that it cannot print, and nothing of what is in it. */
const isIncompatible = ({ chains }: Table): boolean =>
  chains.length > 0 && chains.every(({ rules }) => rules.length > 0 && rules.every(({ text }) => text.startsWith('# Table ')));

/** What iptables-nft-save could not print is read from nft, where nft has it. */
const withoutIncompatible = (ruleset: Ruleset, native: readonly NftTable[]): Ruleset => {
  const isNative = (table: Table): boolean =>
    isIncompatible(table) && native.some(({ family, name }) => family === ruleset.family && name === table.name);
  return ruleset.backend === 'nft' && ruleset.tables.some(isNative)
    ? { ...ruleset, tables: ruleset.tables.filter((table) => !isNative(table)) }
    : ruleset;
};
