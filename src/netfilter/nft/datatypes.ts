/**
 * The datatypes of nft: how a constant is written and what number or text it stands for. nft(8) "DATA TYPES"; src/datatype.c,
 * src/proto.c and src/fib.c of nftables name the symbols; IANA gives the numbers.
 */
import { type IpAddress, ipv4, ipv6, parseIp, parseMac } from '../../base/ip-address.ts';
import { protocolNumberOf } from '../protocols.ts';
import { ICMP_TYPES, ICMPV6_TYPES } from './icmp-types.ts';
import { listOf, namedBody } from './json.ts';

/** A number below 2^48, or a text: a name, or an IPv6 address as 32 hex digits, so that texts of one type compare as their values do. */
export type Value = number | string;

export interface Interval {
  readonly from: Value;
  readonly to: Value;
}

/** How nft prints a constant that JSON gives as a number. */
type NumberStyle = 'decimal' | 'mark' | 'hex' | 'seconds';

export interface Datatype {
  readonly name: string;
  readonly bits: number;
  readonly read: (text: string) => Value | null;
  readonly numbers: NumberStyle;
  readonly quoted: boolean;
  /** Names of its values, where it has some; of flags their bits. */
  readonly symbols: Readonly<Record<string, number>> | null;
}

const symbolReader =
  (symbols: Readonly<Record<string, number>>): Datatype['read'] =>
  (text) =>
    Object.hasOwn(symbols, text) ? (symbols[text] as number) : decimal(text);

const decimal = (text: string): number | null => (/^(0x[0-9a-f]{1,12}|\d{1,15})$/i.test(text) ? Number(text) : null);

const type = (
  name: string,
  bits: number,
  read: Datatype['read'] | Readonly<Record<string, number>> = decimal,
  numbers: NumberStyle = 'decimal',
  quoted = false,
): Datatype =>
  typeof read === 'function'
    ? { name, bits, read, numbers, quoted, symbols: null }
    : { name, bits, read: symbolReader(read), numbers, quoted, symbols: read };

export const addressValue = (ip: IpAddress): Value => (ip.version === 4 ? ip.a : [ip.a, ip.b, ip.c, ip.d].map(word).join(''));

const word = (value: number): string => value.toString(16).padStart(8, '0');

const addressReader =
  (version: 4 | 6): Datatype['read'] =>
  (text) => {
    const ip = parseIp(text);
    return ip?.version === version ? addressValue(ip) : null;
  };

/** Names that /etc/protocols has beside those of iptables. */
const MORE_PROTOCOLS: Readonly<Record<string, number>> = { ip: 0, hopopt: 0, ggp: 3, st: 5, comp: 108, l2tp: 115 };

const ICMP_CODES = {
  'net-unreachable': 0,
  'host-unreachable': 1,
  'prot-unreachable': 2,
  'port-unreachable': 3,
  'frag-needed': 4,
  'net-prohibited': 9,
  'host-prohibited': 10,
  'admin-prohibited': 13,
} as const;

const ICMPV6_CODES = {
  'no-route': 0,
  'admin-prohibited': 1,
  'addr-unreachable': 3,
  'port-unreachable': 4,
  'policy-fail': 5,
  'reject-route': 6,
};

const DSCP: Readonly<Record<string, number>> = Object.fromEntries([
  ['be', 0],
  ['ef', 46],
  ['va', 44],
  ['lephb', 1],
  ['df', 0],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((x) => [`cs${x}`, x * 8]),
  ...[1, 2, 3, 4].flatMap((x) => [1, 2, 3].map((y) => [`af${x}${y}`, x * 8 + y * 2])),
]);

/** Bits as nf_conntrack_common.h has them; one packet has one state. */
export const CT_STATE_BITS = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;
export const CT_STATUS_BITS = { expected: 1, 'seen-reply': 2, assured: 4, confirmed: 8, snat: 16, dnat: 32, dying: 512 } as const;

/** rtnetlink.h */
export const FIB_TYPES = {
  unspec: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
  nat: 10,
  xresolve: 11,
} as const;

/** if_arp.h */
export const ARPHRD_ETHER = 1;
export const ARPHRD_LOOPBACK = 772;

export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;

const name = (text: string): string => text;

const TYPES: readonly Datatype[] = [
  type('integer', 32),
  type('raw', 32, decimal, 'hex'),
  type('string', 128, name, 'decimal', true),
  type('ipv4_addr', 32, addressReader(4)),
  type('ipv6_addr', 128, addressReader(6)),
  type('ether_addr', 48, parseMac),
  type('ether_type', 16, { ip: ETH_P_IP, arp: 0x0806, ip6: ETH_P_IPV6, '8021q': 0x8100, '8021ad': 0x88a8, vlan: 0x8100 }),
  type('inet_proto', 8, (text) => protocolNumberOf(text) ?? MORE_PROTOCOLS[text] ?? null),
  type('inet_service', 16),
  type('mark', 32, decimal, 'mark'),
  type('ifname', 128, name, 'decimal', true),
  type('iface_index', 32, (text) => (text === '0' ? '' : text), 'decimal', true),
  type('iface_type', 16, { ether: ARPHRD_ETHER, ppp: 512, ipip: 768, ipip6: 769, loopback: ARPHRD_LOOPBACK, sit: 776, ipgre: 778 }),
  type('ct_state', 32, CT_STATE_BITS, 'hex'),
  type('ct_status', 32, CT_STATUS_BITS, 'hex'),
  type('ct_dir', 8, { original: 0, reply: 1 }),
  type('ct_label', 128, decimal),
  type('nf_proto', 8, { ipv4: 2, ipv6: 10 }),
  type('icmp_type', 8, ICMP_TYPES),
  type('icmp_code', 8, ICMP_CODES),
  type('icmpv6_type', 8, ICMPV6_TYPES),
  type('icmpv6_code', 8, ICMPV6_CODES),
  type('pkt_type', 8, { host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3 }),
  type('fib_addrtype', 8, FIB_TYPES),
  type('dscp', 6, DSCP, 'hex'),
  type('ecn', 2, { 'not-ect': 0, ect1: 1, ect0: 2, ce: 3 }),
  type('tcp_flag', 8, { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 }, 'hex'),
  type('dccp_pkttype', 4, {
    request: 0,
    response: 1,
    data: 2,
    ack: 3,
    dataack: 4,
    closereq: 5,
    close: 6,
    reset: 7,
    sync: 8,
    syncack: 9,
  }),
  type('arp_op', 16, { request: 1, reply: 2, rrequest: 3, rreply: 4, inrequest: 8, inreply: 9, nak: 10 }),
  type('mh_type', 8, {
    'binding-refresh-request': 0,
    'home-test-init': 1,
    'careof-test-init': 2,
    'home-test': 3,
    'careof-test': 4,
    'binding-update': 5,
    'binding-acknowledgement': 6,
    'binding-error': 7,
    'fast-binding-update': 8,
    'fast-binding-acknowledgement': 9,
    'fast-binding-advertisement': 10,
    'experimental-mobility-header': 11,
    'home-agent-switch-message': 12,
  }),
  type('boolean', 8, { true: 1, false: 0, exists: 1, missing: 0 }),
  type('time', 64, decimal, 'seconds'),
  type('hour', 32, name, 'decimal', true),
  type('day', 8, name, 'decimal', true),
  type('date', 64, name, 'decimal', true),
  type('uid', 32),
  type('gid', 32),
  type('classid', 32, name),
  type('realm', 32, name),
  type('devgroup', 32, { default: 0 }),
  type('cgroupsv2', 64, name, 'decimal', true),
  type('verdict', 32, name),
];

const BY_NAME: ReadonlyMap<string, Datatype> = new Map(TYPES.map((entry) => [entry.name, entry]));

/** Null where nft knows a datatype that this program does not. */
export const datatype = (wanted: string): Datatype | null => BY_NAME.get(wanted) ?? BY_NAME.get(OTHER_NAMES[wanted] ?? '') ?? null;

const OTHER_NAMES: Readonly<Record<string, string>> = {
  icmpx_code: 'icmp_code',
  ifkind: 'string',
  ct_event: 'integer',
  lladdr: 'ether_addr',
};

/** A datatype of this page, for readers that name one themselves. */
export const known = (wanted: string): Datatype => {
  const found = datatype(wanted);
  if (found === null) throw new Error(`there is no datatype '${wanted}'`);
  return found;
};

/** A constant as its value; lists and `|` of flags are the bits of all. Null where it is not understood. */
export const constantOf = (of: Datatype, json: unknown): Value | null => {
  if (typeof json === 'number') return of.name === 'iface_index' ? (json === 0 ? '' : `#${json}`) : json;
  if (typeof json === 'boolean') return json ? 1 : 0;
  if (typeof json === 'string') return of.read(json);
  const flags = listOf(json) ?? listOf(bodyOf(json, '|'));
  if (flags === null) return null;
  let bits = 0;
  for (const flag of flags) {
    const bit = constantOf(of, flag);
    if (typeof bit !== 'number') return null;
    bits = (bits | bit) >>> 0;
  }
  return bits;
};

const bodyOf = (json: unknown, wanted: string): unknown => {
  const named = namedBody(json);
  return named?.name === wanted ? named.body : null;
};

/** A constant, a range, a prefix or a wildcard name as the values that it covers. */
export const intervalOf = (of: Datatype, json: unknown): Interval | null => {
  const named = namedBody(json);
  if (named?.name === 'range') {
    const [low, high] = listOf(named.body) ?? [];
    const from = constantOf(of, low);
    const to = constantOf(of, high);
    return from === null || to === null || typeof from !== typeof to || to < from ? null : { from, to };
  }
  if (named?.name === 'prefix') return prefixInterval(of, named.body);
  if (of.name === 'ifname' && typeof json === 'string' && json.endsWith('*'))
    return { from: json.slice(0, -1), to: `${json.slice(0, -1)}\uffff` };
  const value = constantOf(of, json);
  return value === null ? null : { from: value, to: value };
};

const prefixInterval = (of: Datatype, body: unknown): Interval | null => {
  if (typeof body !== 'object' || body === null) return null;
  const { addr, len } = body as { readonly addr?: unknown; readonly len?: unknown };
  const from = constantOf(of, addr);
  if (from === null || typeof len !== 'number' || len < 0 || len > of.bits) return null;
  if (typeof from === 'number') return { from, to: from + 2 ** (of.bits - len) - 1 };
  if (of.name !== 'ipv6_addr') return null;
  const last = (BigInt(`0x${from}`) | ((1n << BigInt(128 - len)) - 1n)).toString(16).padStart(32, '0');
  return { from, to: last };
};

/** The address that a value of ipv4_addr or ipv6_addr stands for. */
export const addressOf = (value: Value): IpAddress => {
  if (typeof value === 'number') return ipv4(value);
  const word = (at: number): number => Number.parseInt(value.slice(at, at + 8), 16);
  return ipv6(word(0), word(8), word(16), word(24));
};
