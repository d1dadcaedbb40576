/**
 * `nft -j list ruleset`: native tables, and apart from them those that iptables-nft manages, by name and family. What iptables-nft-save
 * calls incompatible it does not print: then it is native.
 */
import { parseChainDevices, withChainDevices } from '../netfilter/nft/chain-devices.ts';
import { parseNftables } from '../netfilter/nft/parse.ts';
import type { ManagedTable, NftTable } from '../netfilter/nft/ruleset.ts';
import type { Parsed } from './json-value.ts';

export interface NftTables {
  readonly tables: readonly NftTable[];
  readonly managed: readonly ManagedTable[];
}

/** `managed` holds `family name` of the tables that iptables-nft-save printed; `chains` is the plain listing, null where it was not read or is not needed. */
export const readNftables = (
  text: string,
  command: string,
  managed: ReadonlySet<string>,
  chains: string | null = null,
): Parsed<NftTables | null> => {
  const parsed = parseNftables(text, (family, table) => managed.has(`${family} ${table}`));
  if ('problem' in parsed) return { value: null, problems: [`${command}: ${parsed.problem}`] };
  const devices = chains === null ? null : parseChainDevices(chains);
  const tables = devices === null ? parsed.tables : parsed.tables.map((table) => withChainDevices(table, devices));
  return { value: { tables, managed: parsed.managed }, problems: parsed.problems.map((problem) => `${command}: ${problem}`) };
};
