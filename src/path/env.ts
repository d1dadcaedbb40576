/** What matches and targets may ask of this host: inet_addr_type, inet_select_addr, xt_rpfilter, xt_policy, sets. Null: not known. */
import { type IpAddress, inPrefix } from '../base/ip-address.ts';
import type { InterfaceAddress } from '../host/facts.ts';
import type { AddressType, MatchEnv } from '../netfilter/evaluation.ts';
import type { Skb } from '../netfilter/skb.ts';
import { isLimitedBroadcast, isLoopback, isMulticast, isZero } from './address-kinds.ts';
import { usesDevice } from './fib.ts';
import { transportFor } from './look-up.ts';
import type { HostModel } from './model.ts';
import { type AddressBook, redirectAddress, selectAddress } from './source-address.ts';

/** `nextHop`: where the packet is being sent, for MASQUERADE's choice among several addresses; null for on-link. */
export const matchEnv = (model: HostModel, nextHop: IpAddress | null): MatchEnv => ({
  addressType: (ip, dev) => addressType(model, ip, dev),
  ipset: (name) => model.self.ipsets?.find((set) => set.name === name) ?? null,
  masqueradeAddress: (dev, dst) => selectAddress(bookOf(model), dev, dst.version === 4 ? (nextHop ?? dst) : dst),
  redirectAddress: (skb) => redirectAddress(bookOf(model), skb.inDev, skb.dst),
  reversePath: (skb, options) => reversePathMatch(model, skb, options),
  ipsec: (skb) => ipsec(model, skb),
});

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

/** Where the host's own addresses stand. */
export const bookOf = (model: HostModel): AddressBook => ({
  addresses: model.self.addresses,
  links: model.self.links,
  addressesOf: (dev) => model.addressesOf(dev),
});

/** xt_policy: without a policy that is about such packets none is under IPsec; whether one that is has states is not in the facts. */
const ipsec = (model: HostModel, skb: Skb): boolean | null => {
  const policies = model.self.xfrmPolicies ?? null;
  if (policies === null) return null;
  return policies.some(({ src, dst }) => covered(skb.src, src) && covered(skb.dst, dst)) ? null : false;
};

const covered = (ip: IpAddress, prefix: InterfaceAddress['prefix']): boolean =>
  prefix.address.version === ip.version && inPrefix(ip, prefix);

const reversePathMatch: (model: HostModel, skb: Skb, options: Parameters<MatchEnv['reversePath']>[1]) => boolean | null = (
  model,
  skb,
  options,
) => {
  const dev = skb.inDev;
  if (dev === null) return null;
  const answers = model.fib.lookup({
    dst: skb.src,
    src: null,
    iif: 'lo',
    oif: null,
    mark: options.validMark ? skb.mark : 0,
    tos: skb.tos,
    transport: transportFor(skb, 'back'),
  });
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
