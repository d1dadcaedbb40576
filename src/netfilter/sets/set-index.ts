/** Whether a packet is in a set. Each set is read once into an index. ip_set_core.c (ip_set_test), ip_set_hash_gen.h, ip_set_list_set.c. */
import { compareIp, type IpAddress, inPrefix, prefixOf } from '../../base/ip-address.ts';
import type { MatchEnv } from '../evaluation.ts';
import type { IpSet } from '../ipset.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE } from '../protocols.ts';
import type { Skb } from '../skb.ts';
import { DEFAULT_PORT_PROTOCOL, type Dimension, dimensionsOf, knowsNomatch, type Part, parseElement } from './set-type.ts';

/** For each dimension, whether the rule means the packet's source or destination. */
export type Directions = readonly ('src' | 'dst')[];

/** `nomatch`: the packet is in an element that is marked so. A text says why nobody can know. */
type Found = 'yes' | 'no' | 'nomatch';

interface Element {
  readonly parts: readonly Part[];
  readonly nomatch: boolean;
}

interface Index {
  readonly dimensions: readonly Dimension[];
  /** Elements that are one address or one net, by prefix length, the longest first. */
  readonly byLength: readonly { readonly length: number; readonly nomatchByAddress: ReadonlyMap<number | string, boolean> }[];
  /** All others, the most specific first. */
  readonly others: readonly Element[];
  /** An element that could not be read. */
  readonly unreadable: string | null;
}

export class SetIndexes {
  readonly #indexes = new WeakMap<IpSet, Index | string>();

  /** What `-m set --match-set NAME DIRECTIONS` says; a text where it cannot be known. */
  contains(name: string, directions: Directions, skb: Skb, env: MatchEnv, returnNomatch: boolean): boolean | string {
    const set = env.ipset(name);
    if (set === null) return `what the set ${name} holds is not known`;
    if (set.type === 'list:set') return this.#inAnyMember(set, directions, skb, env, returnNomatch);
    if (set.family !== null && (set.family === 'inet' ? 4 : 6) !== skb.family) return false;
    const index = this.#indexOf(set);
    if (typeof index === 'string') return index;
    if (directions.length < index.dimensions.length) return false;
    const found = look(index, set, directions, skb);
    if (found !== 'yes' && found !== 'no' && found !== 'nomatch') return found;
    if (found === 'no' && index.unreadable !== null) return index.unreadable;
    return returnNomatch && knowsNomatch(index.dimensions) ? found === 'nomatch' : found === 'yes';
  }

  #inAnyMember(set: IpSet, directions: Directions, skb: Skb, env: MatchEnv, returnNomatch: boolean): boolean | string {
    let unknown: string | null = null;
    for (const entry of set.entries) {
      // A list cannot hold lists, which the kernel refuses and which would have no end here.
      if (env.ipset(entry.element)?.type === 'list:set') return `the set ${set.name} lists another list`;
      const answer = this.contains(entry.element, directions, skb, env, returnNomatch);
      if (answer === true) return true;
      if (typeof answer === 'string') unknown = answer;
    }
    return unknown ?? false;
  }

  #indexOf(set: IpSet): Index | string {
    const known = this.#indexes.get(set);
    if (known !== undefined) return known;
    const index = buildIndex(set);
    this.#indexes.set(set, index);
    return index;
  }
}

const buildIndex = (set: IpSet): Index | string => {
  const dimensions = dimensionsOf(set.type);
  if (dimensions === null) return `sets of type ${set.type} are not understood`;
  const byLength = new Map<number, Map<number | string, boolean>>();
  const others: Element[] = [];
  let unreadable: string | null = null;
  for (const entry of set.entries) {
    const parts = parseElement(entry.element, dimensions, entry.wildcard === true);
    const first = parts?.[0];
    if (parts === null || first === undefined) unreadable = `the element ${entry.element} of the set ${set.name} is not understood`;
    else if (parts.length === 1 && first.kind === 'prefix' && first.prefix.length !== null) {
      const nets = byLength.get(first.prefix.length) ?? new Map<number | string, boolean>();
      nets.set(addressKey(first.prefix.address), entry.nomatch);
      byLength.set(first.prefix.length, nets);
    } else others.push({ parts, nomatch: entry.nomatch });
  }
  return {
    dimensions,
    byLength: [...byLength].sort(([x], [y]) => y - x).map(([length, nomatchByAddress]) => ({ length, nomatchByAddress })),
    others: others.sort((x, y) => compareSpecific(x, y)),
    unreadable,
  };
};

const addressKey = (ip: IpAddress): number | string => (ip.version === 4 ? ip.a : `${ip.a},${ip.b},${ip.c},${ip.d}`);

/** mtype_test_cidrs tries the lengths of the first net from the longest, and within one those of the second. */
const compareSpecific = (x: Element, y: Element): number => {
  for (let i = 0; i < x.parts.length; i++) {
    const difference = lengthOf(y.parts[i]) - lengthOf(x.parts[i]);
    if (difference !== 0) return difference;
  }
  return 0;
};

const lengthOf = (part: Part | undefined): number => (part?.kind === 'prefix' ? (part.prefix.length ?? 0) : 0);

const look = (index: Index, set: IpSet, directions: Directions, skb: Skb): Found | string => {
  if (index.byLength.length > 0) {
    const ip = maskedQuery(set, directions[0] === 'src' ? skb.src : skb.dst);
    for (const { length, nomatchByAddress } of index.byLength) {
      const nomatch = nomatchByAddress.get(addressKey(prefixOf(ip, length).address));
      if (nomatch !== undefined) return nomatch ? 'nomatch' : 'yes';
    }
  }
  let unknown: string | null = null;
  for (const element of index.others) {
    const answer = inElement(element, index.dimensions, set, directions, skb);
    if (answer === true) return unknown ?? (element.nomatch ? 'nomatch' : 'yes');
    if (typeof answer === 'string') unknown = answer;
  }
  return unknown ?? 'no';
};

const inElement = (element: Element, dimensions: readonly Dimension[], set: IpSet, directions: Directions, skb: Skb): boolean | string => {
  let unknown: string | null = null;
  for (let i = 0; i < element.parts.length; i++) {
    const answer = inPart(element.parts[i] as Part, dimensions, set, directions[i] as 'src' | 'dst', skb);
    if (answer === false) return false;
    if (typeof answer === 'string') unknown = answer;
  }
  return unknown ?? true;
};

const inPart = (part: Part, dimensions: readonly Dimension[], set: IpSet, direction: 'src' | 'dst', skb: Skb): boolean | string => {
  switch (part.kind) {
    case 'prefix':
      return inPrefix(maskedQuery(set, direction === 'src' ? skb.src : skb.dst), part.prefix);
    case 'addresses': {
      const ip = direction === 'src' ? skb.src : skb.dst;
      return ip.version === part.from.version && compareIp(ip, part.from) >= 0 && compareIp(ip, part.to) <= 0;
    }
    case 'port': {
      const bitmap = dimensions.length === 1;
      const port = portOf(skb, direction, bitmap);
      if (typeof port !== 'number') return port;
      if (!bitmap && skb.protocol !== (part.protocol ?? DEFAULT_PORT_PROTOCOL)) return false;
      return port >= part.from && port <= part.to;
    }
    case 'mac':
      if (!skb.hasMac) return false;
      if (part.mac === null) return true;
      if (direction === 'dst') return "the packet's destination MAC address is not looked at";
      return skb.srcMac === null ? "the packet's source MAC address is not known" : skb.srcMac === part.mac;
    case 'iface': {
      if (part.physdev) return `which bridge port the element physdev:${part.name} of the set ${set.name} meets is not known`;
      const device = direction === 'src' ? skb.inDev : skb.outDev;
      if (device === null) return false;
      return part.wildcard ? device.startsWith(part.name) : device === part.name;
    }
    case 'mark': {
      const mask = Number(set.options['markmask'] ?? 0xffff_ffff);
      return skb.markUnknown ?? (skb.mark & mask) >>> 0 === part.mark;
    }
  }
};

/** ip_set_get_ip4_port: type and code stand for the port of ICMP, and other protocols have port 0. Later fragments are in no set. */
const portOf = (skb: Skb, direction: 'src' | 'dst', bitmap: boolean): number | string | false => {
  switch (skb.protocol) {
    case IPPROTO_SCTP:
    case IPPROTO_UDPLITE:
      if (bitmap) return false;
      break;
    case IPPROTO_TCP:
    case IPPROTO_UDP:
      break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      if (bitmap || skb.fragmentOffset !== 0) return false;
      if (skb.icmpType === null || skb.icmpCode === null) return "the packet's ICMP type and code are not known";
      return skb.icmpType * 256 + skb.icmpCode;
    default:
      return bitmap ? false : 0;
  }
  if (skb.fragmentOffset !== 0) return false;
  return (direction === 'src' ? skb.srcPort : skb.dstPort) ?? "the packet's ports are not known";
};

/** A set created with `netmask` keeps nets where others keep addresses. */
const maskedQuery = (set: IpSet, ip: IpAddress): IpAddress => {
  const netmask = set.options['netmask'];
  return netmask !== undefined && /^\d+$/.test(netmask) ? prefixOf(ip, Number(netmask)).address : ip;
};
