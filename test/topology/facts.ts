/** Facts made by hand, with everything that a test does not speak of left empty. */

import { formatPrefix, parseMac, parsePrefix } from '../../src/base/ip-address.ts';
import type {
  DockerContainer,
  DockerEndpoint,
  DockerNetwork,
  HostFacts,
  InterfaceAddress,
  Link,
  NamespaceFacts,
  OtherNamespace,
  Route,
} from '../../src/host/facts.ts';
import { ip } from '../addresses.ts';

export const link = (ifindex: number, name: string, kind: string | null, more: Partial<Link> = {}): Link => {
  if (more.mac != null && parseMac(more.mac) === null) throw new Error(`no MAC: ${more.mac}`);
  return {
    ifindex,
    name,
    linkIndex: null,
    linkName: null,
    linkNetnsid: null,
    master: null,
    kind,
    flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
    operstate: 'UP',
    mtu: 1500,
    mac: null,
    data: {},
    portData: {},
    ...more,
  };
};

export const loopback = link(1, 'lo', null, { flags: ['LOOPBACK', 'UP', 'LOWER_UP'], operstate: 'UNKNOWN', mtu: 65536 });

/** `address('eth0', '10.0.0.1/24')` */
export const address = (name: string, text: string): InterfaceAddress => {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`no prefix: ${text}`);
  const own = ip(text.slice(0, text.indexOf('/')));
  const scope = own.version === 6 && own.a >>> 22 === 0x3fa ? 'link' : 'global';
  return { interface: name, ip: own, prefix, broadcast: null, peer: null, scope, secondary: false };
};

/** `route('default via 10.0.0.1 dev eth0')`, `route('10.0.0.0/24 dev eth0')`; table main. */
export const route = (text: string): Route => {
  const words = text.split(' ');
  const after = (word: string): string | null => (words.includes(word) ? (words[words.indexOf(word) + 1] ?? null) : null);
  const via = after('via');
  const family = text.includes(':') ? 6 : 4;
  const prefix = parsePrefix(words[0] === 'default' ? (family === 6 ? '::/0' : '0.0.0.0/0') : (words[0] ?? ''));
  if (prefix === null) throw new Error(`no prefix: ${text}`);
  return {
    family,
    type: 'unicast',
    table: after('table') ?? 'main',
    prefix,
    gateway: via === null ? null : ip(via),
    dev: after('dev'),
    source: null,
    metric: Number(after('metric') ?? 0),
    scope: null,
    tos: null,
    mtu: null,
    flags: [],
    nexthops: [],
    text: words[0] === 'default' ? text : text.replace(words[0] ?? '', formatPrefix(prefix)),
  };
};

export const namespaceFacts = (more: Partial<NamespaceFacts> = {}): NamespaceFacts => ({
  links: [loopback],
  addresses: [],
  routes: [],
  policyRules: [],
  neighbours: [],
  fdb: [],
  bridgePorts: [],
  sysctls: new Map(),
  rulesets: [],
  nftables: [],
  ipsets: [],
  conntrack: [],
  listeners: [],
  missing: new Map(),
  problems: [],
  ...more,
});

export const namespace = (
  id: string,
  nsid: number | null,
  facts: Partial<NamespaceFacts>,
  more: Partial<OtherNamespace> = {},
): OtherNamespace => ({
  id,
  nsid,
  pid: Number(id),
  owners: [],
  path: null,
  facts: namespaceFacts(facts),
  ...more,
});

export const network = (name: string, more: Partial<DockerNetwork> = {}): DockerNetwork => {
  const id = more.id ?? `${Buffer.from(name).toString('hex')}0000000000000000`;
  return {
    id,
    name,
    driver: 'bridge',
    internal: false,
    subnets: [],
    gateways: [],
    options: {},
    claimedBridge: (more.driver ?? 'bridge') === 'bridge' ? `br-${id.slice(0, 12)}` : null,
    ...more,
  };
};

export const endpoint = (of: DockerNetwork, ipv4: string | null, more: Partial<DockerEndpoint> = {}): DockerEndpoint => ({
  network: of.name,
  networkId: of.id,
  ipv4: ipv4 === null ? null : ip(ipv4),
  ipv6: null,
  mac: null,
  gateway: null,
  ...more,
});

export const container = (name: string, more: Partial<DockerContainer> = {}): DockerContainer => ({
  id: `${Buffer.from(name).toString('hex')}${'0'.repeat(64)}`.slice(0, 64),
  name,
  image: 'lab/busybox',
  state: 'running',
  pid: 100,
  mode: 'default',
  netns: null,
  endpoints: [],
  published: [],
  composeProject: null,
  composeService: null,
  ...more,
});

export const hostFacts = (more: Omit<Partial<HostFacts>, 'self'> & { readonly self?: Partial<NamespaceFacts> } = {}): HostFacts => ({
  takenAt: '1700000000.000000000',
  hostName: 'host',
  netns: '1',
  namespaces: [],
  containers: [],
  networks: [],
  dockerVersion: '28.5.2',
  dockerError: null,
  ...more,
  self: namespaceFacts(more.self ?? {}),
});
