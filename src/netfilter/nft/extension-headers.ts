/**
 * exthdr, tcp option, ip option: headers and options that are found by walking the packet's bytes. nft_exthdr_*_eval in
 * net/netfilter/nft_exthdr.c; RFC 8200 section 4, RFC 9293 section 3.1.
 */
import { u8 } from '../../base/bytes.ts';
import { transportOffset } from '../header.ts';
import type { Skb } from '../skb.ts';
import { known } from './datatypes.ts';
import { isObject, textOf } from './json.ts';
import { type Answered, BREAK, type NftContext, type NotUnderstood, type Operand } from './operand.ts';
import { networkNeed, transportNeed } from './payload.ts';

/** IANA tcp-parameters, under nft's names. */
const TCP_OPTIONS: Readonly<Record<string, number>> = {
  eol: 0,
  nop: 1,
  maxseg: 2,
  window: 3,
  'sack-perm': 4,
  sack: 5,
  timestamp: 8,
  md5sig: 19,
  mptcp: 30,
  fastopen: 34,
};

const IPV6_HEADERS: Readonly<Record<string, number>> = { hbh: 0, rt: 43, rt0: 43, rt2: 43, srh: 43, frag: 44, dst: 60, mh: 135 };

/** Offset and width in bits of the fields that rules ask for; others are read by nobody here. */
const TCP_FIELDS: Readonly<Record<string, readonly [number, number]>> = {
  size: [16, 16],
  count: [16, 8],
  tsval: [16, 32],
  tsecr: [48, 32],
  kind: [0, 8],
  length: [8, 8],
};

export const extensionHeaderOperand = (
  kind: 'exthdr' | 'tcp option' | 'ip option' | 'sctp chunk' | 'dccp option',
  body: unknown,
  context: NftContext,
): Operand | NotUnderstood => {
  if (!isObject(body)) return { problem: `the expression ${kind} without a name` };
  const name = textOf(body['name']);
  const field = textOf(body['field']);
  if (name === null) {
    const raw = kind === 'tcp option' ? rawOption(body) : null;
    return raw ?? { problem: `${kind} ${JSON.stringify(body)} is not understood` };
  }
  const prefix = kind === 'exthdr' ? (field === null ? 'exthdr ' : '') : `${kind} `;
  const text = `${prefix}${name}${field === null ? '' : ` ${field}`}`;
  const needs =
    kind === 'tcp option'
      ? []
      : kind === 'sctp chunk'
        ? [transportNeed('sctp', 132)]
        : kind === 'dccp option'
          ? [transportNeed('dccp', 33)]
          : networkNeed(context, kind === 'ip option' ? 4 : 6);
  const type = known(
    field !== null && /^(sid|addr)\[/.test(field)
      ? 'ipv6_addr'
      : field === null
        ? 'boolean'
        : name === 'mh' && field === 'type'
          ? 'mh_type'
          : field === 'nexthdr'
            ? 'inet_proto'
            : 'integer',
  );
  return { type, text, needs, ask: (skb) => found(kind, name, field, skb) ?? { unknown: `whether the packet has ${text} is not known` } };
};

const rawOption = (body: Readonly<Record<string, unknown>>): Operand => {
  const text = `tcp option @${String(body['base'])},${String(body['offset'])},${String(body['len'])}`;
  return {
    type: known('raw'),
    text,
    needs: [transportNeed('tcp', 6)],
    ask: () => ({ unknown: `what the packet holds at ${text} is not known` }),
  };
};

/** Null where the bytes are not at hand. A field of an option that the packet lacks ends the rule. */
const found = (kind: string, name: string, field: string | null, skb: Skb): Answered | null => {
  // nft implies no `meta l4proto tcp` here: other packets have no such option.
  if (kind === 'tcp option' && skb.protocol !== 6) return field === null ? 0 : BREAK;
  const { bytes } = skb;
  if (bytes === null) return null;
  if (kind === 'tcp option') return tcpOption(bytes, skb, name, field);
  if (kind === 'exthdr' && skb.family === 6 && field === null) return hasHeader(bytes, IPV6_HEADERS[name]);
  if (kind === 'ip option' && (u8(bytes, 0) & 15) === 5) return field === null ? 0 : BREAK;
  return null;
};

const tcpOption = (bytes: Uint8Array, skb: Skb, name: string, field: string | null): Answered | null => {
  const wanted = TCP_OPTIONS[name.replace(/\d+$/, '')] ?? TCP_OPTIONS[name];
  const start = transportOffset(bytes, skb.protocol);
  if (wanted === undefined || start === null || start + 20 > bytes.length) return null;
  const end = start + (u8(bytes, start + 12) >> 4) * 4;
  if (end > bytes.length) return null;
  for (let at = start + 20; at < end; ) {
    const kind = u8(bytes, at);
    const length = kind <= 1 ? 1 : at + 1 < end ? u8(bytes, at + 1) : 0;
    if (kind === wanted && length > 0) return field === null ? 1 : optionField(bytes, at, field, end);
    if (kind === 0 || length === 0 || (kind > 1 && length < 2)) break;
    at += length;
  }
  return field === null ? 0 : BREAK;
};

const optionField = (bytes: Uint8Array, at: number, field: string, end: number): Answered | null => {
  const place = TCP_FIELDS[field];
  if (place === undefined) return null;
  const [offset, bits] = place;
  if (at + (offset + bits) / 8 > end) return BREAK;
  let value = 0;
  for (let i = 0; i < bits / 8; i++) value = value * 256 + u8(bytes, at + offset / 8 + i);
  return value;
};

const hasHeader = (bytes: Uint8Array, wanted: number | undefined): Answered | null => {
  if (wanted === undefined || bytes.length < 40) return null;
  let next = u8(bytes, 6);
  for (let at = 40; at + 8 <= bytes.length; ) {
    if (next === wanted) return 1;
    if (next !== 0 && next !== 43 && next !== 44 && next !== 60) return 0;
    const length = next === 44 ? 8 : (u8(bytes, at + 1) + 1) * 8;
    next = u8(bytes, at);
    at += length;
  }
  return next === wanted ? 1 : 0;
};
