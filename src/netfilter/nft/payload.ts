/** payload expressions: header fields by name and by place. nft_payload_eval in net/netfilter/nft_payload.c; nft(8) "PAYLOAD EXPRESSIONS". */
import { u8 } from '../../base/bytes.ts';
import { transportOffset } from '../header.ts';
import { type Condition, notKnown } from '../matches/condition.ts';
import { hasPorts, protocolName } from '../protocols.ts';
import type { Skb } from '../skb.ts';
import { known, type Value } from './datatypes.ts';
import { FIELDS, type Field, FOREIGN_FIELDS, fieldAt, PROTOCOL_OF } from './fields.ts';
import { isObject, numberOf, textOf } from './json.ts';
import { type Answered, BREAK, type NftContext, type NotUnderstood, need, type Operand, type Unknown } from './operand.ts';

const LATER_FRAGMENT: Unknown = { unknown: 'a later fragment has no transport header: what the kernel compares there is payload' };
const NO_LL_BYTES: Unknown = { unknown: "the frame's link-layer header is not at hand" };
const VLAN_UNKNOWN: Unknown = { unknown: 'whether the frame carries a VLAN tag is not known' };

const needV4 = (context: NftContext): readonly Condition[] => networkNeed(context, 4);
const needV6 = (context: NftContext): readonly Condition[] => networkNeed(context, 6);

/** In tables of one family nothing needs to be asked; inet asks the hook's family, bridge and netdev the frame's protocol. */
export const networkNeed = ({ family }: NftContext, version: 4 | 6): readonly Condition[] => {
  if (family === 'ip' || family === 'ip6') return [];
  const text = family === 'inet' ? `meta nfproto ipv${version}` : `meta protocol ${version === 4 ? 'ip' : 'ip6'}`;
  return [
    need(
      text,
      (skb) => skb.family === version,
      (skb) => (skb.family === 4 ? 'IPv4' : 'IPv6'),
    ),
  ];
};

export const transportNeed = (name: string, protocol: number): Condition =>
  need(
    `meta l4proto ${name}`,
    (skb) => skb.protocol === protocol,
    (skb) => `meta l4proto ${protocolName(skb.protocol) ?? skb.protocol}`,
  );

const needsOf = (context: NftContext, header: string): readonly Condition[] => {
  switch (header) {
    case 'ip':
      return needV4(context);
    case 'ip6':
      return needV6(context);
    case 'icmp':
      return context.family === 'inet' ? [...needV4(context), transportNeed('icmp', 1)] : [transportNeed('icmp', 1)];
    case 'icmpv6':
      return context.family === 'inet' ? [...needV6(context), transportNeed('ipv6-icmp', 58)] : [transportNeed('ipv6-icmp', 58)];
    case 'ether':
    case 'th':
      return [];
    default: {
      const protocol = PROTOCOL_OF[header];
      return protocol === undefined ? [] : [transportNeed(header, protocol)];
    }
  }
};

export const payloadOperand = (body: unknown, context: NftContext): Operand | NotUnderstood => {
  if (!isObject(body)) return { problem: 'a payload expression without a field' };
  const header = textOf(body['protocol']);
  const name = textOf(body['field']);
  if (header !== null && name !== null) return namedField(header, name, context);
  const base = textOf(body['base']);
  const offset = numberOf(body['offset']);
  const bits = numberOf(body['len']);
  if (base === null || offset === null || bits === null)
    return { problem: `the payload expression ${JSON.stringify(body)} is not understood` };
  return rawPayload(base, offset, bits);
};

const namedField = (header: string, name: string, context: NftContext): Operand | NotUnderstood => {
  const text = `${header} ${name}`;
  const field = FIELDS[header]?.[name];
  if (field !== undefined) {
    const unknown: Unknown = { unknown: notKnown(text) };
    return { type: field.type, text, needs: needsOf(context, header), ask: (skb) => askField(field, skb, unknown) };
  }
  const foreign = FOREIGN_FIELDS[header]?.[name];
  if (foreign === undefined) return { problem: `the field ${text} is not understood` };
  const type = known(foreign);
  if (header === 'arp') return { type, text, needs: [need('meta protocol arp', () => false)], ask: () => BREAK };
  if (header === 'vlan') return { type, text, needs: [], ask: () => VLAN_UNKNOWN };
  return { type, text, needs: needsOf(context, header), ask: () => ({ unknown: notKnown(text) }) };
};

const askField = (field: Field, skb: Skb, unknown: Unknown): Answered => {
  if (field.base === 'll' && !skb.hasMac) return BREAK;
  if (field.base === 'th' && skb.fragmentOffset !== 0) return LATER_FRAGMENT;
  const value = field.read(skb);
  // Other protocols have something else where tcp and udp have their ports.
  if (value !== null && !(field.base === 'th' && field.type.name === 'inet_service' && !hasPorts(skb.protocol))) return value;
  if (field.base === 'll') return unknown;
  return bitsOf(skb, field.base, field.offset, field.bits) ?? unknown;
};

const rawPayload = (base: string, offset: number, bits: number): Operand | NotUnderstood => {
  if (base !== 'll' && base !== 'nh' && base !== 'th') return { problem: `raw payload of the ${base} header is not understood` };
  const text = `@${base},${offset},${bits}`;
  const unknown: Unknown = { unknown: `what the packet holds at ${text} is not known` };
  return {
    type: { ...known('raw'), bits },
    text,
    needs: [],
    ask: (skb) => {
      if (base === 'll' && !skb.hasMac) return BREAK;
      if (base === 'th' && skb.fragmentOffset !== 0) return LATER_FRAGMENT;
      const value = fieldAt(skb, base, offset, bits)?.read(skb) ?? null;
      if (typeof value === 'number') return value;
      if (base === 'll') return NO_LL_BYTES;
      return bits > 48 ? unknown : (bitsOf(skb, base, offset, bits) ?? unknown);
    },
  };
};

/** Null where the bytes are not at hand; BREAK beyond the packet's end. */
export const bitsOf = (skb: Skb, base: 'nh' | 'th', offset: number, bits: number): Value | typeof BREAK | null => {
  const { bytes } = skb;
  if (bytes === null) return null;
  const start = base === 'nh' ? 0 : transportOffset(bytes, skb.protocol);
  if (start === null) return null;
  const first = start + (offset >> 3);
  const last = start + ((offset + bits - 1) >> 3);
  // A capture may have cut the packet short.
  if (last >= bytes.length) return skb.length !== null && bytes.length >= skb.length ? BREAK : null;
  if (bits > 48) {
    let hex = '';
    for (let i = first; i <= last; i++) hex += u8(bytes, i).toString(16).padStart(2, '0');
    return hex;
  }
  let value = 0n;
  for (let i = first; i <= last; i++) value = (value << 8n) | BigInt(u8(bytes, i));
  const below = BigInt((last - start) * 8 + 8 - offset - bits);
  return Number((value >> below) & ((1n << BigInt(bits)) - 1n));
};
