/**
 * Reads one record of link type NFLOG (tcpdump.org LINKTYPE_NFLOG; nfnetlink_log.h) that iptables-legacy's TRACE wrote: its prefix is
 * `TRACE: table:chain:rule:N `, `…:return:N ` or `…:policy:N ` (trace_packet in ip_tables.c).
 */
import { u8, u16be, u16le, u32be } from '../base/bytes.ts';
import type { Hook } from '../netfilter/ruleset.ts';
import { NO_PACKET, type TraceEvent } from './event.ts';
import { packetOfBytes } from './ip-fields.ts';

const NFULA_PACKET_HDR = 1;
const NFULA_MARK = 2;
const NFULA_IFINDEX_INDEV = 4;
const NFULA_IFINDEX_OUTDEV = 5;
const NFULA_IFINDEX_PHYSINDEV = 6;
const NFULA_IFINDEX_PHYSOUTDEV = 7;
const NFULA_PAYLOAD = 9;
const NFULA_PREFIX = 10;

const AF_INET = 2;
const AF_INET6 = 10;

/** NF_INET_PRE_ROUTING and the following. */
const HOOKS: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

const NLA_TYPE_MASK = 0x3fff;

/**
 * Null for a record that is no trace of iptables: another rule's log, or damage. The lengths and types of its parts are in the byte
 * order of the capturing host, told by `littleEndian`.
 */
export const readNflogTrace = (
  record: Uint8Array,
  deviceName: (ifindex: number) => string | null,
  littleEndian = true,
): TraceEvent | null => {
  if (record.length < 4) return null;
  const family = u8(record, 0);
  if (family !== AF_INET && family !== AF_INET6) return null;
  const parts = partsOf(record, littleEndian ? u16le : u16be);
  const prefix = parts.get(NFULA_PREFIX);
  if (prefix === undefined) return null;
  const told = /^TRACE: ([^:]+):(.+):(rule|return|policy):(\d+) ?$/.exec(textOf(prefix));
  if (told === null) return null;
  const [, table = '', chain = '', kind, number] = told;
  const device = (type: number): string | null => {
    const value = parts.get(type);
    return value === undefined || value.length < 4 ? null : (deviceName(u32be(value, 0)) ?? `if${u32be(value, 0)}`);
  };
  const header = parts.get(NFULA_PACKET_HDR);
  const mark = parts.get(NFULA_MARK);
  const payload = parts.get(NFULA_PAYLOAD);
  const packet = payload === undefined ? NO_PACKET : (packetOfBytes(payload) ?? NO_PACKET);
  return {
    source: 'legacy',
    id: null,
    family: family === AF_INET ? 'ip' : 'ip6',
    table,
    chain,
    kind: kind as 'rule' | 'return' | 'policy',
    handle: null,
    rule: Number(number),
    verdict: null,
    target: null,
    text: null,
    mark: mark === undefined || mark.length < 4 ? null : u32be(mark, 0),
    hook: header === undefined || header.length < 3 ? null : (HOOKS[u8(header, 2)] ?? null),
    packet: {
      ...packet,
      inDev: device(NFULA_IFINDEX_INDEV),
      outDev: device(NFULA_IFINDEX_OUTDEV),
      physIn: device(NFULA_IFINDEX_PHYSINDEV),
      physOut: device(NFULA_IFINDEX_PHYSOUTDEV),
    },
  };
};

/** Netlink attributes behind the four bytes of struct nfgenmsg; a damaged one ends the list. */
const partsOf = (record: Uint8Array, u16: (bytes: Uint8Array, at: number) => number): ReadonlyMap<number, Uint8Array> => {
  const parts = new Map<number, Uint8Array>();
  for (let at = 4; at + 4 <= record.length; ) {
    const length = u16(record, at);
    if (length < 4 || at + length > record.length) break;
    parts.set(u16(record, at + 2) & NLA_TYPE_MASK, record.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return parts;
};

const textOf = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) {
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
};
