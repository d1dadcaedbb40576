/** The classic pcap format: a 24-byte file header, then records with a 16-byte header each. draft-ietf-opsawg-pcap. */
import {
  MAX_BLOCK_BYTES,
  MAXIMUM_SNAPLEN,
  PCAP_MAGIC_IXIA_HARDWARE,
  PCAP_MAGIC_IXIA_SOFTWARE,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_MODIFIED,
  PCAP_MAGIC_NANOSECONDS,
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

/** Says what a file is that begins otherwise, with what to do about it. */
export const describeForeignStart = (bytes: Uint8Array, at: number): string => {
  const magic = readU32(bytes, at, false);
  const swapped = readU32(bytes, at, true);
  for (const value of [magic, swapped]) {
    if (value === PCAP_MAGIC_MODIFIED) return 'a pcap file in the "modified" (Kuznetzov) variant: convert it with editcap -F pcapng';
    if (value === PCAP_MAGIC_IXIA_HARDWARE || value === PCAP_MAGIC_IXIA_SOFTWARE) {
      return 'a pcap file in a variant of Ixia: convert it with editcap -F pcapng';
    }
  }
  if (magic >>> 16 === 0x1f8b) return 'compressed with gzip: unpack it with gunzip first';
  if (magic === 0x28b52ffd) return 'compressed with zstd: unpack it with unzstd first';
  if (magic === 0x04224d18) return 'compressed with lz4: unpack it with unlz4 first';
  if (magic === 0x736e6f6f) return 'a snoop file: convert it with editcap -F pcapng';
  return `no capture file: it begins with ${magic.toString(16).padStart(8, '0')}, neither a pcap nor a pcapng magic number`;
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
    // The upper half tells about a frame check sequence (draft-ietf-opsawg-pcap section 4).
    linkType: readU32(bytes, at + 20, little) & 0xffff,
    longestRecord: Math.min(MAX_BLOCK_BYTES, Math.max(MAXIMUM_SNAPLEN, snapLength)),
  };
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
  const original = view.getUint32(at + 12, little);
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
