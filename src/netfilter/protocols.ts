/** IP protocol numbers under the names that iptables prints and reads. IANA protocol-numbers; xtables_chain_protos in iptables. */

export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_DCCP = 33;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_SCTP = 132;
export const IPPROTO_UDPLITE = 136;

const NAMES: Readonly<Record<string, number>> = {
  all: 0,
  icmp: IPPROTO_ICMP,
  igmp: 2,
  ipencap: 4,
  ipip: 4,
  tcp: IPPROTO_TCP,
  egp: 8,
  igp: 9,
  udp: IPPROTO_UDP,
  dccp: IPPROTO_DCCP,
  ipv6: 41,
  'ipv6-route': 43,
  'ipv6-frag': 44,
  rsvp: 46,
  gre: 47,
  esp: 50,
  'ipsec-esp': 50,
  ah: 51,
  'ipsec-ah': 51,
  'ipv6-icmp': IPPROTO_ICMPV6,
  icmpv6: IPPROTO_ICMPV6,
  icmp6: IPPROTO_ICMPV6,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  eigrp: 88,
  ospf: 89,
  etherip: 97,
  pim: 103,
  ipcomp: 108,
  vrrp: 112,
  l2tp: 115,
  sctp: IPPROTO_SCTP,
  'ipv6-mh': 135,
  mobility: 135,
  mh: 135,
  udplite: IPPROTO_UDPLITE,
  'mpls-in-ip': 137,
};

/** `tcp`, `6` and `TCP` give 6; null where the name is not known. */
export const protocolNumberOf = (text: string): number | null => {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= 255 ? Number(text) : null;
  const name = text.toLowerCase();
  return Object.hasOwn(NAMES, name) ? (NAMES[name] as number) : null;
};

/** Whether source and destination ports are the first four bytes of the protocol's header. */
export const hasPorts = (protocol: number): boolean =>
  protocol === IPPROTO_TCP ||
  protocol === IPPROTO_UDP ||
  protocol === IPPROTO_SCTP ||
  protocol === IPPROTO_DCCP ||
  protocol === IPPROTO_UDPLITE;

/** The first name of a protocol; null for those without one. */
export const protocolName = (protocol: number): string | null =>
  protocol === 0 ? null : (Object.entries(NAMES).find(([, number]) => number === protocol)?.[0] ?? null);
