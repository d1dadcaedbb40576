/**
 * Readers of the pcapng blocks that are no packets. Each gets one whole block, whose frame has been checked, and gives an
 * event and, where a part of the block is damaged, a complaint about it. draft-ietf-opsawg-pcapng section 4.
 */
import { u32be, u48be } from '../base/bytes.ts';
import { ipv4, ipv6 } from '../base/ip-address.ts';
import {
  BLOCK_CUSTOM,
  IF_DESCRIPTION,
  IF_FILTER,
  IF_HARDWARE,
  IF_MACADDR,
  IF_NAME,
  IF_OS,
  IF_TSOFFSET,
  IF_TSRESOL,
  ISB_FILTERACCEPT,
  ISB_IFDROP,
  ISB_IFRECV,
  ISB_OSDROP,
  ISB_USRDELIV,
  NRB_RECORD_END,
  NRB_RECORD_IPV4,
  NRB_RECORD_IPV6,
  padded,
  SHB_HARDWARE,
  SHB_OS,
  SHB_USERAPPL,
} from './block-types.ts';
import type { CustomEvent, InterfaceEvent, NameRecord, NamesEvent, SectionEvent, StatisticsEvent, UnknownEvent } from './events.ts';
import { Comments, OptionWalk, readI64, readText, readU16, readU32, readU64 } from './options.ts';
import type { SplitTime, TimeScale } from './time-scale.ts';

/** The body of a block: what lies between its two length fields. */
export interface BlockBody {
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly little: boolean;
  /** Offset of the block in the stream. */
  readonly offset: number;
  readonly section: number;
}

export interface Parsed<Event> {
  readonly event: Event | null;
  readonly problem: string | null;
}

/** Not `slice`: chunks from Node are Buffers, whose `slice` copies nothing. */
const copyOf = ({ bytes, start, end }: BlockBody): Uint8Array => new Uint8Array(bytes.subarray(start - 8, end + 4));

const refused = (problem: string): Parsed<never> => ({ event: null, problem });

export const readSectionHeader = (body: BlockBody): Parsed<SectionEvent> => {
  const { bytes, start, end, little } = body;
  if (end - start < 16) return refused('section header of fewer than 28 bytes');
  const major = readU16(bytes, start + 4, little);
  const minor = readU16(bytes, start + 6, little);
  if (major !== 1) return refused(`pcapng version ${major}.${minor} is not known, only 1.x`);
  const walk = new OptionWalk(bytes, start + 16, end, little);
  const comments = new Comments();
  let hardware: string | null = null;
  let os: string | null = null;
  let application: string | null = null;
  while (walk.next()) {
    if (comments.take(walk)) continue;
    if (walk.code === SHB_HARDWARE) hardware = walk.text();
    else if (walk.code === SHB_OS) os = walk.text();
    else if (walk.code === SHB_USERAPPL) application = walk.text();
  }
  return {
    event: {
      kind: 'section',
      index: body.section,
      offset: body.offset,
      block: copyOf(body),
      format: 'pcapng',
      littleEndian: little,
      major,
      minor,
      lengthBytes: sectionLength(body),
      hardware,
      os,
      application,
      comments: comments.list,
    },
    problem: walk.problem,
  };
};

/** All ones means that the section's length is not given; it is a signed number. */
const sectionLength = ({ bytes, start, little }: BlockBody): number | null => {
  const length = readI64(bytes, start + 8, little);
  return length < 0 ? null : length;
};

export const readInterface = (body: BlockBody, interfaceId: number): Parsed<InterfaceEvent> => {
  const { bytes, start, end, little } = body;
  if (end - start < 8) return refused('interface description of fewer than 20 bytes');
  const walk = new OptionWalk(bytes, start + 8, end, little);
  const comments = new Comments();
  let name: string | null = null;
  let description: string | null = null;
  let filter: string | null = null;
  let os: string | null = null;
  let hardware: string | null = null;
  let mac: number | null = null;
  let resolution: InterfaceEvent['resolution'] = { base: 10, exponent: 6 };
  let timeOffsetSec = 0;
  while (walk.next()) {
    if (comments.take(walk)) continue;
    if (walk.code === IF_NAME) name = walk.text();
    else if (walk.code === IF_DESCRIPTION) description = walk.text();
    else if (walk.code === IF_OS) os = walk.text();
    else if (walk.code === IF_HARDWARE) hardware = walk.text();
    // The first byte tells a pcap-filter expression (0) from compiled code; only the expression is text.
    else if (walk.code === IF_FILTER && walk.length > 0 && bytes[walk.at] === 0) filter = readText(bytes, walk.at + 1, walk.length - 1);
    else if (walk.code === IF_MACADDR && walk.sized(6)) mac = u48be(bytes, walk.at);
    else if (walk.code === IF_TSRESOL && walk.sized(1)) {
      const value = bytes[walk.at] as number;
      resolution = { base: value & 0x80 ? 2 : 10, exponent: value & 0x7f };
    } else if (walk.code === IF_TSOFFSET && walk.sized(8)) timeOffsetSec = readI64(bytes, walk.at, little);
  }
  return {
    event: {
      kind: 'interface',
      section: body.section,
      interfaceId,
      offset: body.offset,
      block: copyOf(body),
      linkType: readU16(bytes, start, little),
      snapLength: readU32(bytes, start + 4, little),
      name,
      description,
      filter,
      os,
      hardware,
      mac,
      resolution,
      timeOffsetSec,
      comments: comments.list,
    },
    problem: walk.problem,
  };
};

export const readNames = (body: BlockBody): Parsed<NamesEvent> => {
  const { bytes, end, little } = body;
  const records: NameRecord[] = [];
  const event = (comments: Comments): NamesEvent => ({
    kind: 'names',
    section: body.section,
    offset: body.offset,
    block: copyOf(body),
    records,
    comments: comments.list,
  });
  const comments = new Comments();
  let at = body.start;
  for (;;) {
    // A list without its end record is met in files of tools that write no options; it is whole.
    if (at === end) return { event: event(comments), problem: null };
    if (at + 4 > end) return { event: event(comments), problem: 'a name record is cut off' };
    const type = readU16(bytes, at, little);
    const length = readU16(bytes, at + 2, little);
    at += 4;
    if (type === NRB_RECORD_END) break;
    if (at + padded(length) > end) return { event: event(comments), problem: 'a name record is longer than its block' };
    const addressBytes = type === NRB_RECORD_IPV4 ? 4 : type === NRB_RECORD_IPV6 ? 16 : 0;
    if (addressBytes > 0 && length >= addressBytes) {
      const ip =
        addressBytes === 4
          ? ipv4(u32be(bytes, at))
          : ipv6(u32be(bytes, at), u32be(bytes, at + 4), u32be(bytes, at + 8), u32be(bytes, at + 12));
      const names = readText(bytes, at + addressBytes, length - addressBytes);
      records.push({ ip, names: names.split('\0').filter((name) => name !== '') });
    }
    at += padded(length);
  }
  const walk = new OptionWalk(bytes, at, end, little);
  while (walk.next()) comments.take(walk);
  return { event: event(comments), problem: walk.problem };
};

export const readStatistics = (body: BlockBody, scaleOf: (interfaceId: number) => TimeScale | null): Parsed<StatisticsEvent> => {
  const { bytes, start, end, little } = body;
  if (end - start < 12) return refused('interface statistics of fewer than 24 bytes');
  const interfaceId = readU32(bytes, start, little);
  const scale = scaleOf(interfaceId);
  if (scale === null) return refused(`statistics of interface ${interfaceId}, which has not been described`);
  const time: SplitTime = { timeSec: 0, timeNsec: 0 };
  scale.split(readU32(bytes, start + 4, little), readU32(bytes, start + 8, little), time);
  const counts: (number | null)[] = new Array<number | null>(9).fill(null);
  const walk = new OptionWalk(bytes, start + 12, end, little);
  const comments = new Comments();
  while (walk.next()) {
    if (comments.take(walk)) continue;
    if (walk.code >= ISB_IFRECV && walk.code <= ISB_USRDELIV && walk.sized(8)) counts[walk.code] = readU64(bytes, walk.at, little);
  }
  return {
    event: {
      kind: 'statistics',
      section: body.section,
      offset: body.offset,
      block: copyOf(body),
      interfaceId,
      ...time,
      received: counts[ISB_IFRECV] ?? null,
      droppedByInterface: counts[ISB_IFDROP] ?? null,
      acceptedByFilter: counts[ISB_FILTERACCEPT] ?? null,
      droppedByOs: counts[ISB_OSDROP] ?? null,
      delivered: counts[ISB_USRDELIV] ?? null,
      comments: comments.list,
    },
    problem: walk.problem,
  };
};

export const readCustom = (body: BlockBody): Parsed<CustomEvent> => {
  const { bytes, start, end, little } = body;
  const block = copyOf(body);
  if (end - start < 4) return refused('custom block without an enterprise number');
  return {
    event: {
      kind: 'custom',
      section: body.section,
      offset: body.offset,
      block,
      pen: readU32(bytes, start, little),
      mayCopy: body.type === BLOCK_CUSTOM,
      littleEndian: little,
      data: block.subarray(12, block.length - 4),
    },
    problem: null,
  };
};

export const readUnknown = (body: BlockBody): UnknownEvent => {
  const block = copyOf(body);
  return {
    kind: 'unknown',
    section: body.section,
    offset: body.offset,
    block,
    blockType: body.type,
    littleEndian: body.little,
    body: block.subarray(8, block.length - 4),
  };
};
