/**
 * The devices of ingress and egress chains out of nft's plain text (`nft list chains`, `nft list ruleset`), where its JSON leaves them
 * out: before nftables 1.0.7 it printed none, and of several devices only later ones. chain_print_declaration in src/rule.c of nftables.
 */
import type { NftTable } from './ruleset.ts';

/** `family table chain` -> its devices. */
export type ChainDevices = ReadonlyMap<string, readonly string[]>;

const TABLE = /^table (\S+) (\S+) \{/;
const CHAIN = /^\s+chain (\S+) \{/;
const BASE = /^\s+type \S+ hook (?:ingress|egress) (?:device "([^"]+)"|devices = \{ ([^}]*) \}) priority /;

export const parseChainDevices = (text: string): ChainDevices => {
  const devices = new Map<string, readonly string[]>();
  let table = '';
  let chain = '';
  for (const line of text.split('\n')) {
    const [, family, name] = TABLE.exec(line) ?? [];
    if (family !== undefined && name !== undefined) table = `${family} ${name}`;
    chain = CHAIN.exec(line)?.[1] ?? chain;
    const [, one, several] = BASE.exec(line) ?? [];
    if (one !== undefined) devices.set(`${table} ${chain}`, [one]);
    else if (several !== undefined) devices.set(`${table} ${chain}`, several.split(',').map(unquoted).filter(Boolean));
  }
  return devices;
};

const unquoted = (word: string): string => word.trim().replace(/^"(.*)"$/, '$1');

/** What the JSON says goes first. */
export const withChainDevices = (table: NftTable, known: ChainDevices): NftTable => ({
  ...table,
  chains: table.chains.map((chain) => {
    const { base } = chain;
    const devices = known.get(`${table.family} ${table.name} ${chain.name}`);
    return base === null || base.devices.length > 0 || devices === undefined ? chain : { ...chain, base: { ...base, devices } };
  }),
});
