/**
 * What type each value has that the readers use, for the outputs in JSON and Docker's answers. A value of another type counts as absent;
 * so that it is never left out in silence, each is named as a problem. Keys as iproute2 and Docker's API spell them.
 */
import { parseIp, parsePrefix } from '../base/ip-address.ts';
import { asArray, asNumber, asObject } from './json-value.ts';

export type Shape =
  | 'text'
  /** A whole one, also as a text that spells it. */
  | 'number'
  | 'scalar'
  | 'seconds'
  | 'flag'
  /** An IP address; '' where there is none. */
  | 'address'
  | 'prefix'
  /** A route's destination: a prefix or `default`. */
  | 'destination'
  | { readonly list: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> }
  /** An object whose keys are names. */
  | { readonly each: Shape };

const fields = (shapes: Readonly<Record<string, Shape>>): Shape => ({ fields: shapes });
const list = (shape: Shape): Shape => ({ list: shape });
const TEXTS = list('text');

const PORT_SWITCHES = {
  state: 'scalar',
  hairpin: 'flag',
  isolated: 'flag',
  learning: 'flag',
  flood: 'flag',
  mcast_flood: 'flag',
  bcast_flood: 'flag',
  locked: 'flag',
} as const;

export const LINK = fields({
  ifindex: 'number',
  ifname: 'text',
  link: 'text',
  link_index: 'number',
  link_netnsid: 'number',
  master: 'text',
  flags: TEXTS,
  operstate: 'text',
  mtu: 'number',
  address: 'text',
  linkinfo: fields({
    info_kind: 'text',
    info_data: fields({ vlan_filtering: 'number', nf_call_iptables: 'number', nf_call_ip6tables: 'number', id: 'number', mode: 'scalar' }),
    info_slave_data: fields(PORT_SWITCHES),
  }),
});

export const ADDRESS = fields({
  ifname: 'text',
  addr_info: list(
    fields({
      local: 'address',
      address: 'address',
      broadcast: 'address',
      prefixlen: 'number',
      scope: 'text',
      secondary: 'flag',
      temporary: 'flag',
      tentative: 'flag',
      dadfailed: 'flag',
      deprecated: 'flag',
      optimistic: 'flag',
    }),
  ),
});

const HOP = { gateway: 'address', via: fields({ family: 'text', host: 'address' }), dev: 'text', flags: TEXTS } as const;

export const ROUTE = fields({
  ...HOP,
  type: 'text',
  dst: 'destination',
  from: 'destination',
  table: 'scalar',
  protocol: 'scalar',
  scope: 'scalar',
  prefsrc: 'address',
  metric: 'number',
  tos: 'number',
  metrics: list(fields({ mtu: 'number' })),
  nexthops: list(fields({ ...HOP, weight: 'number' })),
});

export const RULE = fields({
  priority: 'number',
  src: 'text',
  srclen: 'number',
  dst: 'text',
  dstlen: 'number',
  iif: 'text',
  oif: 'text',
  fwmark: 'number',
  fwmask: 'number',
  table: 'scalar',
  action: 'text',
  goto: 'number',
  suppress_prefixlen: 'number',
  ipproto: 'scalar',
});

export const NEIGHBOUR = fields({ dst: 'address', dev: 'text', lladdr: 'text', state: TEXTS });
export const FDB = fields({
  mac: 'text',
  ifname: 'text',
  dev: 'text',
  master: 'text',
  vlan: 'number',
  dst: 'address',
  flags: TEXTS,
  state: 'text',
});
export const PORT = fields({ ifname: 'text', master: 'text', ...PORT_SWITCHES });
export const VLAN = fields({ ifname: 'text', vlans: list(fields({ vlan: 'number', vlanEnd: 'number', flags: TEXTS })) });
/** Entries of the link layer have an address of another kind. */
export const MEMBERSHIP = fields({ ifname: 'text', maddr: list(fields({ family: 'text', address: 'text' })) });
export const NAMESPACES = fields({ namespaces: list(fields({ ns: 'number', netnsid: 'scalar' })) });

export const CONTAINER = fields({
  Id: 'text',
  Name: 'text',
  Image: 'text',
  State: fields({ Status: 'text', Running: 'flag', Pid: 'number' }),
  HostConfig: fields({ NetworkMode: 'text' }),
  NetworkSettings: fields({
    Networks: {
      each: fields({
        NetworkID: 'text',
        IPAddress: 'address',
        GlobalIPv6Address: 'address',
        MacAddress: 'text',
        Gateway: 'address',
        GwPriority: 'number',
      }),
    },
    Ports: { each: list(fields({ HostIp: 'address', HostPort: 'number' })) },
  }),
  NetNs: 'number',
  ComposeProject: 'text',
  ComposeService: 'text',
});

export const NETWORK = fields({
  Id: 'text',
  Name: 'text',
  Driver: 'text',
  Internal: 'flag',
  Options: { each: 'text' },
  Peers: list(fields({ IP: 'text' })),
  IPAM: fields({ Config: list(fields({ Subnet: 'prefix', Gateway: 'text' })) }),
});

/** One sentence for each value of another type; values that are absent or null are none. */
export const shapeProblems = (value: unknown, shape: Shape, where: string): readonly string[] => {
  const problems: string[] = [];
  check(value, shape, '', problems);
  return problems.map((problem) => `${where}: ${problem}`);
};

/** `path` as people write it down: `linkinfo.info_data.id`, `nexthops[0].dev`. */
const check = (value: unknown, shape: Shape, path: string, problems: string[]): void => {
  if (value === undefined || value === null) return;
  const refuse = (wanted: string): void => {
    if (problems.length < 20) problems.push(`${path === '' ? 'it' : path} is ${shown(value)}, where ${wanted} was expected`);
  };
  if (typeof shape === 'string') {
    const wanted = wants(value, shape);
    if (wanted !== null) refuse(wanted);
    return;
  }
  if ('list' in shape) {
    const items = asArray(value);
    if (items === null) refuse('an array');
    for (const [at, item] of (items ?? []).entries()) {
      if (item === null) problems.push(`${path}[${at}] is null`);
      check(item, shape.list, `${path}[${at}]`, problems);
    }
    return;
  }
  const object = asObject(value);
  if (object === null) {
    refuse('an object');
    return;
  }
  if ('each' in shape) for (const [key, inner] of Object.entries(object)) check(inner, shape.each, join(path, key), problems);
  else for (const [key, inner] of Object.entries(shape.fields)) check(object[key], inner, join(path, key), problems);
};

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

/** What was wanted instead; null where the value is that. */
const wants = (value: unknown, shape: Extract<Shape, string>): string | null => {
  const text = typeof value === 'string' ? value : null;
  switch (shape) {
    case 'text':
      return text === null ? 'a text' : null;
    case 'number':
      return Number.isInteger(asNumber(value)) ? null : 'a number';
    case 'scalar':
      return text !== null || (Number.isInteger(value) && Number(value) >= 0) ? null : 'a text or a number';
    case 'seconds':
      return text !== null || Number.isFinite(value) ? null : 'a text or a number';
    case 'flag':
      return typeof value === 'boolean' ? null : 'true or false';
    case 'address':
      return text === '' || (text !== null && parseIp(text) !== null) ? null : 'an IP address';
    case 'prefix':
      return text === '' || (text !== null && parsePrefix(text) !== null) ? null : 'a network';
    case 'destination':
      return text === 'default' || text === 'all' || (text !== null && parsePrefix(text) !== null) ? null : 'a network';
  }
};

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};
