/**
 * What in a snapshot binds the mapping of addresses: networks that hosts are on, prefixes shorter than a byte, ranges, masks with gaps,
 * networks that NETMAP numbers through; and which ids and numbers there are.
 */
import { type IpAddress, parseIp, parseMac, parsePrefix, sameIp } from '../base/ip-address.ts';
import type { SnapshotDocument } from '../host/snapshot.ts';
import type { Maps } from './maps.ts';
import { isKeptFirstByte } from './special-addresses.ts';

const V4 = '\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}';
const SHORT_PREFIX = new RegExp(`(${V4})/([1-7])(?!\\d)|"addr": ?"(${V4})", ?"len": ?([1-7])(?!\\d)`, 'g');
const RANGE = new RegExp(`(${V4})-(${V4})|"range": ?\\[ ?"(${V4})", ?"(${V4})" ?\\]`, 'g');
const MASK = new RegExp(`/(${V4})|"(?:&|\\||\\^)": ?\\[[^\\]]*"(${V4})" ?\\]`, 'g');
const NETMAP = /^.*-j NETMAP.*$/gm;
const PREFIX = new RegExp(`(${V4})/(\\d{1,2})`, 'g');
const ON_LINK = /"(?:local|address)": ?"([0-9a-f.:]+)"[^{}]*?"prefixlen": ?(\d+)/g;
const LINK_ROUTE = new RegExp(`"dst": ?"(${V4}/\\d+)"[^{}]*?"scope": ?"link"`, 'g');
const ADDRESS4 = new RegExp(`(?<![\\d.])${V4}(?![\\d.])`, 'g');
const ADDRESS6 = /(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:.])/gi;
const MAC = /(?<![\w:])[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?![\w:])/gi;

export const learnFrom = (document: SnapshotDocument, maps: Maps): void => {
  for (const network of document.docker.networks) {
    maps.names.knowId(network.Id);
    for (const { Subnet } of network.IPAM?.Config ?? []) if (Subnet !== undefined) knowSubnet(Subnet, maps);
  }
  for (const raw of [document.raw, ...Object.values(document.namespaces).map((each) => each.raw)]) {
    for (const [command, text] of Object.entries(raw)) learnFromOutput(command, text, maps);
  }
  for (const container of document.docker.containers) {
    for (const { MacAddress, GlobalIPv6Address } of Object.values(container.NetworkSettings.Networks))
      learnAddresses(`${MacAddress ?? ''} ${GlobalIPv6Address ?? ''}`, maps);
  }
};

const learnFromOutput = (command: string, text: string, maps: Maps): void => {
  const { addresses } = maps;
  for (const match of text.matchAll(ON_LINK)) knowSubnet(`${match[1]}/${match[2]}`, maps);
  for (const match of text.matchAll(LINK_ROUTE)) knowSubnet(match[1] as string, maps);
  for (const match of text.matchAll(SHORT_PREFIX)) {
    const prefix = parsePrefix(`${match[1] ?? match[3]}/${match[2] ?? match[4]}`);
    if (prefix !== null) addresses.knowShortPrefix(prefix);
  }
  for (const match of text.matchAll(RANGE)) {
    const from = parseIp((match[1] ?? match[3]) as string);
    const to = parseIp((match[2] ?? match[4]) as string);
    if (from !== null && to !== null) addresses.knowRange(from.a, to.a);
  }
  for (const match of text.matchAll(MASK)) {
    const mask = parseIp((match[1] ?? match[2]) as string);
    if (mask !== null) addresses.knowMask(mask.a);
  }
  for (const [line] of text.matchAll(NETMAP)) {
    for (const [prefix] of line.matchAll(PREFIX)) {
      const parsed = parsePrefix(prefix);
      if (parsed !== null) addresses.knowNumbering(parsed);
    }
  }
  // Conntrack's thousands of addresses bind nothing.
  if (!/conntrack/.test(command)) learnAddresses(text, maps);
};

const learnAddresses = (text: string, maps: Maps): void => {
  for (const [address] of text.matchAll(ADDRESS4)) {
    const ip = parseIp(address);
    if (ip !== null && ip.a > 0xff_ffff) maps.numbers.add(ip.a);
  }
  for (const [address] of text.matchAll(ADDRESS6)) {
    const ip: IpAddress | null = parseIp(address);
    if (ip !== null) maps.addresses.knowIpv6(ip);
  }
  for (const [address] of text.matchAll(MAC)) {
    const mac = parseMac(address);
    if (mac !== null) maps.addresses.knowMac(mac);
  }
};

const knowSubnet = (text: string, maps: Maps): void => {
  const prefix = parsePrefix(text);
  if (prefix === null) return;
  maps.addresses.knowSubnet(prefix);
  const { address, length } = prefix;
  const isWide = length === null || length < 8 || address.version !== 4 || isKeptFirstByte(address.a >>> 24);
  if (!isWide && !maps.subnets.some((other) => sameIp(other.address, address) && other.length === length)) maps.subnets.push(prefix);
};
