/** SCTP's common header and the names of its chunks: RFC 9260. */
import { u8, u16be, u32be } from '../base/bytes.ts';
import { hasBytes, setPayload } from './bounds.ts';
import { field, hex, type LayerField, type LayerView } from './layer-view.ts';
import type { Packet } from './packet.ts';
import { portWords } from './protocols.ts';

export const SCTP_HEADER_LENGTH = 12;
const CHUNK_HEADER_LENGTH = 4;
/** A hostile packet can hold hundreds of empty chunks; nobody reads more than a few. */
const MAX_CHUNKS_SHOWN = 8;

const CHUNK_NAMES = new Map<number, string>([
  [0, 'DATA'],
  [1, 'INIT'],
  [2, 'INIT ACK'],
  [3, 'SACK'],
  [4, 'HB REQ'],
  [5, 'HB ACK'],
  [6, 'ABORT'],
  [7, 'SHUTDOWN'],
  [8, 'SHUTDOWN ACK'],
  [9, 'OP ERR'],
  [10, 'COOKIE ECHO'],
  [11, 'COOKIE ACK'],
  [12, 'ECN ECHO'],
  [13, 'CWR'],
  [14, 'SHUTDOWN COMPLETE'],
  [15, 'AUTH'],
  [64, 'I-DATA'],
  [128, 'ASCONF ACK'],
  [130, 'RE-CONFIG'],
  [192, 'FWD TSN'],
  [193, 'ASCONF'],
]);

export const decodeSctp = (packet: Packet, at: number, limit: number): void => {
  const whole = hasBytes(packet, at, SCTP_HEADER_LENGTH, limit, 'sctp', 'SCTP header cut short');
  if (whole || Math.min(limit, packet.end) - at >= 4) {
    packet.srcPort = u16be(packet.bytes, at);
    packet.dstPort = u16be(packet.bytes, at + 2);
  }
  if (whole) setPayload(packet, at + SCTP_HEADER_LENGTH, limit);
};

/** Chunks are padded to four bytes. */
const chunkNames = (packet: Packet): string[] => {
  if (packet.payloadOffset < 0) return [];
  const names: string[] = [];
  const end = packet.payloadOffset + packet.payloadCaptured;
  let at = packet.payloadOffset;
  while (at + CHUNK_HEADER_LENGTH <= end && names.length < MAX_CHUNKS_SHOWN) {
    const type = u8(packet.bytes, at);
    const length = u16be(packet.bytes, at + 2);
    names.push(CHUNK_NAMES.get(type) ?? `chunk ${type}`);
    if (length < CHUNK_HEADER_LENGTH) break;
    at += (length + 3) & ~3;
  }
  return names;
};

export const summariseSctp = (packet: Packet): string => {
  const chunks = chunkNames(packet).map((name, index) => `(${index + 1}) [${name}]`);
  return ['sctp', ...chunks].join(' ');
};

export const describeSctp = (packet: Packet): LayerView[] => {
  const { bytes, l4Offset: at } = packet;
  const fields: LayerField[] = [];
  if (packet.srcPort >= 0)
    fields.push(field('source port', portWords(packet.srcPort)), field('destination port', portWords(packet.dstPort)));
  if (packet.payloadOffset >= 0) {
    fields.push(field('verification tag', hex(u32be(bytes, at + 4), 8)), field('checksum', hex(u32be(bytes, at + 8), 8)));
    for (const name of chunkNames(packet)) fields.push(field('chunk', name));
  }
  return [{ name: 'SCTP', fields, start: at, end: Math.min(at + SCTP_HEADER_LENGTH, packet.end) }];
};
