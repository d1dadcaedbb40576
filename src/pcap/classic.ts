/** The classic pcap format: a 24-byte file header, then records with a 16-byte header each. draft-ietf-opsawg-pcap. */
import {
  MAX_BLOCK_BYTES,
  MAXIMUM_SNAPLEN,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_RECORD_HEADER_BYTES,
} from './block-types.ts';
import { NO_COMMENTS, type RawPacket } from './events.ts';
import { readU16, readU32 } from './options.ts';

export interface ClassicHeader {
  readonly little: boolean;
  /** What the fraction of a record's time stamp counts, in nanoseconds. */
  readonly nsecPerUnit: number;
  readonly major: number;
  readonly minor: number;
  readonly snapLength: number;
  readonly linkType: number;
  /** Longest record that is believed. */
  readonly longestRecord: number;
}

/** The byte order that the magic shows, or null where the first four bytes are no pcap magic. */
export const classicByteOrder = (bytes: Uint8Array, at: number): { little: boolean; nsecPerUnit: number } | null => {
  for (const little of [true, false]) {
    const magic = readU32(bytes, at, little);
    if (magic === PCAP_MAGIC_MICROSECONDS) return { little, nsecPerUnit: 1000 };
    if (magic === PCAP_MAGIC_NANOSECONDS) return { little, nsecPerUnit: 1 };
  }
  return null;
};

export const readClassicHeader = (bytes: Uint8Array, at: number, order: { little: boolean; nsecPerUnit: number }): ClassicHeader => {
  const { little, nsecPerUnit } = order;
  const snapLength = readU32(bytes, at + 16, little);
  return {
    little,
    nsecPerUnit,
    major: readU16(bytes, at + 4, little),
    minor: readU16(bytes, at + 6, little),
    snapLength,
    // The upper half tells how long a frame check sequence at the packets' ends is (section 4); decoders go by the lengths inside.
    linkType: readU32(bytes, at + 20, little) & 0xffff,
    longestRecord: Math.min(MAX_BLOCK_BYTES, Math.max(MAXIMUM_SNAPLEN, snapLength)),
  };
};

/** Why the header says that this program cannot read the file; null where it can. */
export const refusedHeader = ({ major, minor }: ClassicHeader): string | null => {
  // As wiretap has it (libpcap.c): AIX counts link types and fractions of seconds in ways of its own.
  if (major === 2 && minor === 2) return 'a pcap file in the variant of AIX (version 2.2): convert it with editcap -F pcapng';
  if (major === 2 && minor >= 3) return null;
  return `pcap version ${major}.${minor} is not known, only 2.3 and later: convert it with editcap -F pcapng`;
};

const SECONDS_APART = 366 * 86_400;

/** Whether a record of this file can begin at `at`, after one of the time `sec`. */
const isPlausible = (header: ClassicHeader, bytes: Uint8Array, at: number, sec: number): boolean => {
  const { little } = header;
  const captured = readU32(bytes, at + 8, little);
  return (
    captured <= header.longestRecord &&
    captured <= readU32(bytes, at + 12, little) &&
    readU32(bytes, at + 4, little) * header.nsecPerUnit < 1_000_000_000 &&
    Math.abs(readU32(bytes, at, little) - sec) < SECONDS_APART
  );
};

/** How much longer the record headers of two variants are that have the magic of pcap. */
const HIDDEN_VARIANTS = [
  [8, 'Red Hat 6.1'],
  [4, 'Nokia'],
] as const;

/** So many bytes are looked at by `hiddenVariant`. */
export const HIDDEN_VARIANT_BYTES = PCAP_RECORD_HEADER_BYTES + 8;

/**
 * What the file is where its second record, which should be at `at`, is not there but where a variant has it; null where nothing says so.
 * Nothing else tells these variants from pcap; wiretap tries them in the same way. `sec`: the time of the first record.
 */
export const hiddenVariant = (header: ClassicHeader, bytes: Uint8Array, at: number, sec: number): string | null => {
  if (isPlausible(header, bytes, at, sec)) return null;
  const found = HIDDEN_VARIANTS.find(
    ([more]) => isPlausible(header, bytes, at + more, sec) && readU32(bytes, at + more + 8, header.little) > 0,
  );
  return found === undefined ? null : `a pcap file in the variant of ${found[1]}: convert it with editcap -F pcapng`;
};

/** What cannot be in a record that a capture wrote; null where all can be. */
export const oddRecord = (header: ClassicHeader, view: DataView, at: number): string | null => {
  const { little } = header;
  const captured = view.getUint32(at + 8, little);
  const original = view.getUint32(at + 12, little);
  if (captured > original && header.minor > 3) return `${captured} captured bytes of ${original}`;
  const fraction = view.getUint32(at + 4, little);
  if (fraction * header.nsecPerUnit < 1_000_000_000) return null;
  return `${fraction} ${header.nsecPerUnit === 1 ? 'nanoseconds' : 'microseconds'} beside its seconds`;
};

/** Version 2.3 was written with the lengths in either order (libpcap's sf-pcap.c). */
export const capturedLength = (header: ClassicHeader, view: DataView, at: number): number => {
  const first = view.getUint32(at + 8, header.little);
  return header.minor > 3 ? first : Math.min(first, view.getUint32(at + 12, header.little));
};

/** Fills the packet from a record whose header and `captured` bytes are there. */
export const readClassicRecord = (
  packet: RawPacket,
  header: ClassicHeader,
  bytes: Uint8Array,
  view: DataView,
  at: number,
  captured: number,
): void => {
  const { little } = header;
  const original =
    header.minor > 3 ? view.getUint32(at + 12, little) : Math.max(view.getUint32(at + 8, little), view.getUint32(at + 12, little));
  const fraction = view.getUint32(at + 4, little) * header.nsecPerUnit;
  const carry = fraction < 1_000_000_000 ? 0 : Math.floor(fraction / 1_000_000_000);
  packet.bytes = bytes;
  packet.start = at + 16;
  packet.end = at + 16 + captured;
  packet.originalLength = Math.max(original, captured);
  packet.timeSec = view.getUint32(at, little) + carry;
  packet.timeNsec = fraction - carry * 1_000_000_000;
  packet.timed = true;
  packet.interfaceId = 0;
  packet.linkType = header.linkType;
  packet.flags = 0;
  packet.dropCount = -1;
  packet.comments = NO_COMMENTS;
};
