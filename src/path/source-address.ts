/**
 * The address that the kernel chooses for what it sends or masquerades: inet_select_addr in net/ipv4/devinet.c, ipv6_dev_get_saddr in
 * net/ipv6/addrconf.c (RFC 6724 section 5), and REDIRECT's in nf_nat_redirect.c.
 */
import { type IpAddress, inPrefix, ipv4, ipv6, parsePrefix, sameIp } from '../base/ip-address.ts';
import type { InterfaceAddress, Link } from '../host/facts.ts';
import { isLinkLocal, isLoopback, isMulticast } from './address-kinds.ts';

/** Where addresses are looked for: all of the namespace, and those of one device in the kernel's order. */
export interface AddressBook {
  readonly addresses: readonly InterfaceAddress[] | null;
  readonly links: readonly Link[] | null;
  addressesOf(dev: string): readonly InterfaceAddress[];
}

/** `dst`: for IPv4 the next hop, for IPv6 the packet's destination. Null where there is none, or where it is not known. */
export const selectAddress = (book: AddressBook, dev: string, dst: IpAddress): IpAddress | null =>
  dst.version === 4 ? select4(book, dev, dst) : select6(book, dev, dst);

/** RT_SCOPE_UNIVERSE only: addresses of narrower scope are not for the world. */
const select4 = (book: AddressBook, dev: string, dst: IpAddress): IpAddress | null => {
  const usable = (entry: InterfaceAddress): boolean => entry.ip.version === 4 && !entry.secondary && entry.scope === 'global';
  const own = book.addressesOf(dev).filter(usable);
  const chosen = own.find((entry) => inPrefix(dst, entry.prefix)) ?? own[0];
  if (chosen !== undefined || book.addresses === null) return chosen?.ip ?? null;
  // A device without an address of its own borrows one of another device, in the order of their numbers.
  const order = book.links?.map((link) => link.name) ?? [...new Set(book.addresses.map((entry) => entry.interface))];
  for (const name of order) {
    const borrowed = book.addressesOf(name).find(usable);
    if (borrowed !== undefined) return borrowed.ip;
  }
  return null;
};

const has = (entry: InterfaceAddress, flag: string): boolean => entry.flags?.includes(flag) === true;

const select6 = (book: AddressBook, dev: string, dst: IpAddress): IpAddress | null => {
  const narrow = isMulticast(dst) || isLinkLocal(dst);
  const candidates = (narrow ? book.addressesOf(dev) : (book.addresses ?? book.addressesOf(dev))).filter(
    (entry) => entry.ip.version === 6 && !has(entry, 'dadfailed') && (!has(entry, 'tentative') || has(entry, 'optimistic')),
  );
  // Loopback's own address is only for itself.
  const sorted = candidates
    .filter((entry) => !isLoopback(entry.ip) || isLoopback(dst))
    .map((entry) => ({ entry, score: scoreOf(entry, dev, dst) }))
    .reduce<{ readonly entry: InterfaceAddress; readonly score: readonly number[] } | null>(
      (best, next) => (best === null || greater(next.score, best.score) ? next : best),
      null,
    );
  return sorted?.entry.ip ?? null;
};

const greater = (x: readonly number[], y: readonly number[]): boolean => {
  for (const [at, value] of x.entries()) if (value !== y[at]) return value > (y[at] as number);
  return false;
};

/** The rules of RFC 6724 in their order, each as a number of which the greater wins. */
const scoreOf = (entry: InterfaceAddress, dev: string, dst: IpAddress): readonly number[] => {
  const scope = scopeOf(entry.ip);
  const wanted = scopeOf(dst);
  return [
    sameIp(entry.ip, dst) ? 1 : 0,
    // Rule 2: the smallest scope that reaches; where none does, the greatest there is.
    scope >= wanted ? 100 - scope : scope - 100,
    has(entry, 'deprecated') || has(entry, 'optimistic') ? 0 : 1,
    entry.interface === dev ? 1 : 0,
    labelOf(entry.ip) === labelOf(dst) ? 1 : 0,
    // Rule 7 as net.ipv6.conf.*.use_tempaddr below 2 has it: public addresses first.
    has(entry, 'temporary') ? 0 : 1,
    Math.min(commonBits(entry.ip, dst), entry.prefix.length ?? 128),
  ];
};

/** IPV6_ADDR_SCOPE: 2 link, 14 global; of a group as it says itself (RFC 4291 section 2.7). */
const scopeOf = (ip: IpAddress): number => {
  if (isMulticast(ip)) return (ip.a >>> 16) & 0xf;
  if (isLoopback(ip)) return 1;
  return isLinkLocal(ip) ? 2 : 14;
};

/** The policy table of net/ipv6/addrlabel.c. */
const LABELS: readonly (readonly [string, number])[] = [
  ['::1/128', 0],
  ['::ffff:0:0/96', 4],
  ['::/96', 3],
  ['2001:10::/28', 7],
  ['2001::/32', 6],
  ['2002::/16', 2],
  ['3ffe::/16', 12],
  ['fec0::/10', 11],
  ['fc00::/7', 5],
];

const LABEL_PREFIXES = LABELS.flatMap(([text, label]) => {
  const prefix = parsePrefix(text);
  return prefix === null ? [] : [{ prefix, label }];
});

const labelOf = (ip: IpAddress): number => LABEL_PREFIXES.find(({ prefix }) => inPrefix(ip, prefix))?.label ?? 1;

const commonBits = (x: IpAddress, y: IpAddress): number => {
  let bits = 0;
  for (const [left, right] of [
    [x.a, y.a],
    [x.b, y.b],
    [x.c, y.c],
    [x.d, y.d],
  ] as const) {
    const same = Math.clz32((left ^ right) >>> 0);
    bits += same;
    if (same < 32) break;
  }
  return bits;
};

/** nf_nat_redirect: loopback for packets made here, else the input device's first address (IPv6: of the destination's scope). */
export const redirectAddress = (book: AddressBook, inDev: string | null, dst: IpAddress): IpAddress | null => {
  if (inDev === null) return dst.version === 4 ? ipv4(0x7f00_0001) : ipv6(0, 0, 0, 1);
  const own = book.addressesOf(inDev).filter((entry) => entry.ip.version === dst.version);
  if (dst.version === 4) return (own.find((entry) => !entry.secondary) ?? own[0])?.ip ?? null;
  const usable = own.filter((entry) => !has(entry, 'tentative') && !has(entry, 'deprecated') && !has(entry, 'dadfailed'));
  // ipv6_addr_scope: ff02::1 asks for an address of the link as fe80::1 does.
  const ofLink = isLinkLocal(dst) || (dst.a & 0xff0f_0000) >>> 0 === 0xff02_0000;
  return usable.find((entry) => isLinkLocal(entry.ip) === ofLink)?.ip ?? null;
};
