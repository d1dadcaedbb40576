/** What matches and targets may ask of this host: inet_addr_type, inet_select_addr, xt_rpfilter, sets. Null: not known. */
import { type IpAddress, inPrefix, ipv4, ipv6 } from '../base/ip-address.ts';
import type { InterfaceAddress } from '../host/facts.ts';
import type { AddressType, MatchEnv } from '../netfilter/evaluation.ts';
import type { Skb } from '../netfilter/skb.ts';
import { usesDevice } from './fib.ts';
import type { HostModel } from './model.ts';

/** `nextHop`: where the packet is being sent, for MASQUERADE's choice among several addresses; null for on-link. */
export const matchEnv = (model: HostModel, nextHop: IpAddress | null): MatchEnv => ({
  addressType: (ip, dev) => addressType(model, ip, dev),
  ipset: (name) => model.self.ipsets?.find((set) => set.name === name) ?? null,
  masqueradeAddress: (dev, dst) => selectAddress(model, dev, nextHop ?? dst),
  redirectAddress: (skb) => redirectAddress(model, skb),
  reversePath: (skb, options) => reversePathMatch(model, skb, options),
});

export const isLoopback = (ip: IpAddress): boolean =>
  ip.version === 4 ? ip.a >>> 24 === 127 : ip.a === 0 && ip.b === 0 && ip.c === 0 && ip.d === 1;

export const isMulticast = (ip: IpAddress): boolean => (ip.version === 4 ? ip.a >>> 28 === 0xe : ip.a >>> 24 === 0xff);

export const isLimitedBroadcast = (ip: IpAddress): boolean => ip.version === 4 && ip.a === 0xffff_ffff;

export const isZero = (ip: IpAddress): boolean =>
  ip.version === 4 ? ip.a >>> 24 === 0 : ip.a === 0 && ip.b === 0 && ip.c === 0 && ip.d === 0;

export const isLinkLocal = (ip: IpAddress): boolean => ip.version === 6 && (ip.a & 0xffc0_0000) >>> 0 === 0xfe80_0000;

const ROUTE_TO_ADDRESS_TYPE: Readonly<Record<string, AddressType>> = {
  unicast: 'UNICAST',
  local: 'LOCAL',
  broadcast: 'BROADCAST',
  anycast: 'ANYCAST',
  multicast: 'MULTICAST',
  blackhole: 'BLACKHOLE',
  unreachable: 'UNREACHABLE',
  prohibit: 'PROHIBIT',
  throw: 'THROW',
};

/** __inet_dev_addr_type looks into the local table only; match_lookup_rt6 into the routes. */
export const addressType = (model: HostModel, ip: IpAddress, dev: string | null): AddressType | null => {
  if (ip.version === 4 && (isZero(ip) || isLimitedBroadcast(ip))) return 'BROADCAST';
  if (isMulticast(ip)) return 'MULTICAST';
  if (!model.fib.known(ip.version)) {
    // Without routes the addresses still tell what is local; nothing tells what is not, unless they were read.
    if (model.self.addresses === null) return null;
    return model.self.addresses.some((entry) => covers(entry, ip)) ? 'LOCAL' : 'UNICAST';
  }
  const route = model.fib.inTable('local', ip, dev);
  if (route === null || (dev !== null && !usesDevice(route, dev))) return 'UNICAST';
  return ROUTE_TO_ADDRESS_TYPE[route.type] ?? 'UNICAST';
};

const covers = (entry: InterfaceAddress, ip: IpAddress): boolean =>
  isLoopback(entry.ip) && entry.ip.version === 4 ? inPrefix(ip, entry.prefix) : entry.ip.version === ip.version && same(entry.ip, ip);

const same = (x: IpAddress, y: IpAddress): boolean => x.a === y.a && x.b === y.b && x.c === y.c && x.d === y.d;

export const isLocalAddress = (model: HostModel, ip: IpAddress): boolean | null => {
  const type = addressType(model, ip, null);
  return type === null ? null : type === 'LOCAL';
};

/**
 * inet_select_addr: the first primary address of global scope whose subnet holds the destination, else the first at all;
 * ipv6_dev_get_saddr, of which this follows the rule of equal scope only (RFC 6724 section 5).
 */
export const selectAddress = (model: HostModel, dev: string, dst: IpAddress): IpAddress | null => {
  const own = model.addressesOf(dev).filter((entry) => entry.ip.version === dst.version && !entry.secondary);
  if (dst.version === 6) {
    const wanted = isLinkLocal(dst) ? own.filter((entry) => isLinkLocal(entry.ip)) : own.filter((entry) => !isLinkLocal(entry.ip));
    return (wanted.find((entry) => inPrefix(dst, entry.prefix)) ?? wanted[0])?.ip ?? null;
  }
  const usable = own.filter((entry) => entry.scope === 'global' || entry.scope === 'site');
  const chosen = usable.find((entry) => inPrefix(dst, entry.prefix)) ?? usable[0];
  if (chosen !== undefined || model.self.addresses === null) return chosen?.ip ?? null;
  // A device without an address of its own borrows one of another device.
  return model.self.addresses.find((entry) => entry.ip.version === 4 && entry.scope === 'global' && !entry.secondary)?.ip ?? null;
};

/** nf_nat_redirect: loopback for packets made here, else the input device's primary address. */
const redirectAddress = (model: HostModel, skb: Skb): IpAddress | null => {
  if (skb.inDev === null) return skb.family === 4 ? ipv4(0x7f00_0001) : ipv6(0, 0, 0, 1);
  const own = model.addressesOf(skb.inDev).filter((entry) => entry.ip.version === skb.family && !entry.secondary);
  if (skb.family === 4) return own[0]?.ip ?? null;
  return (own.find((entry) => isLinkLocal(entry.ip) === isLinkLocal(skb.dst)) ?? own[0])?.ip ?? null;
};

const reversePathMatch: (model: HostModel, skb: Skb, options: Parameters<MatchEnv['reversePath']>[1]) => boolean | null = (
  model,
  skb,
  options,
) => {
  const dev = skb.inDev;
  if (dev === null) return null;
  const answers = model.fib.lookup({ dst: skb.src, src: null, iif: 'lo', oif: null, mark: options.validMark ? skb.mark : 0, tos: skb.tos });
  let known: boolean | null = null;
  for (const { result } of answers) {
    if (result.kind === 'unknown') return null;
    const ok =
      result.kind === 'route' &&
      (result.route.type === 'unicast' || (result.route.type === 'local' && options.acceptLocal)) &&
      (options.loose || usesDevice(result.route, dev));
    if (known !== null && known !== ok) return null;
    known = ok;
  }
  return known;
};
