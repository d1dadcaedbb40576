/** `ip -j neigh`, `bridge -j fdb` and `bridge -j -d link`: ip-neighbour(8), bridge(8). */
import { parseIp } from '../base/ip-address.ts';
import type { BridgePort, FdbEntry, Link, Neighbour } from './facts.ts';
import { asNumber, asString, type Parsed, parseJsonList, stringsOf } from './json-value.ts';

export const readNeighbours = (text: string, command: string): Parsed<readonly Neighbour[] | null> => {
  const list = parseJsonList(text, command);
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
  const list = parseJsonList(text, command);
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

export const readBridgePorts = (text: string, command: string): Parsed<readonly BridgePort[] | null> => {
  const list = parseJsonList(text, command);
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
    });
  }
  return { value: ports, problems };
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
          },
        ]
      : [],
  );
};
