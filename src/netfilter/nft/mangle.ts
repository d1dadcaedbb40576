/** Statements that change the packet or its connection: `meta mark set`, `ct mark set`, payload. nft_meta.c, nft_ct.c, nft_payload.c in net/netfilter. */
import { hasConnection } from '../conntrack.ts';
import type { MatchEnv, StepAction } from '../evaluation.ts';
import type { Condition } from '../matches/condition.ts';
import { hasPorts } from '../protocols.ts';
import type { Hook } from '../ruleset.ts';
import { ctWith, type Skb, skbWith } from '../skb.ts';
import { seenBefore } from '../targets/ct.ts';
import { type CompiledTarget, hex, type TargetResult } from '../targets/target.ts';
import { addressOf, constantOf, type Value } from './datatypes.ts';
import { isOperand, mapOperand, operandOf } from './expressions.ts';
import { isObject, namedBody, textOf } from './json.ts';
import { BREAK, isUnknown, type NftContext, type NotUnderstood, type Operand } from './operand.ts';
import { printConstant } from './print-constants.ts';

export interface CompiledMangle {
  readonly text: string;
  readonly needs: readonly Condition[];
  readonly target: CompiledTarget;
  readonly asksConntrack: boolean;
}

interface Changed {
  readonly skb: Skb;
  readonly note: string;
}

/** `value` null: not known, with the reason. Null answers: nothing changes. */
type Change = (skb: Skb, value: Value | null, reason: string, hook: Hook) => Changed | null;

export const compileMangle = (body: unknown, context: NftContext): CompiledMangle | NotUnderstood => {
  if (!isObject(body)) return { problem: 'a mangle statement without a key' };
  const key = operandOf(body['key'], context);
  if (!isOperand(key)) return key;
  const value = valueOperand(body['value'], key, context);
  if ('problem' in value) return value;
  const named = namedBody(body['key']);
  const change = changeOf(named?.name ?? '', named?.body, key);
  return {
    text: `${key.text} set ${value.text}`,
    needs: [...key.needs, ...value.needs],
    asksConntrack: key.asksConntrack === true || value.asksConntrack === true,
    target: change === null ? NOTHING_TO_SEE : changing(change.action, change.change, value, `${key.text} set ${value.text}`),
  };
};

/** It changes what no rule asks for, or what is unknown to them anyway. */
const NOTHING_TO_SEE: CompiledTarget = { inert: true, run: (skb) => ({ kind: 'continue', action: 'continue', skb }) };

const valueOperand = (json: unknown, key: Operand, context: NftContext): Operand | NotUnderstood => {
  const constant = constantOf(key.type, json);
  if (constant !== null) return { type: key.type, text: printConstant(key.type, json), needs: [], ask: () => constant };
  const named = namedBody(json);
  return named?.name === 'map' ? mapOperand(named.body, context, key.type) : operandOf(json, context);
};

const changing = (action: StepAction, change: Change, value: Operand, text: string): CompiledTarget => ({
  inert: false,
  run: (skb: Skb, env: MatchEnv, hook: Hook): TargetResult => {
    const answer = value.ask(skb, env, hook);
    if (answer === BREAK) return { kind: 'break', failed: `${text}: there is nothing to set` };
    const changed = isUnknown(answer) ? change(skb, null, answer.unknown, hook) : change(skb, answer, '', hook);
    return changed === null ? { kind: 'continue', action, skb } : { kind: 'continue', action, ...changed };
  },
});

const changeOf = (name: string, body: unknown, key: Operand): { readonly action: StepAction; readonly change: Change } | null => {
  const what = isObject(body) ? textOf(body['key']) : null;
  if (name === 'meta' && what === 'mark') return { action: 'mark', change: setMark };
  if (name === 'meta' && what === 'pkttype') return { action: 'continue', change: setPacketType };
  if (name === 'ct' && what === 'mark') return { action: 'mark', change: setConnectionMark };
  if (name === 'ct' && what === 'zone') return { action: 'continue', change: setZone };
  if (name === 'payload') return { action: 'continue', change: setPayload(key) };
  return null;
};

const setMark: Change = (skb, value, reason) => {
  if (typeof value !== 'number') return { skb: skbWith(skb, { markUnknown: reason }), note: 'mark -> unknown' };
  if (skb.markUnknown === undefined)
    return value === skb.mark ? null : { skb: skbWith(skb, { mark: value }), note: `mark ${hex(skb.mark)} -> ${hex(value)}` };
  const { markUnknown: _, ...known } = skb;
  return { skb: { ...known, mark: value }, note: `mark -> ${hex(value)}` };
};

const PACKET_TYPES = ['unicast', 'broadcast', 'multicast', 'otherhost'] as const;

const setPacketType: Change = (skb, value) => {
  const packetType = typeof value === 'number' ? (PACKET_TYPES[value] ?? null) : null;
  return packetType === skb.packetType ? null : { skb: skbWith(skb, { packetType }), note: `packet type -> ${packetType ?? 'unknown'}` };
};

const setConnectionMark: Change = (skb, value) => {
  if (!hasConnection(skb.ct)) return null;
  const mark = typeof value === 'number' ? value : null;
  if (mark === skb.ct.mark) return null;
  return { skb: skbWith(skb, { ct: ctWith(skb.ct, { mark }) }), note: `connection mark -> ${mark === null ? 'unknown' : hex(mark)}` };
};

const setZone: Change = (skb, value) => {
  if (typeof value !== 'number' || seenBefore(skb)) return null;
  return { skb: skbWith(skb, { ct: ctWith(skb.ct, { zone: value }) }), note: `conntrack zone ${value}` };
};

/** The bytes are those of before, so whoever reads them afterwards is told that they are not at hand. */
const setPayload =
  (key: Operand): Change =>
  (skb, value) => {
    const change = fieldChange(key.text, skb, value);
    return change === null
      ? { skb: skbWith(skb, { bytes: null }), note: `${key.text} is changed` }
      : { skb: skbWith(skb, { ...change, bytes: null }), note: `${key.text} -> ${shown(change)}` };
  };

const shown = (change: Partial<Skb>): string => {
  const [value] = Object.values(change);
  return value !== null && typeof value === 'object' ? 'another address' : String(value);
};

/** `ip saddr set` and its like leave the connection alone: that is no NAT. */
const fieldChange = (field: string, skb: Skb, value: Value | null): Partial<Skb> | null => {
  if (value === null) return null;
  const [header, name] = field.split(' ');
  const number = typeof value === 'number' ? value : null;
  switch (name) {
    case 'saddr':
      return header === 'ether' ? { srcMac: number } : { src: addressOf(value) };
    case 'daddr':
      return header === 'ether' ? null : { dst: addressOf(value) };
    case 'sport':
      return hasPorts(skb.protocol) ? { srcPort: number } : null;
    case 'dport':
      return hasPorts(skb.protocol) ? { dstPort: number } : null;
    case 'ttl':
    case 'hoplimit':
      return { ttl: number };
    case 'dscp':
      return skb.tos === null || number === null ? { tos: null } : { tos: (skb.tos & 3) | (number << 2) };
    case 'ecn':
      return skb.tos === null || number === null ? { tos: null } : { tos: (skb.tos & 0xfc) | number };
    default:
      return null;
  }
};
