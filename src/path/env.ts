/** What matches and targets may ask of this host: inet_addr_type, inet_select_addr, xt_rpfilter, xt_policy, sets. Null: not known. */
import { type IpAddress, inPrefix } from '../base/ip-address.ts';
import type { InterfaceAddress, XfrmPolicy } from '../host/facts.ts';
import type { AddressType, DeviceFacts, FibQuestion, MatchEnv } from '../netfilter/evaluation.ts';
import type { IpSet } from '../netfilter/ipset.ts';
import type { Skb } from '../netfilter/skb.ts';
import { isLimitedBroadcast, isLoopback, isMulticast, isZero } from './address-kinds.ts';
import { usesDevice } from './fib.ts';
import { transportFor } from './look-up.ts';
import type { HostModel } from './model.ts';
import { type AddressBook, redirectAddress, selectAddress } from './source-address.ts';

/** `nextHop`: where the packet is being sent, for MASQUERADE's choice among several addresses; null for on-link. */
export const matchEnv = (model: HostModel, nextHop: IpAddress | null): MatchEnv => new HostEnv(model, nextHop);

/** A class, because every chain that a packet meets is given one: nothing but two references is made. */
class HostEnv implements MatchEnv {
  readonly #model: HostModel;
  readonly #nextHop: IpAddress | null;

  constructor(model: HostModel, nextHop: IpAddress | null) {
    this.#model = model;
    this.#nextHop = nextHop;
  }

  addressType(ip: IpAddress, dev: string | null): AddressType | null {
    return addressType(this.#model, ip, dev);
  }

  ipset(name: string): IpSet | null {
    return this.#model.self.ipsets?.find((set) => set.name === name) ?? null;
  }

  masqueradeAddress(dev: string, dst: IpAddress): IpAddress | null {
    return selectAddress(bookOf(this.#model), dev, dst.version === 4 ? (this.#nextHop ?? dst) : dst);
  }

  redirectAddress(skb: Skb): IpAddress | null {
    return redirectAddress(bookOf(this.#model), skb.inDev, skb.dst);
  }

  reversePath(skb: Skb, options: Parameters<MatchEnv['reversePath']>[1]): boolean | null {
    return reversePathMatch(this.#model, skb, options);
  }

  ipsec(skb: Skb, direction: 'in' | 'out'): boolean | null {
    return ipsec(this.#model, skb, direction);
  }

  fibDevice(skb: Skb, question: FibQuestion): { readonly dev: string | null } | null {
    return fibDevice(this.#model, skb, question);
  }

  device(name: string): DeviceFacts | null {
    return deviceFacts(this.#model, name);
  }
}

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

/**
 * xt_policy: without a policy that is about such packets none is under IPsec. Where one is, whether it holds for this packet rests on more
 * (its states, what the peer does), which the way of a tunnel's packets looks into (overlay/ipsec.ts).
 */
const ipsec = (model: HostModel, skb: Skb, direction: 'in' | 'out'): boolean | null => {
  if (direction === 'in' && model.decrypted === true) return true;
  const policies = model.self.xfrmPolicies ?? null;
  if (policies === null) return null;
  return policies.some((policy) => isAbout(policy, skb)) ? null : false;
};

/** xfrm_selector_match; a port that is not known may be the policy's. The mark is that of the packet as it is here. */
export const isAbout = ({ src, dst, protocol, sport, dport, mark }: XfrmPolicy, skb: Skb): boolean =>
  covered(skb.src, src) &&
  covered(skb.dst, dst) &&
  (protocol === undefined || protocol === skb.protocol) &&
  (sport === undefined || skb.srcPort === null || sport === skb.srcPort) &&
  (dport === undefined || skb.dstPort === null || dport === skb.dstPort) &&
  (mark === undefined || skb.markUnknown !== undefined || (skb.mark & mark.mask) >>> 0 === (mark.value & mark.mask) >>> 0);

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

/** nft_fib4_eval and nft_fib6_eval: the device that the best route uses; with a device asked for, that one where the route may use it. */
const fibDevice = (model: HostModel, skb: Skb, question: FibQuestion): { readonly dev: string | null } | null => {
  const { address, mark, dev: which, hook } = question;
  const dev = which === 'iif' ? skb.inDev : which === 'oif' ? skb.outDev : null;
  if (hook === 'prerouting' && (skb.inDev === 'lo' || skb.packetType === 'loopback')) return { dev: skb.inDev };
  const [dst, src] = address === 'daddr' ? [skb.dst, skb.src] : [skb.src, skb.dst];
  const answers = model.fib.lookup({
    dst,
    src,
    iif: 'lo',
    oif: null,
    mark: mark ? skb.mark : 0,
    tos: skb.tos,
    transport: transportFor(skb, address === 'daddr' ? 'there' : 'back'),
  });
  let known: { readonly dev: string | null } | null = null;
  for (const { result } of answers) {
    if (result.kind === 'unknown') return null;
    // A local route is none for this question.
    const route = result.kind === 'route' && result.route.type !== 'local' ? result.route : null;
    const found = {
      dev: route === null || result.kind !== 'route' ? null : dev === null ? result.hop.dev : usesDevice(route, dev) ? dev : null,
    };
    if (known !== null && known.dev !== found.dev) return null;
    known = found;
  }
  return known;
};

const deviceFacts = (model: HostModel, name: string): DeviceFacts | null => {
  const link = model.links?.get(name);
  if (link === undefined) return null;
  return {
    kind: link.kind,
    linkType: link.flags.includes('LOOPBACK') ? 'loopback' : link.mac === null ? null : 'ether',
    group: null,
    bridge: link.master !== null && model.isBridge(link.master) ? link.master : model.isBridge(name) ? name : null,
  };
};
