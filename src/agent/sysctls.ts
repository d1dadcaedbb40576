/**
 * The net sysctls that decide a packet's fate, printed as `sysctl net` prints them. Read from /proc/sys/net, which shows the network
 * namespace of whoever opens it, so another namespace's are read by a program started inside it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Place } from './machine/machine.ts';

const ROOT = '/proc/sys/net';

/** Single switches. Documentation/networking/ip-sysctl.rst, nf_conntrack-sysctl.rst, bridge(8). */
const FILES = [
  'ipv4/ip_forward',
  'ipv4/ip_forward_use_pmtu',
  'ipv4/ip_default_ttl',
  'ipv4/ip_local_port_range',
  'ipv4/ip_unprivileged_port_start',
  'ipv4/ip_nonlocal_bind',
  'ipv4/icmp_echo_ignore_all',
  'ipv4/icmp_echo_ignore_broadcasts',
  'ipv4/fwmark_reflect',
  'ipv4/fib_multipath_hash_policy',
  'ipv4/vs/conntrack',
  'ipv6/ip_nonlocal_bind',
  'ipv6/icmp/echo_ignore_all',
  'ipv6/fwmark_reflect',
  'netfilter/nf_conntrack_max',
  'netfilter/nf_conntrack_count',
  'netfilter/nf_conntrack_buckets',
  'netfilter/nf_conntrack_acct',
  'netfilter/nf_conntrack_helper',
  'netfilter/nf_conntrack_tcp_loose',
  'netfilter/nf_conntrack_tcp_be_liberal',
  'netfilter/nf_conntrack_checksum',
  'bridge/bridge-nf-call-iptables',
  'bridge/bridge-nf-call-ip6tables',
  'bridge/bridge-nf-call-arptables',
  'bridge/bridge-nf-filter-vlan-tagged',
  'bridge/bridge-nf-filter-pppoe-tagged',
  'bridge/bridge-nf-pass-vlan-input-dev',
] as const;

/** Switches that every interface has, and `all` and `default`. */
const PER_INTERFACE = {
  ipv4: [
    'forwarding',
    'rp_filter',
    'route_localnet',
    'accept_local',
    'accept_source_route',
    'arp_accept',
    'arp_announce',
    'arp_filter',
    'arp_ignore',
    'bc_forwarding',
    'ignore_routes_with_linkdown',
    'proxy_arp',
    'proxy_arp_pvlan',
    'send_redirects',
    'src_valid_mark',
  ],
  ipv6: ['forwarding', 'disable_ipv6', 'force_forwarding', 'proxy_ndp', 'accept_ra', 'accept_redirects', 'accept_dad', 'use_tempaddr'],
} as const;

/** Those of the agent's own namespace. */
export const readSysctls = (): string => {
  const lines: string[] = [];
  for (const file of FILES) pushValue(lines, file);
  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const name of list(`${ROOT}/${family}/conf`)) {
      for (const key of PER_INTERFACE[family]) pushValue(lines, `${family}/conf/${name}/${key}`);
    }
  }
  return lines.join('');
};

/** Those of a place by its own programs: one grep prints `path:value` for each file. */
export const readSysctlsInside = async (place: Place): Promise<{ readonly text: string } | { readonly error: string }> => {
  const globs = [
    ...FILES.map((file) => `${ROOT}/${file}`),
    ...(['ipv4', 'ipv6'] as const)
      .map((family) => `${ROOT}/${family}/conf/*/`)
      .flatMap((folder, index) => PER_INTERFACE[index === 0 ? 'ipv4' : 'ipv6'].map((key) => `${folder}${key}`)),
  ];
  const [program, ...args] = [...place.enter, 'sh', '-c', `exec grep -s "" ${globs.join(' ')} /dev/null`];
  const result = await place.machine.run(program as string, args);
  // grep exits with 2 where a file is missing, as most machines lack one of them
  const text = result.stdout
    .split('\n')
    .map((line) => grepLine(line))
    .join('');
  if (text === '') return { error: result.ok ? 'no sysctl could be read' : result.reason };
  return { text };
};

/** sysctl(8) puts dots for slashes and a slash for a dot inside an interface's name. */
export const sysctlName = (path: string): string =>
  `net.${path
    .split('/')
    .map((part) => part.replaceAll('.', '/'))
    .join('.')}`;

const pushValue = (lines: string[], path: string): void => {
  try {
    lines.push(`${sysctlName(path)} = ${readFileSync(`${ROOT}/${path}`, 'latin1').trim()}\n`);
  } catch {
    // this kernel lacks it, its module is not loaded, or the interface has just gone: `sysctl net` leaves it out too
  }
};

const list = (folder: string): string[] => {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
};

const grepLine = (line: string): string => {
  const match = /^\/proc\/sys\/net\/(.+?):(.*)$/.exec(line);
  return match === null ? '' : `${sysctlName(match[1] as string)} = ${(match[2] as string).trim()}\n`;
};
