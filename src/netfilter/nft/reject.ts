/** reject: which answer the sender gets. net/netfilter/nft_reject{,_inet}.c; nft(8) "REJECT STATEMENT". */
import type { Skb } from '../skb.ts';
import { isObject, textOf } from './json.ts';
import type { NftContext } from './operand.ts';

/** The words of iptables' --reject-with, by which verdicts name the answer whichever program wrote the rule. */
const V4: Readonly<Record<string, string>> = {
  'net-unreachable': 'icmp-net-unreachable',
  'host-unreachable': 'icmp-host-unreachable',
  'prot-unreachable': 'icmp-proto-unreachable',
  'port-unreachable': 'icmp-port-unreachable',
  'net-prohibited': 'icmp-net-prohibited',
  'host-prohibited': 'icmp-host-prohibited',
  'admin-prohibited': 'icmp-admin-prohibited',
};

const V6: Readonly<Record<string, string>> = {
  'no-route': 'icmp6-no-route',
  'admin-prohibited': 'icmp6-adm-prohibited',
  'addr-unreachable': 'icmp6-addr-unreachable',
  'port-unreachable': 'icmp6-port-unreachable',
  'policy-fail': 'icmp6-policy-fail',
  'reject-route': 'icmp6-reject-route',
};

/** nft_reject_icmp_code and nft_reject_icmpv6_code: what the words of both families become in each. */
const X4: Readonly<Record<string, string>> = {
  'no-route': 'icmp-net-unreachable',
  'port-unreachable': 'icmp-port-unreachable',
  'host-unreachable': 'icmp-host-unreachable',
  'admin-prohibited': 'icmp-admin-prohibited',
};

const X6: Readonly<Record<string, string>> = {
  'no-route': 'icmp6-no-route',
  'port-unreachable': 'icmp6-port-unreachable',
  'host-unreachable': 'icmp6-addr-unreachable',
  'admin-prohibited': 'icmp6-adm-prohibited',
};

export const rejectWith = (body: unknown, skb: Skb): string => {
  const { type, code } = answerOf(body);
  if (type === 'tcp reset') return 'tcp-reset';
  const words = type === 'icmp' ? V4 : type === 'icmpv6' ? V6 : skb.family === 4 ? X4 : X6;
  return words[code] ?? code;
};

const answerOf = (body: unknown): { readonly type: string | null; readonly code: string } => {
  const fields = isObject(body) ? body : {};
  const { expr } = fields;
  return { type: textOf(fields['type']), code: typeof expr === 'number' ? String(expr) : (textOf(expr) ?? 'port-unreachable') };
};

/** nft leaves away what it would take anyway: port unreachable in the words of the table's family. */
export const rejectText = (body: unknown, { family }: NftContext): string => {
  const { type, code } = answerOf(body);
  if (type === null) return 'reject';
  if (type === 'tcp reset') return 'reject with tcp reset';
  const own = family === 'ip' ? 'icmp' : family === 'ip6' ? 'icmpv6' : 'icmpx';
  return type === own && code === 'port-unreachable' ? 'reject' : `reject with ${type} ${code}`;
};
