/** `ip -j route show table all` of both families: ip-route(8); keys as iproute2 iproute.c prints them. */
import { formatPrefix, type IpAddress, type IpPrefix, ipv4, ipv6, parseIp, parsePrefix, prefixOf } from '../base/ip-address.ts';
import type { Route, RouteType } from './facts.ts';
import { parseJsonList } from './json-list.ts';
import { asArray, asNumber, asObject, asString, type JsonObject, type Parsed, stringsOf } from './json-value.ts';
import { ROUTE } from './shapes.ts';

const ROUTE_TYPES: ReadonlySet<string> = new Set([
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'anycast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
]);

const ipOf = (value: unknown): IpAddress | null => {
  const text = asString(value);
  return text === null ? null : parseIp(text);
};

/** `family` null: the listing may hold both, as `ip route show table all` without -4 and -6 prints them. */
export const readRoutes = (text: string, command: string, family: 4 | 6 | null): Parsed<readonly Route[] | null> => {
  const list = parseJsonList(text, command, ROUTE);
  if (!list.ok) return { value: null, problems: [list.problem] };
  const problems = [...list.problems];
  const routes: Route[] = [];
  for (const item of list.items) {
    const route = routeOf(item, family);
    if (typeof route === 'string') problems.push(`${command}: ${route}`);
    else routes.push(route);
  }
  return { value: routes, problems };
};

const routeOf = (item: JsonObject, given: 4 | 6 | null): Route | string => {
  const dst = asString(item['dst']);
  if (dst === null) return 'a route without "dst"';
  const family = given ?? familyOf(item, dst);
  const prefix = dst === 'default' ? prefixOf(family === 4 ? ipv4(0) : ipv6(0, 0, 0, 0), 0) : parsePrefix(dst);
  if (prefix === null || prefix.address.version !== family) return `the destination "${dst}" of a route is unreadable`;
  const type = asString(item['type']) ?? 'unicast';
  if (!ROUTE_TYPES.has(type)) return `the route to ${dst} has the unknown type "${type}"`;
  const from = fromOf(item);
  if (from === 'bad') return `the source of the route to ${dst} is unreadable`;
  const table = item['table'];
  const metrics = asObject((asArray(item['metrics']) ?? [])[0]);
  const nexthops = (asArray(item['nexthops']) ?? []).flatMap((entry) => {
    const hop = asObject(entry);
    return hop === null
      ? []
      : [{ dev: asString(hop['dev']), gateway: gatewayOf(hop), weight: asNumber(hop['weight']) ?? 1, ...flagsOf(hop) }];
  });
  const route: Omit<Route, 'text'> = {
    family,
    type: type as RouteType,
    table: typeof table === 'string' || typeof table === 'number' ? tableName(String(table)) : 'main',
    prefix,
    ...(from === null ? {} : { from }),
    gateway: gatewayOf(item),
    dev: asString(item['dev']),
    source: ipOf(item['prefsrc']),
    metric: asNumber(item['metric']) ?? 0,
    scope: asString(item['scope']),
    tos: asNumber(item['tos']),
    mtu: asNumber(metrics?.['mtu']),
    flags: stringsOf(item['flags']),
    nexthops,
  };
  return { ...route, text: routeText(item, dst, route) };
};

const flagsOf = (hop: JsonObject): { readonly flags?: readonly string[] } => {
  const flags = stringsOf(hop['flags']);
  return flags.length === 0 ? {} : { flags };
};

/** RTA_SRC: IPv6 routes for some senders only. */
const fromOf = (item: JsonObject): IpPrefix | null | 'bad' => {
  const text = asString(item['from']);
  if (text === null || text === 'all' || text === 'default') return null;
  return parsePrefix(text) ?? 'bad';
};

/** A gateway of the other family is printed as `"via": {"family", "host"}` (RFC 5549 next hops). */
const gatewayOf = (item: JsonObject): IpAddress | null => ipOf(item['gateway']) ?? ipOf(asObject(item['via'])?.['host']);

/** IPv6 routes always carry `pref`; IPv4 ones never do (RFC 4191 router preference). */
const familyOf = (item: JsonObject, dst: string): 4 | 6 => {
  if (dst !== 'default') return dst.includes(':') ? 6 : 4;
  if (item['pref'] !== undefined) return 6;
  return asString(item['gateway'])?.includes(':') === true ? 6 : 4;
};

/** The reserved numbers of /etc/iproute2/rt_tables; `ip -N` and busy hosts print numbers instead of names. */
export const tableName = (table: string): string =>
  table === '254' ? 'main' : table === '255' ? 'local' : table === '253' ? 'default' : table;

const routeText = (item: JsonObject, dst: string, route: Omit<Route, 'text'>): string => {
  const words: string[] = [];
  if (route.type !== 'unicast') words.push(route.type);
  words.push(dst === 'default' ? 'default' : dst.includes('/') ? formatPrefix(route.prefix) : dst);
  const put = (word: string, value: unknown): void => {
    if (value !== null && value !== undefined) words.push(word, String(value));
  };
  put('from', item['from']);
  put('tos', item['tos']);
  const via = asObject(item['via']);
  if (via !== null) words.push('via', String(via['family'] ?? ''), String(via['host'] ?? ''));
  else put('via', item['gateway']);
  put('dev', route.dev);
  if (route.table !== 'main') put('table', route.table);
  put('proto', item['protocol']);
  put('scope', item['scope']);
  put('src', item['prefsrc']);
  if (route.metric > 0) put('metric', route.metric);
  put('mtu', route.mtu);
  for (const hop of route.nexthops) {
    words.push('nexthop');
    if (hop.gateway !== null)
      put('via', (asArray(item['nexthops']) ?? []).map(asObject).find((entry) => asString(entry?.['dev']) === hop.dev)?.['gateway']);
    put('dev', hop.dev);
    put('weight', hop.weight);
  }
  for (const flag of route.flags) words.push(flag);
  return words.join(' ');
};
