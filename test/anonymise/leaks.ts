/** What of a host must not be found in an anonymised file: collected from the original's own text, so that nothing is forgotten. */
import { formatIp, type IpAddress, parseIp, parseMac } from '../../src/base/ip-address.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import type { SnapshotDocument } from '../../src/host/snapshot.ts';

const ADDRESS4 = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g;
const ADDRESS6 = /(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:.])/gi;
const MAC = /(?<![\w:])[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}(?![\w:])/gi;
const ID = /(?<![0-9a-z])[0-9a-f]{12,64}(?![0-9a-z])/g;
/** Names that everybody's host has, and two that the formats themselves use as words. */
const COMMON =
  /^(host|bridge|none|ingress|default|docker_gwbridge|lo|docker0|eth\d+|tunl0|sit0|ip6tnl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6gre0|vxlan\d+|br\d+|net|left|right)$/;

export interface Secrets {
  readonly addresses: readonly IpAddress[];
  readonly macs: readonly number[];
  readonly names: readonly string[];
}

/** Addresses that mean the same everywhere and masks stay; so do groups, and prefixes shorter than a byte. */
const isSecret = (ip: IpAddress): boolean => {
  if (ip.version === 4) {
    const first = ip.a >>> 24;
    return first !== 0 && first !== 127 && first < 224 && ip.a >>> 16 !== 0xa9fe && (ip.a & 0x1ff_ffff) !== 0;
  }
  // A prefix alone, as fe80::/64, is no address of anybody.
  return ip.a >>> 24 !== 0 && ip.a >>> 24 !== 0xff && (ip.c !== 0 || ip.d !== 0);
};

const plain = (text: string): string => text.replaceAll(/\\[nt"]/g, ' ');

export const addressesIn = (text: string): ReadonlyMap<string, IpAddress> => {
  const addresses = new Map<string, IpAddress>();
  for (const [found] of [...plain(text).matchAll(ADDRESS4), ...plain(text).matchAll(ADDRESS6)]) {
    const ip = parseIp(found);
    if (ip !== null && isSecret(ip)) addresses.set(formatIp(ip), ip);
  }
  return addresses;
};

export const macsIn = (text: string): ReadonlySet<number> => {
  const macs = new Set<number>();
  for (const [found] of plain(text).matchAll(MAC)) {
    const mac = parseMac(found);
    if (mac !== null && mac !== 0 && Math.floor(mac / 0x100_0000_0000) % 2 === 0) macs.add(mac);
  }
  return macs;
};

export const secretsOf = (document: SnapshotDocument): Secrets => {
  const text = JSON.stringify(document);
  const facts = readFacts(document);
  const names = new Set<string>([...plain(text).matchAll(ID)].map(([id]) => id));
  names.add(document.host);
  for (const { name, composeProject } of facts.containers) names.add(name).add(composeProject ?? '');
  for (const { name } of facts.networks) names.add(name);
  for (const self of [facts.self, ...[...facts.namespaces.values()].map((each) => each.facts)])
    for (const { name } of self.links ?? []) names.add(name);
  return {
    addresses: [...addressesIn(text).values()],
    macs: [...macsIn(text)],
    names: [...names].filter((name) => name.length > 2 && !COMMON.test(name)),
  };
};

/** Which of the original's secrets the text holds, as words of their own. */
export const leaksOf = (original: SnapshotDocument, text: string): readonly string[] => {
  const secrets = secretsOf(original);
  const addresses = addressesIn(text);
  const macs = macsIn(text);
  const words = new Set(
    plain(text)
      .split(/[^\w.-]+/)
      .flatMap((word) => [word, ...word.split(/[._-]/)]),
  );
  return [
    ...secrets.addresses.map(formatIp).filter((address) => addresses.has(address)),
    ...secrets.macs.filter((mac) => macs.has(mac)).map(String),
    ...secrets.names.filter((name) => words.has(name)),
  ];
};
