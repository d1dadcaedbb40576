/** `ip -j rule` of both families: ip-rule(8); keys as iproute2 iprule.c prints them. */
import { formatPrefix, type IpPrefix, parseIp, prefixOf } from '../base/ip-address.ts';
import type { PolicyRule } from './facts.ts';
import { asNumber, asString, type JsonObject, type Parsed, parseJsonList } from './json-value.ts';
import { tableName } from './read-routes.ts';

/** Selectors that are kept in `unsupported`: a packet may or may not match them. */
const UNSUPPORTED = [
  'tos',
  'dsfield',
  'dscp',
  'flowlabel',
  'ipproto',
  'sport',
  'sport_start',
  'dport',
  'dport_start',
  'uid_start',
  'tun_id',
  'l3mdev',
  'realms',
  'realm',
];

export const readPolicyRules = (text: string, command: string, family: 4 | 6): Parsed<readonly PolicyRule[] | null> => {
  const list = parseJsonList(text, command);
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
  const unsupported = UNSUPPORTED.filter((key) => item[key] !== undefined).map((key) => `${key} ${String(item[key] ?? '')}`.trim());
  const action = actionOf(asString(item['action']), table, goto);
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
    unsupported,
    suppressPrefixLength: asNumber(item['suppress_prefixlen']),
  };
  return { ...rule, text: ruleText(rule, asString(item['action'])) };
};

const actionOf = (action: string | null, table: string | null, goto: number | null): PolicyRule['action'] => {
  if (goto !== null) return 'goto';
  if (action === null || action === 'lookup' || action === 'to_tbl') return table === null ? 'unknown' : 'lookup';
  if (action === 'blackhole' || action === 'unreachable' || action === 'prohibit' || action === 'nop') return action;
  return 'unknown';
};

const hex = (value: number): string => `0x${value.toString(16)}`;

const ruleText = (rule: Omit<PolicyRule, 'text'>, action: string | null): string => {
  const words = [`${rule.priority}:`];
  if (rule.not) words.push('not');
  words.push('from', rule.from === null ? 'all' : formatPrefix(rule.from));
  if (rule.to !== null) words.push('to', formatPrefix(rule.to));
  if (rule.fwmark !== null) words.push('fwmark', rule.fwmask === null ? hex(rule.fwmark) : `${hex(rule.fwmark)}/${hex(rule.fwmask)}`);
  if (rule.iif !== null) words.push('iif', rule.iif);
  if (rule.oif !== null) words.push('oif', rule.oif);
  words.push(...rule.unsupported);
  if (rule.action === 'goto') words.push('goto', String(rule.goto));
  else if (rule.action === 'lookup') words.push('lookup', rule.table ?? '');
  else words.push(action ?? rule.action);
  if (rule.suppressPrefixLength !== null) words.push('suppress_prefixlength', String(rule.suppressPrefixLength));
  return words.join(' ');
};
