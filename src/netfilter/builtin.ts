/** The built-in chains: which table has which, where they are hooked in and at what priority. netfilter_ipv4.h; iptables' nft.c. */
import type { Backend, Hook } from './ruleset.ts';

export const HOOK_OF_CHAIN: Readonly<Record<string, Hook>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};

export const BUILTIN_CHAINS: Readonly<Record<string, readonly string[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** NF_IP_PRI_RAW, _MANGLE, _NAT_DST, _FILTER, _SECURITY, _NAT_SRC. */
export const PRI_RAW = -300;
export const PRI_CONNTRACK = -200;
export const PRI_MANGLE = -150;
export const PRI_NAT_DST = -100;
export const PRI_FILTER = 0;
export const PRI_SECURITY = 50;
/** What iptables-nft gives its security chains (xtables_ipv4 in nft.c), unlike the kernel's own table. */
export const PRI_SECURITY_NFT = 150;
export const PRI_NAT_SRC = 100;

export const isBuiltin = (table: string, chain: string): boolean =>
  Object.hasOwn(BUILTIN_CHAINS, table) && (BUILTIN_CHAINS[table] as readonly string[]).includes(chain);

/** Null for a table that iptables does not have. */
export const priorityOf = (backend: Backend, table: string, hook: Hook): number | null => {
  switch (table) {
    case 'raw':
      return PRI_RAW;
    case 'mangle':
      return PRI_MANGLE;
    case 'nat':
      return hook === 'prerouting' || hook === 'output' ? PRI_NAT_DST : PRI_NAT_SRC;
    case 'filter':
      return PRI_FILTER;
    case 'security':
      return backend === 'legacy' ? PRI_SECURITY : PRI_SECURITY_NFT;
    default:
      return null;
  }
};
