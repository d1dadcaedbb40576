/**
 * Builds pcapng blocks, little-endian, with nanosecond time stamps. Conventions of this program are in docs/formats.md.
 * draft-ietf-opsawg-pcapng sections 3 and 4.
 */
import type { IpAddress } from '../base/ip-address.ts';
import { BlockBuilder, encodeText } from './block-builder.ts';
import {
  BLOCK_CUSTOM,
  BLOCK_CUSTOM_NO_COPY,
  BLOCK_ENHANCED_PACKET,
  BLOCK_INTERFACE_DESCRIPTION,
  BLOCK_INTERFACE_STATISTICS,
  BLOCK_NAME_RESOLUTION,
  BLOCK_SECTION_HEADER,
  BYTE_ORDER_MAGIC,
  EPB_DROPCOUNT,
  EPB_FLAGS,
  IF_DESCRIPTION,
  IF_FILTER,
  IF_HARDWARE,
  IF_MACADDR,
  IF_NAME,
  IF_OS,
  IF_TSRESOL,
  ISB_FILTERACCEPT,
  ISB_IFDROP,
  ISB_IFRECV,
  ISB_OSDROP,
  ISB_USRDELIV,
  NRB_RECORD_END,
  NRB_RECORD_IPV4,
  NRB_RECORD_IPV6,
  OPT_COMMENT,
  padded,
  SHB_HARDWARE,
  SHB_OS,
  SHB_USERAPPL,
} from './block-types.ts';
import type { NameRecord } from './events.ts';
import { NanosecondStamp } from './time-scale.ts';

/** if_tsresol of everything written here: nanoseconds. */
const TSRESOL_NANOSECONDS = 9;

export interface SectionParts {
  readonly hardware?: string | undefined;
  readonly os?: string | undefined;
  readonly application?: string | undefined;
  readonly comments?: readonly string[] | undefined;
}

export interface InterfaceParts {
  readonly linkType: number;
  /** 0 for none. */
  readonly snapLength: number;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  /** In pcap-filter syntax. */
  readonly filter?: string | undefined;
  readonly os?: string | undefined;
  readonly hardware?: string | undefined;
  readonly mac?: number | undefined;
  /** Who stamps the time (`kernel`, `user space, as the packet was read`): becomes the comment `time stamps: …`. */
  readonly timeStampSource?: string | undefined;
  readonly comments?: readonly string[] | undefined;
}

export interface PacketParts {
  readonly interfaceId: number;
  readonly timeSec: number;
  readonly timeNsec: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly originalLength: number;
  readonly comments?: readonly string[] | undefined;
  readonly flags?: number | undefined;
  readonly dropCount?: number | undefined;
}

/** Counts that are null or absent are left out: unknown, not zero. */
export interface StatisticsParts {
  readonly interfaceId: number;
  readonly timeSec: number;
  readonly timeNsec: number;
  readonly received?: number | null | undefined;
  readonly droppedByInterface?: number | null | undefined;
  readonly acceptedByFilter?: number | null | undefined;
  readonly droppedByOs?: number | null | undefined;
  readonly delivered?: number | null | undefined;
  readonly comments?: readonly string[] | undefined;
}

const textOptions = (out: BlockBuilder, texts: readonly (readonly [number, string | undefined])[]): void => {
  for (const [code, text] of texts) if (text !== undefined) out.textOption(code, text);
};

const commentOptions = (out: BlockBuilder, comments: readonly string[] | undefined): void => {
  if (comments !== undefined) for (const comment of comments) out.textOption(OPT_COMMENT, comment);
};

export const sectionHeader = (parts: SectionParts = {}): Uint8Array => {
  const out = new BlockBuilder();
  out.begin(BLOCK_SECTION_HEADER);
  out.u32(BYTE_ORDER_MAGIC);
  out.u16(1);
  out.u16(0);
  // Section length "not known": the only one that holds for a file that is still growing.
  out.u32(0xffff_ffff);
  out.u32(0xffff_ffff);
  commentOptions(out, parts.comments);
  textOptions(out, [
    [SHB_HARDWARE, parts.hardware],
    [SHB_OS, parts.os],
    [SHB_USERAPPL, parts.application],
  ]);
  out.endOfOptions();
  out.finish();
  return out.take();
};

export const interfaceDescription = (parts: InterfaceParts): Uint8Array => {
  const out = new BlockBuilder();
  out.begin(BLOCK_INTERFACE_DESCRIPTION);
  out.u16(parts.linkType);
  out.u16(0);
  out.u32(parts.snapLength);
  if (parts.timeStampSource !== undefined) out.textOption(OPT_COMMENT, `time stamps: ${parts.timeStampSource}`);
  commentOptions(out, parts.comments);
  textOptions(out, [
    [IF_NAME, parts.name],
    [IF_DESCRIPTION, parts.description],
    [IF_OS, parts.os],
    [IF_HARDWARE, parts.hardware],
  ]);
  if (parts.mac !== undefined) out.option(IF_MACADDR, macBytes(parts.mac));
  out.option(IF_TSRESOL, Uint8Array.of(TSRESOL_NANOSECONDS));
  if (parts.filter !== undefined) {
    const text = encodeText(parts.filter, 0xfffe);
    const value = new Uint8Array(text.length + 1);
    value.set(text, 1);
    out.option(IF_FILTER, value);
  }
  out.endOfOptions();
  out.finish();
  return out.take();
};

/** Appends an enhanced packet block; without comments and flags it allocates nothing. */
export const appendPacket = (out: BlockBuilder, stamp: NanosecondStamp, parts: PacketParts): void => {
  const { comments, flags, dropCount } = parts;
  stamp.set(parts.timeSec, parts.timeNsec);
  out.packet(BLOCK_ENHANCED_PACKET, parts.interfaceId, stamp, parts.bytes, parts.start, parts.end, parts.originalLength);
  const commented = comments !== undefined && comments.length > 0;
  const flagged = flags !== undefined && flags !== 0;
  const dropped = dropCount !== undefined && dropCount >= 0;
  if (commented || flagged || dropped) {
    if (commented) commentOptions(out, comments);
    if (flagged) {
      out.u16(EPB_FLAGS);
      out.u16(4);
      out.u32(flags);
    }
    if (dropped) out.countOption(EPB_DROPCOUNT, dropCount);
    out.endOfOptions();
  }
  out.finish();
};

export const enhancedPacket = (parts: PacketParts): Uint8Array => {
  const out = new BlockBuilder(64 + padded(parts.end - parts.start));
  appendPacket(out, new NanosecondStamp(), parts);
  return out.take();
};

/** Names of addresses. Wireshark shows them for every packet of the file, also for those before the block. */
export const nameResolution = (records: readonly NameRecord[], comments?: readonly string[]): Uint8Array => {
  const out = new BlockBuilder();
  out.begin(BLOCK_NAME_RESOLUTION);
  for (const record of records) {
    const address = addressBytes(record.ip);
    const names = record.names.filter((name) => name !== '').map((name) => encodeText(name.replaceAll('\0', ''), 255));
    const value = new Uint8Array(names.reduce((sum, name) => sum + name.length + 1, address.length));
    value.set(address, 0);
    let at = address.length;
    for (const name of names) {
      value.set(name, at);
      at += name.length + 1;
    }
    if (names.length > 0 && value.length <= 0xffff) out.option(record.ip.version === 4 ? NRB_RECORD_IPV4 : NRB_RECORD_IPV6, value);
  }
  out.u32(NRB_RECORD_END);
  if (comments !== undefined && comments.length > 0) {
    commentOptions(out, comments);
    out.endOfOptions();
  }
  out.finish();
  return out.take();
};

export const interfaceStatistics = (parts: StatisticsParts): Uint8Array => {
  const out = new BlockBuilder();
  out.begin(BLOCK_INTERFACE_STATISTICS);
  out.u32(parts.interfaceId);
  const stamp = new NanosecondStamp();
  stamp.set(parts.timeSec, parts.timeNsec);
  out.u32(stamp.high);
  out.u32(stamp.low);
  commentOptions(out, parts.comments);
  const counts: readonly (readonly [number, number | null | undefined])[] = [
    [ISB_IFRECV, parts.received],
    [ISB_IFDROP, parts.droppedByInterface],
    [ISB_FILTERACCEPT, parts.acceptedByFilter],
    [ISB_OSDROP, parts.droppedByOs],
    [ISB_USRDELIV, parts.delivered],
  ];
  for (const [code, count] of counts) if (typeof count === 'number') out.countOption(code, count);
  out.endOfOptions();
  out.finish();
  return out.take();
};

export const customBlock = (pen: number, data: Uint8Array, mayCopy = true): Uint8Array => {
  const out = new BlockBuilder(32 + padded(data.length));
  out.begin(mayCopy ? BLOCK_CUSTOM : BLOCK_CUSTOM_NO_COPY);
  out.u32(pen);
  out.padded(data, 0, data.length);
  out.finish();
  return out.take();
};

/** A block of any type, for passing on what the reader gave as 'unknown'; its body must be little-endian already. */
export const rawBlock = (type: number, body: Uint8Array): Uint8Array => {
  const out = new BlockBuilder(32 + padded(body.length));
  out.begin(type);
  out.padded(body, 0, body.length);
  out.finish();
  return out.take();
};

const macBytes = (mac: number): Uint8Array => {
  const bytes = new Uint8Array(6);
  let rest = mac;
  for (let i = 5; i >= 0; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
};

const addressBytes = (ip: IpAddress): Uint8Array => {
  const words = ip.version === 4 ? [ip.a] : [ip.a, ip.b, ip.c, ip.d];
  return Uint8Array.from(words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]));
};
