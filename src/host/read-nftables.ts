/**
 * `nft -j list ruleset`, native tables only. Tables that iptables-nft manages show here too, with their extensions opaque; they are read
 * from iptables-nft-save and left out here, by name and family. What that program calls incompatible it does not print: then it is here.
 */
import { parseNftables } from '../netfilter/nft/parse.ts';
import type { NftTable } from '../netfilter/nft/ruleset.ts';
import type { Parsed } from './json-value.ts';

/** `managed` holds `family name` of the tables that iptables-nft-save printed. */
export const readNftables = (text: string, command: string, managed: ReadonlySet<string>): Parsed<readonly NftTable[] | null> => {
  const parsed = parseNftables(text, (family, table) => managed.has(`${family} ${table}`));
  if ('problem' in parsed) return { value: null, problems: [`${command}: ${parsed.problem}`] };
  return { value: parsed.tables, problems: parsed.problems.map((problem) => `${command}: ${problem}`) };
};
