/**
 * JSON of `ip`, `bridge` and `lsns`: every string is looked at. Addresses are known by their looks, devices by their keys; a key that is
 * not known here has its words mapped as names, so that nothing new in these programs' output passes by.
 */
import { parsePrefix } from '../base/ip-address.ts';
import type { Maps } from './maps.ts';

const DEVICE_KEYS = new Set(
  'ifname dev link master iif oif device label altnames phys_port_name parentdev peer_ifname slave active_slave primary upper'.split(' '),
);

/** Keys whose strings are the programs' own words. */
const KEPT_KEYS = new Set(
  'flags operstate qdisc link_type info_kind info_slave_kind scope protocol type mode state family pref table group linkmode action encap_type addrgenmode inet6_addr_gen_mode macaddr_mode role linkinfo vlan_protocol proto stats_type ad_select fail_over_mac arp_validate arp_all_targets primary_reselect xmit_hash_policy ad_lacp_rate lacp_rate nud src_port dst_port netnsid ns features event reserved port_state hairpin ipproto sport dport l3mdev num_tx_queues mc_router'.split(
    ' ',
  ),
);

/** Tables, protocols and groups that everybody has: rt_tables, rt_protos and group of iproute2. */
const OWN_WORDS = new Set(
  'main local default all none any unspec kernel boot static redirect gated ra mrt zebra bird dnrouted xorp ntk dhcp keepalived babel openr bgp isis ospf rip eigrp global link host site nowhere unicast broadcast multicast throw unreachable prohibit blackhole nat anycast lladdr inet inet6 bridge on off up down unknown unassigned'.split(
    ' ',
  ),
);

export const rewriteJson = (text: string, maps: Maps): string => {
  const end = /\s*$/.exec(text)?.[0] ?? '';
  const parsed = parseOrNull(text);
  // What is no JSON is what somebody put there by hand, or damage: nothing of it can be told apart.
  if (parsed === undefined) return text.trim() === '' ? text : '';
  return JSON.stringify(rewrite(parsed, '', maps)) + end;
};

const parseOrNull = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const rewrite = (value: unknown, key: string, maps: Maps): unknown => {
  if (typeof value === 'string') return rewriteString(value, key, maps);
  if (Array.isArray(value)) return value.map((each) => rewrite(each, key, maps));
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(object).map(([name, each]) => [name, networkWithLength(object, name, each, maps) ?? rewrite(each, name, maps)]),
  );
};

/** Rules print a network as `src` and `srclen`: what is behind the mask must be zeros again. */
const networkWithLength = (object: Readonly<Record<string, unknown>>, name: string, value: unknown, maps: Maps): string | null => {
  const length = object[`${name}len`];
  if (typeof value !== 'string' || typeof length !== 'number' || value.includes('/')) return null;
  const prefix = parsePrefix(`${value}/${length}`);
  return prefix === null ? null : (maps.values.map(`${value}/${length}`) ?? '').split('/')[0] || null;
};

const rewriteString = (value: string, key: string, maps: Maps): string => {
  const mapped = maps.values.map(value);
  if (mapped !== null) return mapped;
  if (value === '' || /^[\d.,:x-]+$/.test(value)) return value;
  if (key === 'nsfs' || value.startsWith('/')) return maps.path(value);
  if (DEVICE_KEYS.has(key)) return maps.device(value);
  if (key === 'ifalias') return maps.names.words('alias', value);
  if (key === 'table' || key === 'group' || key === 'protocol') return OWN_WORDS.has(value) ? value : maps.name(value);
  if (KEPT_KEYS.has(key) || OWN_WORDS.has(value)) return value;
  return maps.name(value);
};
