/** One line of `explain --packets`: JSON to a packet specification, refusing what cannot be meant. docs/formats.md. */
import { failure } from '../base/errors.ts';
import { parseIp, parseMac } from '../base/ip-address.ts';
import { printable } from '../base/printable.ts';
import type { CtState } from '../netfilter/skb.ts';
import { TH_ACK, TH_CWR, TH_ECE, TH_FIN, TH_PUSH, TH_RST, TH_SYN, TH_URG } from '../packet/packet.ts';
import { protocolNumber } from '../packet/protocols.ts';
import type { PacketSpec } from './verdict.ts';

const KNOWN: ReadonlySet<string> = new Set([
  'in',
  'port',
  'src',
  'dst',
  'proto',
  'sport',
  'dport',
  'flags',
  'icmpType',
  'icmpCode',
  'icmpId',
  'length',
  'ttl',
  'tos',
  'srcMac',
  'dstMac',
  'state',
  'mark',
  'fragment',
  'dontFragment',
  'about',
]);

const STATES: ReadonlySet<string> = new Set(['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED']);

const TCP_FLAGS: Readonly<Record<string, number>> = {
  FIN: TH_FIN,
  SYN: TH_SYN,
  RST: TH_RST,
  PSH: TH_PUSH,
  PUSH: TH_PUSH,
  ACK: TH_ACK,
  URG: TH_URG,
  ECE: TH_ECE,
  CWR: TH_CWR,
  NONE: 0,
};

/** @throws a failure that names the field */
export const parsePacketSpec = (value: unknown): PacketSpec => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw failure('a packet is a JSON object');
  const item = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(item))
    if (!KNOWN.has(key)) throw failure(`unknown field "${printable(key)}" of a packet`, { hint: `known: ${[...KNOWN].join(', ')}` });
  const src = address(item, 'src');
  const dst = address(item, 'dst');
  if ((src.includes(':') ? 6 : 4) !== (dst.includes(':') ? 6 : 4)) throw failure('"src" and "dst" of a packet must be of one family');
  const port = optionalText(item, 'port');
  const flags = optionalText(item, 'flags');
  if (flags !== undefined && tcpFlagsOf(flags) === null)
    throw failure(`"flags" of a packet is unreadable: "${printable(flags)}"`, { hint: 'for example SYN or SYN,ACK' });
  const state = optionalText(item, 'state')?.toUpperCase();
  if (state !== undefined && !STATES.has(state))
    throw failure(`"state" of a packet is none of ${[...STATES].join(', ')}: "${printable(state)}"`);
  const input = item['in'];
  if (input !== null && input !== undefined && typeof input !== 'string') throw failure('"in" of a packet is an interface or null');
  return {
    in: input === undefined || input === '' ? null : input,
    src,
    dst,
    proto: protocol(item['proto']),
    ...(port === undefined ? {} : { port }),
    ...number(item, 'sport', 0xffff),
    ...number(item, 'dport', 0xffff),
    ...(flags === undefined ? {} : { flags }),
    ...number(item, 'icmpType', 255),
    ...number(item, 'icmpCode', 255),
    ...number(item, 'icmpId', 0xffff),
    ...number(item, 'length', 0xffff_ffff),
    ...number(item, 'ttl', 255),
    ...number(item, 'tos', 255),
    ...mac(item, 'srcMac'),
    ...mac(item, 'dstMac'),
    ...(state === undefined ? {} : { state: state as CtState }),
    ...number(item, 'mark', 0xffff_ffff),
    ...flag(item, 'fragment'),
    ...flag(item, 'dontFragment'),
    ...quoted(item),
  };
};

/** Null where a name is unknown. Names are separated by commas, blanks or bars; ALL and NONE as iptables has them. */
export const tcpFlagsOf = (text: string): number | null => {
  let bits = 0;
  for (const word of text.toUpperCase().split(/[\s,|+]+/)) {
    if (word === '') continue;
    const bit = word === 'ALL' ? TH_FIN | TH_SYN | TH_RST | TH_PUSH | TH_ACK | TH_URG : TCP_FLAGS[word];
    if (bit === undefined) return null;
    bits |= bit;
  }
  return bits;
};

/** The protocol's number; null where the name is unknown. */
export const protocolOf = (proto: string | number): number | null => {
  if (typeof proto === 'number') return Number.isInteger(proto) && proto >= 0 && proto <= 255 ? proto : null;
  if (/^\d+$/.test(proto)) return protocolOf(Number(proto));
  const name = proto.toLowerCase();
  // The spellings of ICMP for IPv6 in iptables, tcpdump and people.
  return name === 'icmp6' || name === 'ipv6-icmp' || name === 'icmpv6' ? 58 : protocolNumber(name);
};

type Item = Readonly<Record<string, unknown>>;
type NumberField = 'sport' | 'dport' | 'icmpType' | 'icmpCode' | 'icmpId' | 'length' | 'ttl' | 'tos' | 'mark';

const address = (item: Item, key: 'src' | 'dst'): string => {
  const value = item[key];
  if (typeof value !== 'string' || parseIp(value) === null)
    throw failure(`"${key}" of a packet is no IP address: ${printable(JSON.stringify(value) ?? 'missing')}`);
  return value;
};

const protocol = (value: unknown): string | number => {
  if ((typeof value !== 'string' && typeof value !== 'number') || protocolOf(value) === null) {
    throw failure(`"proto" of a packet is no protocol: ${printable(JSON.stringify(value) ?? 'missing')}`, {
      hint: 'icmp, tcp, udp, icmpv6 or a number',
    });
  }
  return value;
};

const optionalText = (item: Item, key: string): string | undefined => {
  const value = item[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw failure(`"${key}" of a packet is no text`);
  return value;
};

const number = <K extends NumberField>(item: Item, key: K, most: number): { readonly [P in K]?: number } => {
  const value = item[key];
  if (value === undefined || value === null) return {};
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) {
    throw failure(`"${key}" of a packet is no whole number from 0 to ${most}: ${printable(JSON.stringify(value))}`);
  }
  return { [key]: value } as { readonly [P in K]?: number };
};

const mac = (item: Item, key: 'srcMac' | 'dstMac'): Pick<PacketSpec, 'srcMac' | 'dstMac'> => {
  const value = optionalText(item, key);
  if (value === undefined) return {};
  if (parseMac(value) === null) throw failure(`"${key}" of a packet is no MAC address: "${printable(value)}"`);
  return { [key]: value };
};

/** `about` of an ICMP error. */
const quoted = (item: Item): Pick<PacketSpec, 'about'> => {
  const value = item['about'];
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw failure('"about" of a packet is no object');
  const inner = value as Item;
  const known = ['src', 'dst', 'proto', 'sport', 'dport', 'icmpId'];
  for (const key of Object.keys(inner))
    if (!known.includes(key))
      throw failure(`unknown field "${printable(key)}" in "about" of a packet`, { hint: `known: ${known.join(', ')}` });
  return {
    about: {
      src: address(inner, 'src'),
      dst: address(inner, 'dst'),
      proto: protocol(inner['proto']),
      ...number(inner, 'sport', 0xffff),
      ...number(inner, 'dport', 0xffff),
      ...number(inner, 'icmpId', 0xffff),
    },
  };
};

const flag = (item: Item, key: 'fragment' | 'dontFragment'): Pick<PacketSpec, 'fragment' | 'dontFragment'> => {
  const value = item[key];
  if (value === undefined || value === null) return {};
  if (typeof value !== 'boolean') throw failure(`"${key}" of a packet is neither true nor false`);
  return { [key]: value };
};
