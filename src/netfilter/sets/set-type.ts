/** The dimensions of a set's type and how its elements are read. ipset(8), "SET TYPES". */

import type { IpAddress } from '../../base/ip-address.ts';
import { type IpPrefix, parseIp, parseMac, parsePrefix } from '../../base/ip-address.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, protocolNumberOf } from '../protocols.ts';

export type Dimension = 'ip' | 'net' | 'port' | 'mac' | 'iface' | 'mark';

/** One part of an element. A net of full length and a single address are the same thing. */
export type Part =
  | { readonly kind: 'prefix'; readonly prefix: IpPrefix }
  | { readonly kind: 'addresses'; readonly from: IpAddress; readonly to: IpAddress }
  | { readonly kind: 'port'; readonly protocol: number | null; readonly from: number; readonly to: number }
  | { readonly kind: 'mac'; readonly mac: number | null }
  | { readonly kind: 'iface'; readonly name: string; readonly physdev: boolean; readonly wildcard: boolean }
  | { readonly kind: 'mark'; readonly mark: number };

const DIMENSIONS: readonly Dimension[] = ['ip', 'net', 'port', 'mac', 'iface', 'mark'];

/** `hash:net,iface` has the dimensions net and iface; null for a type that this program does not know (and for list:set). */
export const dimensionsOf = (type: string): readonly Dimension[] | null => {
  const match = /^(hash|bitmap):(.+)$/.exec(type);
  if (match === null) return null;
  const names = (match[2] as string).split(',');
  return names.every((name) => DIMENSIONS.includes(name as Dimension)) ? (names as Dimension[]) : null;
};

/** Only sets with nets know `nomatch` elements (IPSET_TYPE_NOMATCH). */
export const knowsNomatch = (dimensions: readonly Dimension[]): boolean => dimensions.includes('net');

/** Null where the element does not fit the dimensions. */
export const parseElement = (element: string, dimensions: readonly Dimension[], wildcard: boolean): readonly Part[] | null => {
  const words = element.split(',');
  if (words.length > dimensions.length) return null;
  const parts: Part[] = [];
  for (let i = 0; i < dimensions.length; i++) {
    const part = parsePart(words[i], dimensions[i] as Dimension, wildcard);
    if (part === null) return null;
    parts.push(part);
  }
  return parts;
};

const parsePart = (word: string | undefined, dimension: Dimension, wildcard: boolean): Part | null => {
  switch (dimension) {
    case 'ip':
    case 'net':
      return word === undefined ? null : parseAddresses(word);
    case 'port':
      return word === undefined ? null : parsePorts(word);
    case 'mac': {
      // bitmap:ip,mac: an element without a MAC takes the first one that comes.
      if (word === undefined) return { kind: 'mac', mac: null };
      const mac = parseMac(word);
      return mac === null ? null : { kind: 'mac', mac };
    }
    case 'iface': {
      if (word === undefined) return null;
      const physdev = word.startsWith('physdev:');
      return { kind: 'iface', name: physdev ? word.slice(8) : word, physdev, wildcard };
    }
    case 'mark':
      return word !== undefined && /^(0x[0-9a-f]+|\d+)$/i.test(word) ? { kind: 'mark', mark: Number(word) } : null;
  }
};

const parseAddresses = (word: string): Part | null => {
  const dash = word.indexOf('-');
  if (dash < 0) {
    const prefix = parsePrefix(word);
    return prefix === null ? null : { kind: 'prefix', prefix };
  }
  const from = parseIp(word.slice(0, dash));
  const to = parseIp(word.slice(dash + 1));
  return from === null || to === null || from.version !== to.version ? null : { kind: 'addresses', from, to };
};

/** `tcp:80`, `udp:53-54`, `icmp:8/0`, `gre:0`, and in bitmap:port a bare `80`. */
const parsePorts = (word: string): Part | null => {
  const colon = word.indexOf(':');
  const protocol = colon < 0 ? null : protocolNumberOf(word.slice(0, colon));
  if (colon >= 0 && protocol === null) return null;
  const value = word.slice(colon + 1);
  if (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6) {
    const match = /^(\d+)\/(\d+)$/.exec(value);
    const name = protocol === IPPROTO_ICMP ? ICMP_NAMES[value] : ICMP6_NAMES[value];
    if (match === null && name === undefined) return null;
    const port = match === null ? (name as number) : Number(match[1]) * 256 + Number(match[2]);
    return { kind: 'port', protocol, from: port, to: port };
  }
  const match = /^(\d+)(?:-(\d+))?$/.exec(value);
  if (match === null) return null;
  return { kind: 'port', protocol, from: Number(match[1]), to: Number(match[2] ?? match[1]) };
};

/** The protocol of a bare port in a type that needs one. */
export const DEFAULT_PORT_PROTOCOL = IPPROTO_TCP;

/** ipset prints the common types by name (lib/icmp.c, lib/icmpv6.c); the value is type * 256 + code. */
const ICMP_NAMES: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  pong: 0,
  'network-unreachable': 0x300,
  'host-unreachable': 0x301,
  'protocol-unreachable': 0x302,
  'port-unreachable': 0x303,
  'fragmentation-needed': 0x304,
  'source-route-failed': 0x305,
  'network-unknown': 0x306,
  'host-unknown': 0x307,
  'network-prohibited': 0x309,
  'host-prohibited': 0x30a,
  'TOS-network-unreachable': 0x30b,
  'TOS-host-unreachable': 0x30c,
  'communication-prohibited': 0x30d,
  'host-precedence-violation': 0x30e,
  'precedence-cutoff': 0x30f,
  'source-quench': 0x400,
  'network-redirect': 0x500,
  'host-redirect': 0x501,
  'TOS-network-redirect': 0x502,
  'TOS-host-redirect': 0x503,
  'echo-request': 0x800,
  ping: 0x800,
  'router-advertisement': 0x900,
  'router-solicitation': 0xa00,
  'ttl-zero-during-transit': 0xb00,
  'ttl-zero-during-reassembly': 0xb01,
  'ip-header-bad': 0xc00,
  'required-option-missing': 0xc01,
  'timestamp-request': 0xd00,
  'timestamp-reply': 0xe00,
  'address-mask-request': 0x1100,
  'address-mask-reply': 0x1200,
};

const ICMP6_NAMES: Readonly<Record<string, number>> = {
  'no-route': 0x100,
  'communication-prohibited': 0x101,
  'address-unreachable': 0x103,
  'port-unreachable': 0x104,
  'packet-too-big': 0x200,
  'ttl-zero-during-transit': 0x300,
  'ttl-zero-during-reassembly': 0x301,
  'bad-header': 0x400,
  'unknown-header-type': 0x401,
  'unknown-option': 0x402,
  'echo-request': 0x8000,
  ping: 0x8000,
  'echo-reply': 0x8100,
  pong: 0x8100,
  'router-solicitation': 0x8500,
  'router-advertisement': 0x8600,
  'neighbour-solicitation': 0x8700,
  'neigbour-solicitation': 0x8700,
  'neighbour-advertisement': 0x8800,
  'neigbour-advertisement': 0x8800,
  redirect: 0x8900,
};
