/**
 * `nft -j list ruleset`, native tables only. Tables that iptables-nft manages show here too, with their extensions opaque; they are read
 * from iptables-nft-save and left out here, by name and family. What that program calls incompatible it does not print: then it is here.
 */
import { parseChainDevices, withChainDevices } from '../netfilter/nft/chain-devices.ts';
import { parseNftables } from '../netfilter/nft/parse.ts';
import type { NftTable } from '../netfilter/nft/ruleset.ts';
import type { Parsed } from './json-value.ts';

/** `managed` holds `family name` of the tables that iptables-nft-save printed; `chains` is the plain listing, null where it was not read or is not needed. */
export const readNftables = (
  text: string,
  command: string,
  managed: ReadonlySet<string>,
  chains: string | null = null,
): Parsed<readonly NftTable[] | null> => {
  const parsed = parseNftables(text, (family, table) => managed.has(`${family} ${table}`));
  if ('problem' in parsed) return { value: null, problems: [`${command}: ${parsed.problem}`] };
  const devices = chains === null ? null : parseChainDevices(chains);
  const tables = devices === null ? parsed.tables : parsed.tables.map((table) => withChainDevices(table, devices));
  return { value: tables, problems: parsed.problems.map((problem) => `${command}: ${problem}`) };
};
