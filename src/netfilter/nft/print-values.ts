/**
 * For near misses: what the packet has in place of what a native rule wants, in nft's words. nft(8) "DATA TYPES" for how values are
 * written.
 */
import { formatIp, formatMac } from '../../base/ip-address.ts';
import type { MatchEnv } from '../evaluation.ts';
import { protocolName } from '../protocols.ts';
import type { Hook } from '../ruleset.ts';
import type { Skb } from '../skb.ts';
import type { Datatype, Value } from './datatypes.ts';
import { BREAK, isUnknown, type Operand, partsOf } from './operand.ts';
import { printConstant, quote } from './print-constants.ts';

/** `ip saddr 10.0.0.2, tcp dport 81`; null where the packet has no such value, or nobody knows it. */
export const operandHas = (operand: Operand, skb: Skb, env: MatchEnv, hook: Hook): string | null => {
  if (operand.chance === true) return null;
  const words: string[] = [];
  for (const part of partsOf(operand)) {
    const value = part.ask(skb, env, hook);
    if (value === BREAK || isUnknown(value)) return null;
    words.push(`${part.text} ${printValue(part.type, value)}`);
  }
  return words.join(', ');
};

/** Datatypes whose values are sets of flags. */
const FLAGS: readonly string[] = ['ct_state', 'ct_status', 'tcp_flag'];

export const printValue = (type: Datatype, value: Value): string => {
  if (typeof value === 'string') {
    if (type.name === 'ipv6_addr' && value.length === 32) return formatIp(ipv6Of(value));
    return value === '' || type.quoted ? quote(value) : value;
  }
  switch (type.name) {
    case 'ipv4_addr':
      return formatIp({ version: 4, a: value, b: 0, c: 0, d: 0 });
    case 'ether_addr':
      return formatMac(value);
    case 'inet_proto':
      return protocolName(value) ?? String(value);
    case 'boolean':
      return value === 0 ? 'missing' : 'exists';
    default:
      return namesOf(type, value) ?? printConstant(type, value);
  }
};

const namesOf = ({ name, symbols }: Datatype, value: number): string | null => {
  if (symbols === null) return null;
  const entries = Object.entries(symbols);
  const exact = entries.find(([, number]) => number === value)?.[0];
  if (exact !== undefined || !FLAGS.includes(name)) return exact ?? null;
  const set = entries.filter(([, bit]) => (value & bit) !== 0).map(([flag]) => flag);
  return set.length === 0 ? null : set.join(',');
};

const ipv6Of = (hex: string) => {
  const word = (at: number): number => Number.parseInt(hex.slice(at * 8, at * 8 + 8), 16);
  return { version: 6, a: word(0), b: word(1), c: word(2), d: word(3) } as const;
};
