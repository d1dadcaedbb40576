/** `ip -j neigh`, `bridge -j fdb` and `bridge -j -d link`: ip-neighbour(8), bridge(8). */
import { parseIp } from '../base/ip-address.ts';
import type { BridgePort, BridgeVlan, FdbEntry, Link, Membership, Neighbour } from './facts.ts';
import { parseJsonList } from './json-list.ts';
import { asArray, asNumber, asObject, asString, type JsonObject, type Parsed, stringsOf } from './json-value.ts';
import { FDB, MEMBERSHIP, NEIGHBOUR, PORT, VLAN } from './shapes.ts';

export const readNeighbours = (text: string, command: string): Parsed<readonly Neighbour[] | null> => {
  const list = parseJsonList(text, command, NEIGHBOUR);
  if (!list.ok) return { value: null, problems: [list.problem] };
  const problems = [...list.problems];
  const neighbours: Neighbour[] = [];
  for (const item of list.items) {
    const ip = parseIp(asString(item['dst']) ?? '');
    const dev = asString(item['dev']);
    if (ip === null || dev === null) {
      problems.push(`${command}: an entry without address or device`);
      continue;
    }
    neighbours.push({
      ip,
      dev,
      mac: asString(item['lladdr'])?.toLowerCase() ?? null,
      state: stringsOf(item['state']),
      proxy: 'proxy' in item,
    });
  }
  return { value: neighbours, problems };
};

export const readFdb = (text: string, command: string): Parsed<readonly FdbEntry[] | null> => {
  const list = parseJsonList(text, command, FDB);
  if (!list.ok) return { value: null, problems: [list.problem] };
  const problems = [...list.problems];
  const entries: FdbEntry[] = [];
  for (const item of list.items) {
    const mac = asString(item['mac']);
    const dev = asString(item['ifname']) ?? asString(item['dev']);
    if (mac === null || dev === null) {
      problems.push(`${command}: an entry without MAC or device`);
      continue;
    }
    entries.push({
      mac: mac.toLowerCase(),
      dev,
      master: asString(item['master']),
      vlan: asNumber(item['vlan']),
      remote: parseIp(asString(item['dst']) ?? ''),
      flags: stringsOf(item['flags']),
      state: asString(item['state']),
    });
  }
  return { value: entries, problems };
};

const SWITCHES = [
  ['learning', 'learning', true],
  ['flood', 'flood', true],
  ['multicastFlood', 'mcast_flood', true],
  ['broadcastFlood', 'bcast_flood', true],
  ['locked', 'locked', false],
] as const;

/** Those that are not as a new port has them (br_add_if). */
const switchesOf = (item: JsonObject): Partial<BridgePort> =>
  Object.fromEntries(SWITCHES.flatMap(([name, key, usual]) => (item[key] === !usual ? [[name, !usual]] : [])));

export const readBridgePorts = (text: string, command: string): Parsed<readonly BridgePort[] | null> => {
  const list = parseJsonList(text, command, PORT);
  if (!list.ok) return { value: null, problems: [list.problem] };
  const problems = [...list.problems];
  const ports: BridgePort[] = [];
  for (const item of list.items) {
    const dev = asString(item['ifname']);
    const bridge = asString(item['master']);
    if (dev === null || bridge === null) {
      problems.push(`${command}: a port without name or master`);
      continue;
    }
    ports.push({
      dev,
      bridge,
      state: asString(item['state']) ?? 'unknown',
      hairpin: item['hairpin'] === true,
      isolated: item['isolated'] === true,
      ...switchesOf(item),
    });
  }
  return { value: ports, problems };
};

/** `bridge -j vlan`: a list of VLANs for each port and for the bridge itself. Nothing where no bridge filters VLANs. */
export const readBridgeVlans = (text: string, command: string): Parsed<readonly BridgeVlan[] | null> => {
  const list = parseJsonList(text, command, VLAN);
  if (!list.ok) return { value: null, problems: [list.problem] };
  const problems = [...list.problems];
  const vlans: BridgeVlan[] = [];
  for (const item of list.items) {
    const dev = asString(item['ifname']);
    for (const entry of asArray(item['vlans']) ?? []) {
      const vlan = asObject(entry);
      const first = asNumber(vlan?.['vlan']);
      if (dev === null || first === null) {
        problems.push(`${command}: a VLAN without port or number`);
        continue;
      }
      const flags = stringsOf(vlan?.['flags']);
      const last = asNumber(vlan?.['vlanEnd']) ?? first;
      vlans.push({ dev, first, last, pvid: flags.includes('PVID'), untagged: flags.includes('Egress Untagged') });
    }
  }
  return { value: vlans, problems };
};

/** `ip -j maddr`: groups that interfaces have joined; entries of the link layer are left out. */
export const readMemberships = (text: string, command: string): Parsed<readonly Membership[] | null> => {
  const list = parseJsonList(text, command, MEMBERSHIP);
  if (!list.ok) return { value: null, problems: [list.problem] };
  const joined: Membership[] = [];
  for (const item of list.items) {
    const dev = asString(item['ifname']);
    for (const entry of asArray(item['maddr']) ?? []) {
      const ip = parseIp(asString(asObject(entry)?.['address']) ?? '');
      if (dev !== null && ip !== null) joined.push({ dev, ip });
    }
  }
  return { value: joined, problems: list.problems };
};

/** The same facts from `ip -d link` (info_slave_data), for hosts without the bridge program. */
export const bridgePortsFromLinks = (links: readonly Link[]): readonly BridgePort[] => {
  const bridges = new Set(links.filter((link) => link.kind === 'bridge').map((link) => link.name));
  return links.flatMap((link) =>
    link.master !== null && bridges.has(link.master) && link.portData['hairpin'] !== undefined
      ? [
          {
            dev: link.name,
            bridge: link.master,
            state: asString(link.portData['state']) ?? 'unknown',
            hairpin: link.portData['hairpin'] === true,
            isolated: link.portData['isolated'] === true,
            ...switchesOf(link.portData),
          },
        ]
      : [],
  );
};
