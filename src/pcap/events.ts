/** What a capture file or stream says, one event a block. Texts are as they stand in the file: printable() before a terminal. */

import type { IpAddress } from '../base/ip-address.ts';
import type { InterfaceWords, SectionWords } from './block-words.ts';

/** Shared by all packets without comments. */
export const NO_COMMENTS: readonly string[] = Object.freeze([]);

/**
 * The packet of the last 'packet' event. One record serves all packets, and `bytes` is the pushed chunk (or the reader's own
 * buffer where a block lay across two chunks): copy what is to outlive the next call of `next()`.
 */
export class RawPacket {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Length on the wire, never less than `end - start`. */
  originalLength = 0;
  /** Seconds since the epoch, and the nanoseconds beyond (0 to 999,999,999). */
  timeSec = 0;
  timeNsec = 0;
  /** False for simple packet blocks, which carry no time; the time is then 0. */
  timed = false;
  /** Index of the interface within its section. */
  interfaceId = 0;
  /** Index of the section within the stream. */
  section = 0;
  /** LINKTYPE_ value of the interface. */
  linkType = 0;
  /** epb_flags (bits 0 and 1: 1 inbound, 2 outbound); 0 where absent. */
  flags = 0;
  /** Packets lost between this and the preceding one of the interface; -1 where the file does not say. */
  dropCount = -1;
  /** Where the block starts in the stream. */
  offset = 0;
  comments: readonly string[] = NO_COMMENTS;
}

export type CaptureFormat = 'pcap' | 'pcapng';

/** The block that an event was read from, for passing it on as it is. */
interface FromBlock {
  /** All of it from its type to its second length, in the section's byte order; a copy. Null for a classic pcap file, which has no blocks. */
  readonly block: Uint8Array | null;
}

/** A section begins: interfaces are numbered from 0 again. A classic pcap file is one section with one interface. */
export interface SectionEvent extends FromBlock, SectionWords {
  readonly kind: 'section';
  readonly index: number;
  readonly offset: number;
  readonly format: CaptureFormat;
  readonly littleEndian: boolean;
  readonly major: number;
  readonly minor: number;
  /** Bytes of the section behind its header, where the header says so (section length); null where it does not. */
  readonly lengthBytes: number | null;
}

export interface InterfaceEvent extends FromBlock, InterfaceWords {
  readonly kind: 'interface';
  readonly section: number;
  readonly interfaceId: number;
  readonly offset: number;
  readonly linkType: number;
  /** 0 means without limit. */
  readonly snapLength: number;
  /** Time stamps count units of base^-exponent seconds. */
  readonly resolution: { readonly base: 2 | 10; readonly exponent: number };
  readonly timeOffsetSec: number;
}

export interface PacketEvent {
  readonly kind: 'packet';
  readonly packet: RawPacket;
}

export interface NameRecord {
  readonly ip: IpAddress;
  readonly names: readonly string[];
}

export interface NamesEvent extends FromBlock {
  readonly kind: 'names';
  readonly section: number;
  readonly offset: number;
  readonly records: readonly NameRecord[];
  readonly comments: readonly string[];
}

/** Counts of an interface; null where the file does not say. */
export interface StatisticsEvent extends FromBlock {
  readonly kind: 'statistics';
  readonly section: number;
  readonly offset: number;
  readonly interfaceId: number;
  readonly timeSec: number;
  readonly timeNsec: number;
  readonly received: number | null;
  readonly droppedByInterface: number | null;
  readonly acceptedByFilter: number | null;
  readonly droppedByOs: number | null;
  readonly delivered: number | null;
  readonly comments: readonly string[];
}

export interface CustomEvent extends FromBlock {
  readonly kind: 'custom';
  readonly section: number;
  readonly offset: number;
  /** IANA private enterprise number. */
  readonly pen: number;
  readonly mayCopy: boolean;
  readonly littleEndian: boolean;
  /** All after the enterprise number, padding and options included; a part of `block`. */
  readonly data: Uint8Array;
}

export interface UnknownEvent extends FromBlock {
  readonly kind: 'unknown';
  readonly section: number;
  readonly offset: number;
  readonly blockType: number;
  readonly littleEndian: boolean;
  /** The block without its frame; a part of `block`. */
  readonly body: Uint8Array;
}

/**
 * Damage or something this reader refuses. After a problem that is not `fatal` the next block follows; after a fatal one the
 * reader looks for the next section header (pcapng) or gives nothing more (pcap).
 */
export interface ProblemEvent {
  readonly kind: 'problem';
  /** Byte offset in the stream of the block or record that is at fault. */
  readonly offset: number;
  readonly message: string;
  readonly fatal: boolean;
}

export type ReaderEvent =
  | SectionEvent
  | InterfaceEvent
  | PacketEvent
  | NamesEvent
  | StatisticsEvent
  | CustomEvent
  | UnknownEvent
  | ProblemEvent;
