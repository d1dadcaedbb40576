/**
 * Rules and chains in nft's own words, as `nft -s list ruleset` has them: without the state of counters, quotas and limits, without
 * handles, addresses and ports as numbers. src/rule.c, src/statement.c of nftables.
 */
import { quote } from './print-constants.ts';
import type { NftBase, NftFamily } from './ruleset.ts';
import type { CompiledStatement } from './statement.ts';

export const ruleText = (statements: readonly CompiledStatement[], comment: string | null): string => {
  const words = statements.map(({ text }) => text);
  return [...words, ...(comment === null ? [] : [`comment ${quote(comment)}`])].join(' ');
};

const PRIORITIES: readonly (readonly [string, number])[] = [
  ['raw', -300],
  ['mangle', -150],
  ['dstnat', -100],
  ['filter', 0],
  ['security', 50],
  ['srcnat', 100],
];

const BRIDGE_PRIORITIES: readonly (readonly [string, number])[] = [
  ['dstnat', -300],
  ['filter', -200],
  ['out', 100],
  ['srcnat', 300],
];

/** prio2str of src/rule.c: a name where one is near, else the number. */
export const priorityText = (family: NftFamily, hook: string, priority: number): string => {
  const names = family === 'bridge' ? BRIDGE_PRIORITIES : family === 'netdev' || family === 'arp' ? ([['filter', 0]] as const) : PRIORITIES;
  for (const [name, value] of names) {
    if ((name === 'dstnat' && hook !== 'prerouting') || (name === 'srcnat' && hook !== 'postrouting')) continue;
    const distance = priority - value;
    if (Math.abs(distance) > 10) continue;
    return distance === 0 ? name : `${name} ${distance < 0 ? '-' : '+'} ${Math.abs(distance)}`;
  }
  return String(priority);
};

/** The line that makes a chain a base chain: `type filter hook forward priority filter; policy drop;`. */
export const baseText = (family: NftFamily, { type, hook, priority, policy, devices }: NftBase): string => {
  const where =
    devices.length === 0
      ? ''
      : devices.length === 1
        ? ` device ${quote(devices[0] as string)}`
        : ` devices = { ${devices.map((device) => quote(device)).join(', ')} }`;
  return `type ${type} hook ${hook}${where} priority ${priorityText(family, hook, priority)}; policy ${policy};`;
};
