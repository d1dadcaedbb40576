/** `ip -j rule` of both families: ip-rule(8); keys as iproute2 iprule.c prints them. */
import { formatPrefix, type IpPrefix, parseIp, prefixOf } from '../base/ip-address.ts';
import { protocolNumberOf } from '../netfilter/protocols.ts';
import type { PolicyRule } from './facts.ts';
import { parseJsonList } from './json-list.ts';
import { asNumber, asString, type JsonObject, type Parsed } from './json-value.ts';
import { tableName } from './read-routes.ts';

/** Selectors that are kept in `unsupported`: a packet may or may not match them. */
const UNSUPPORTED = ['flowlabel', 'tun_id', 'realms', 'realm', 'suppress_ifgroup', 'dscp_mask', 'flowlabel_mask'];

export const readPolicyRules = (text: string, command: string, family: 4 | 6): Parsed<readonly PolicyRule[] | null> => {
  const list = parseJsonList(text, command, RULE);
  if (!list.ok) return { value: null, problems: [list.problem] };
  const problems = [...list.problems];
  const rules: PolicyRule[] = [];
  for (const item of list.items) {
    const rule = ruleOf(item, family);
    if (typeof rule === 'string') problems.push(`${command}: ${rule}`);
    else rules.push(rule);
  }
  rules.sort((x, y) => x.priority - y.priority);
  return { value: rules, problems };
};

import { RULE, shapeProblems } from './shapes.ts';

const prefixFrom = (item: JsonObject, key: 'src' | 'dst'): IpPrefix | null | 'bad' => {
  const text = asString(item[key]);
  if (text === null || text === 'all') return null;
  const ip = parseIp(text);
  if (ip === null) return 'bad';
  return prefixOf(ip, asNumber(item[`${key}len`]) ?? (ip.version === 4 ? 32 : 128));
};

const ruleOf = (item: JsonObject, family: 4 | 6): PolicyRule | string => {
  const from = prefixFrom(item, 'src');
  const to = prefixFrom(item, 'dst');
  if (from === 'bad' || to === 'bad') return `a rule with an unreadable address: ${JSON.stringify(item)}`;
  const table = item['table'] === undefined ? null : tableName(String(item['table']));
  const goto = asNumber(item['goto']);
  const selectors = selectorsOf(item);
  const unsupported = [
    ...UNSUPPORTED.filter((key) => item[key] !== undefined).map((key) => `${key} ${String(item[key] ?? '')}`.trim()),
    ...selectors.unreadable,
    ...Object.keys(item)
      .filter((key) => shapeProblems({ [key]: item[key] }, RULE, key).length > 0)
      .map((key) => `${key} ${JSON.stringify(item[key])}`),
  ];
  const action = 'nop' in item ? 'nop' : actionOf(asString(item['action']), table ?? ('l3mdev' in item ? 'l3mdev' : null), goto);
  const rule: Omit<PolicyRule, 'text'> = {
    family,
    priority: asNumber(item['priority']) ?? 0,
    from,
    to,
    iif: asString(item['iif']),
    oif: asString(item['oif']),
    fwmark: asNumber(item['fwmark']),
    fwmask: asNumber(item['fwmask']),
    not: 'not' in item,
    table,
    action,
    goto,
    ...selectors.value,
    unsupported,
    suppressPrefixLength: asNumber(item['suppress_prefixlen']),
  };
  return { ...rule, text: ruleText(rule, item) };
};

type Selectors = Pick<PolicyRule, 'protocol' | 'sport' | 'dport' | 'tos' | 'uids' | 'l3mdev'>;

/** Selectors by protocol, port, TOS and user; those whose value is a name that is not known here count as unreadable. */
const selectorsOf = (item: JsonObject): { readonly value: Selectors; readonly unreadable: readonly string[] } => {
  const unreadable: string[] = [];
  const one = <T>(key: string, read: (value: unknown) => T | null): T | undefined => {
    if (item[key] === undefined) return undefined;
    const value = read(item[key]);
    if (value === null) unreadable.push(`${key} ${String(item[key] ?? '')}`.trim());
    return value ?? undefined;
  };
  const range = (key: string): readonly [number, number] | undefined => {
    const single = one(key, asNumber);
    if (single !== undefined) return [single, single];
    const first = one(`${key}_start`, asNumber);
    const last = one(`${key}_end`, asNumber);
    return first === undefined || last === undefined ? undefined : [first, last];
  };
  const protocol = one('ipproto', (value) => protocolNumberOf(String(value)));
  const dscp = one('dscp', asNumber);
  const tos = one('tos', asNumber) ?? one('dsfield', asNumber) ?? (dscp === undefined ? undefined : dscp << 2);
  const uids = one('uid_start', asNumber);
  const lastUid = one('uid_end', asNumber);
  const sport = range('sport');
  const dport = range('dport');
  return {
    value: {
      ...(protocol === undefined ? {} : { protocol }),
      ...(sport === undefined ? {} : { sport }),
      ...(dport === undefined ? {} : { dport }),
      ...(tos === undefined ? {} : { tos }),
      ...(uids === undefined || lastUid === undefined ? {} : { uids: [uids, lastUid] as const }),
      ...('l3mdev' in item ? { l3mdev: true as const } : {}),
    },
    unreadable,
  };
};

const actionOf = (action: string | null, table: string | null, goto: number | null): PolicyRule['action'] => {
  if (goto !== null) return 'goto';
  if (action === null || action === 'lookup' || action === 'to_tbl') return table === null ? 'unknown' : 'lookup';
  if (action === 'blackhole' || action === 'unreachable' || action === 'prohibit' || action === 'nop') return action;
  return 'unknown';
};

const rangeText = ([first, last]: readonly [number, number]): string => (first === last ? String(first) : `${first}-${last}`);

const hex = (value: number): string => `0x${value.toString(16)}`;

const ruleText = (rule: Omit<PolicyRule, 'text'>, item: JsonObject): string => {
  const words = [`${rule.priority}:`];
  if (rule.not) words.push('not');
  words.push('from', rule.from === null ? 'all' : formatPrefix(rule.from));
  if (rule.to !== null) words.push('to', formatPrefix(rule.to));
  if (rule.fwmark !== null) words.push('fwmark', rule.fwmask === null ? hex(rule.fwmark) : `${hex(rule.fwmark)}/${hex(rule.fwmask)}`);
  if (rule.iif !== null) words.push('iif', rule.iif);
  if (rule.oif !== null) words.push('oif', rule.oif);
  if (rule.tos !== undefined) words.push('tos', hex(rule.tos));
  if (item['ipproto'] !== undefined) words.push('ipproto', String(item['ipproto']));
  if (rule.sport !== undefined) words.push('sport', rangeText(rule.sport));
  if (rule.dport !== undefined) words.push('dport', rangeText(rule.dport));
  if (rule.uids !== undefined) words.push('uidrange', `${rule.uids[0]}-${rule.uids[1]}`);
  words.push(...rule.unsupported);
  if (rule.action === 'goto') words.push('goto', String(rule.goto));
  else if (rule.l3mdev === true) words.push('lookup', '[l3mdev-table]');
  else if (rule.action === 'lookup') words.push('lookup', rule.table ?? '');
  else words.push(asString(item['action']) ?? rule.action);
  if (rule.suppressPrefixLength !== null) words.push('suppress_prefixlength', String(rule.suppressPrefixLength));
  return words.join(' ');
};
