/**
 * Reads pcap and pcapng of either byte order from chunks of any size, one event at a time. Never throws on what it reads:
 * damage is an event that says what and where, and in pcapng the reader goes on at the next section header it can find.
 * draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 */
import {
  BLOCK_CUSTOM,
  BLOCK_CUSTOM_NO_COPY,
  BLOCK_ENHANCED_PACKET,
  BLOCK_FRAME_BYTES,
  BLOCK_INTERFACE_DESCRIPTION,
  BLOCK_INTERFACE_STATISTICS,
  BLOCK_NAME_RESOLUTION,
  BLOCK_PACKET,
  BLOCK_SECTION_HEADER,
  BLOCK_SIMPLE_PACKET,
  BYTE_ORDER_MAGIC,
  MAX_BLOCK_BYTES,
  PCAP_FILE_HEADER_BYTES,
  PCAP_RECORD_HEADER_BYTES,
  padded,
} from './block-types.ts';
import { ChunkInput } from './chunk-input.ts';
import {
  type ClassicHeader,
  capturedLength,
  classicByteOrder,
  HIDDEN_VARIANT_BYTES,
  hiddenVariant,
  oddRecord,
  readClassicHeader,
  readClassicRecord,
  refusedHeader,
} from './classic.ts';
import { type InterfaceEvent, NO_COMMENTS, type PacketEvent, type ProblemEvent, RawPacket, type ReaderEvent } from './events.ts';
import { describeForeignStart } from './foreign-files.ts';
import { readU32 } from './options.ts';
import { type OpenInterface, type PacketResult, readPlainPacket, readSimplePacket, readTimedPacket } from './packet-blocks.ts';
import {
  type BlockBody,
  type Parsed,
  readCustom,
  readInterface,
  readNames,
  readSectionHeader,
  readStatistics,
  readUnknown,
} from './section-blocks.ts';
import { TimeScale } from './time-scale.ts';

export { type InterfaceEvent, RawPacket, type ReaderEvent } from './events.ts';

/** `scanning` looks for a section header after damage; `stopped` takes no more input. */
type State = 'start' | 'pcap' | 'pcapng' | 'scanning' | 'stopped';

export class CaptureReader {
  /** The packet of the last 'packet' event. */
  readonly packet = new RawPacket();
  /** Index of the current section, -1 before the first. */
  sectionIndex = -1;
  /** Bytes passed over while looking for a section header after damage. */
  skippedBytes = 0;

  readonly #input = new ChunkInput();
  readonly #packetEvent: PacketEvent;
  #state: State = 'start';
  #ended = false;
  #little = true;
  #classic: ClassicHeader | null = null;
  /** Counts the first two records of a classic file. */
  #records = 0;
  #saidOdd = false;
  #interfaces: OpenInterface[] = [];
  /** Where the current section's blocks begin, and how many bytes they have by its header; null where it does not say. */
  #sectionBegin = 0;
  #sectionLength: number | null = null;
  /** Events that go out before anything more is read. */
  readonly #waiting: ReaderEvent[] = [];

  constructor() {
    this.#packetEvent = { kind: 'packet', packet: this.packet };
  }

  /** Hands over a chunk. It must stay as it is until `next()` has returned null. */
  push(chunk: Uint8Array): void {
    if (this.#state !== 'stopped') this.#input.push(chunk);
  }

  /** Whatever comes now is not looked at: the input is no capture, or a pcap file whose records cannot be followed any more. */
  get isOver(): boolean {
    return this.#state === 'stopped';
  }

  /** No more chunks will come. */
  end(): void {
    this.#ended = true;
  }

  /** The interfaces of the current section, by their ids. */
  interface(interfaceId: number): InterfaceEvent | null {
    return this.#interfaces[interfaceId]?.description ?? null;
  }

  /**
   * True where the next event is a packet without anything unusual about its block: it is in `packet` then, as `next()` would have put it
   * there, for a fraction of the time. False tells nothing, and leaves all to `next()`.
   */
  nextPlain(): boolean {
    if (this.#state !== 'pcapng' || !this.#little || this.#waiting.length > 0) return false;
    const input = this.#input;
    const length = readPlainPacket(this.packet, input.bytes, input.view, input.at, input.end, this.#interfaces);
    if (length === 0) return false;
    this.packet.offset = input.offset;
    input.skip(length);
    return true;
  }

  /** The next event; null when more bytes are needed, and after the end. */
  next(): ReaderEvent | null {
    for (;;) {
      if (this.#waiting.length > 0) return this.#waiting.shift() ?? null;
      const state = this.#state;
      let event: ReaderEvent | null;
      switch (state) {
        case 'pcapng':
          event = this.#readBlock();
          break;
        case 'pcap':
          event = this.#readRecord();
          break;
        case 'start':
          event = this.#readStart();
          break;
        case 'scanning':
          if (!this.#scan()) return null;
          continue;
        case 'stopped':
          return null;
      }
      if (event !== null || this.#state === state) return event;
    }
  }

  #readStart(): ReaderEvent | null {
    const input = this.#input;
    if (!input.have(4)) {
      if (!this.#ended) return null;
      return this.#stop(input.contiguous === 0 ? 'the file is empty' : `the file ends after ${input.contiguous} bytes`);
    }
    if (readU32(input.bytes, input.at, false) === BLOCK_SECTION_HEADER) {
      this.#state = 'pcapng';
      return null;
    }
    const order = classicByteOrder(input.bytes, input.at);
    if (order === null) return this.#stop(describeForeignStart(input.bytes, input.at));
    if (!input.have(PCAP_FILE_HEADER_BYTES)) {
      return this.#ended
        ? this.#stop(`the file ends inside its header, after ${input.contiguous} of ${PCAP_FILE_HEADER_BYTES} bytes`)
        : null;
    }
    return this.#openClassic(readClassicHeader(input.bytes, input.at, order));
  }

  #openClassic(header: ClassicHeader): ReaderEvent {
    const refused = refusedHeader(header);
    if (refused !== null) return this.#stop(refused);
    const description: InterfaceEvent = {
      kind: 'interface',
      section: 0,
      interfaceId: 0,
      offset: 0,
      block: null,
      linkType: header.linkType,
      snapLength: header.snapLength,
      name: null,
      description: null,
      filter: null,
      os: null,
      hardware: null,
      mac: null,
      resolution: { base: 10, exponent: header.nsecPerUnit === 1 ? 9 : 6 },
      timeOffsetSec: 0,
      comments: NO_COMMENTS,
    };
    this.#classic = header;
    this.#state = 'pcap';
    this.sectionIndex = 0;
    this.packet.section = 0;
    this.#interfaces = [{ description, scale: new TimeScale(10, description.resolution.exponent, 0) }];
    this.#waiting.push(description);
    this.#input.skip(PCAP_FILE_HEADER_BYTES);
    return {
      kind: 'section',
      index: 0,
      offset: 0,
      block: null,
      format: 'pcap',
      littleEndian: header.little,
      major: header.major,
      minor: header.minor,
      lengthBytes: null,
      hardware: null,
      os: null,
      application: null,
      comments: NO_COMMENTS,
    };
  }

  #readRecord(): ReaderEvent | null {
    const input = this.#input;
    const header = this.#classic;
    if (header === null) return this.#stop('a record before the file header');
    if (!input.have(PCAP_RECORD_HEADER_BYTES)) return this.#shortRecord(PCAP_RECORD_HEADER_BYTES);
    const captured = capturedLength(header, input.view, input.at);
    if (this.#records === 1) {
      if (!input.have(HIDDEN_VARIANT_BYTES) && !this.#ended) return null;
      const isThere = input.contiguous >= HIDDEN_VARIANT_BYTES;
      const variant = isThere ? hiddenVariant(header, input.bytes, input.at, this.packet.timeSec) : null;
      if (variant !== null) return this.#stop(variant);
    }
    if (captured > header.longestRecord) {
      return this.#stop(`a record claims ${captured} captured bytes, at most ${header.longestRecord} can be; what follows cannot be read`);
    }
    const length = PCAP_RECORD_HEADER_BYTES + captured;
    if (!input.have(length)) return this.#shortRecord(length);
    readClassicRecord(this.packet, header, input.bytes, input.view, input.at, captured);
    this.packet.offset = input.offset;
    const odd = this.#saidOdd ? null : oddRecord(header, input.view, input.at);
    if (odd !== null) {
      this.#saidOdd = true;
      this.#waiting.push(problemAt(input.offset, `a record says ${odd}: it is damaged, and what follows may be`, false));
    }
    if (this.#records < 2) this.#records++;
    input.skip(length);
    return this.#packetEvent;
  }

  #shortRecord(length: number): ReaderEvent | null {
    if (!this.#ended) return null;
    const left = this.#input.contiguous;
    if (left > 0) return this.#stop(`the file ends inside a record, after ${left} of ${length} bytes`);
    this.#state = 'stopped';
    return null;
  }

  #readBlock(): ReaderEvent | null {
    const input = this.#input;
    if (!input.have(BLOCK_FRAME_BYTES)) return this.#shortBlock(BLOCK_FRAME_BYTES);
    const at = input.at;
    let little = this.#little;
    // The section header's type reads the same in both byte orders; what follows it tells which one it is.
    const type = input.view.getUint32(at, little);
    if (type === BLOCK_SECTION_HEADER) {
      const order = byteOrderAt(input.bytes, at + 8);
      if (order === null) return this.#damage('a section header without a byte-order magic');
      little = order;
    }
    const length = input.view.getUint32(at + 4, little);
    if (length < BLOCK_FRAME_BYTES || length > MAX_BLOCK_BYTES) {
      return this.#damage(`a block (type 0x${type.toString(16)}) claims a length of ${length} bytes`);
    }
    // Some writers do not count the padding (Wireshark's pcapng.c tells of them).
    const size = padded(length);
    if (!input.have(size)) return this.#shortBlock(size);
    const start = input.at + 8;
    const end = input.at + size - 4;
    const trailer = input.view.getUint32(end, little);
    if (trailer !== length) {
      return this.#damage(`a block (type 0x${type.toString(16)}) begins with a length of ${length} and ends with one of ${trailer}`);
    }
    this.#little = little;
    if (type === BLOCK_ENHANCED_PACKET) {
      return this.#passPacket(size, readTimedPacket(this.packet, input.bytes, input.view, start, end, little, false, this.#interfaces));
    }
    return this.#readRareBlock(type, size);
  }

  #readRareBlock(type: number, length: number): ReaderEvent | null {
    const input = this.#input;
    const { bytes, at } = input;
    const start = at + 8;
    const end = at + length - 4;
    const section = type === BLOCK_SECTION_HEADER ? this.sectionIndex + 1 : this.sectionIndex;
    const body: BlockBody = { type, bytes, start, end, little: this.#little, offset: input.offset, section };
    switch (type) {
      case BLOCK_PACKET:
        return this.#passPacket(length, readTimedPacket(this.packet, bytes, input.view, start, end, body.little, true, this.#interfaces));
      case BLOCK_SIMPLE_PACKET:
        return this.#passPacket(length, readSimplePacket(this.packet, bytes, start, end, body.little, this.#interfaces));
      case BLOCK_SECTION_HEADER: {
        const parsed = readSectionHeader(body);
        if (parsed.event === null) return this.#damage(parsed.problem ?? 'a section header that cannot be read');
        this.#checkSectionLength();
        this.#sectionBegin = input.offset + length;
        this.#sectionLength = parsed.event.lengthBytes;
        this.sectionIndex = section;
        this.packet.section = section;
        this.#interfaces = [];
        return this.#pass(parsed, length);
      }
      case BLOCK_INTERFACE_DESCRIPTION: {
        const parsed = readInterface(body, this.#interfaces.length);
        if (parsed.event !== null) {
          const { resolution, timeOffsetSec } = parsed.event;
          const scale = new TimeScale(resolution.base, resolution.exponent, timeOffsetSec);
          this.#interfaces.push({ description: parsed.event, scale });
        }
        return this.#pass(parsed, length);
      }
      case BLOCK_NAME_RESOLUTION:
        return this.#pass(readNames(body), length);
      case BLOCK_INTERFACE_STATISTICS:
        return this.#pass(
          readStatistics(body, (interfaceId) => this.#interfaces[interfaceId]?.scale ?? null),
          length,
        );
      case BLOCK_CUSTOM:
      case BLOCK_CUSTOM_NO_COPY:
        return this.#pass(readCustom(body), length);
      default:
        return this.#pass({ event: readUnknown(body), problem: null }, length);
    }
  }

  #passPacket(length: number, { filled, problem }: PacketResult): ReaderEvent {
    const offset = this.#input.offset;
    this.#input.skip(length);
    if (!filled) return problemAt(offset, problem ?? 'a packet block that cannot be read', false);
    this.packet.offset = offset;
    if (problem !== null) this.#waiting.push(problemAt(offset, `packet options: ${problem}`, false));
    return this.#packetEvent;
  }

  #pass(parsed: Parsed<ReaderEvent>, length: number): ReaderEvent {
    const offset = this.#input.offset;
    this.#input.skip(length);
    if (parsed.event === null) return problemAt(offset, parsed.problem ?? 'a block that cannot be read', false);
    if (parsed.problem !== null) this.#waiting.push(problemAt(offset, parsed.problem, false));
    return parsed.event;
  }

  #shortBlock(length: number): ReaderEvent | null {
    if (!this.#ended) return null;
    const left = this.#input.contiguous;
    if (left > 0) return this.#damage(`the file ends inside a block, after ${left} of ${length} bytes`);
    this.#checkSectionLength();
    this.#state = 'stopped';
    return null;
  }

  /** A section whose header says how long it is may end between two blocks and still lack some. */
  #checkSectionLength(): void {
    const expected = this.#sectionLength;
    this.#sectionLength = null;
    const found = this.#input.offset - this.#sectionBegin;
    if (expected === null || expected === found) return;
    const message = `the section has ${found} bytes, its header says ${expected}: ${found < expected ? 'something is missing' : 'its header is damaged'}`;
    this.#waiting.push(problemAt(this.#input.offset, message, false));
  }

  /** The framing is lost: tells it and looks for the next section header behind the damaged block's first bytes. */
  #damage(message: string): ProblemEvent {
    const offset = this.#input.offset;
    this.#state = 'scanning';
    this.#sectionLength = null;
    this.#skipDamage(Math.min(4, this.#input.contiguous));
    return problemAt(offset, message, true);
  }

  #stop(message: string): ProblemEvent {
    this.#state = 'stopped';
    return problemAt(this.#input.offset, message, true);
  }

  /** True where a section header begins at the input's position; false when more bytes are needed. */
  #scan(): boolean {
    const input = this.#input;
    while (input.have(BLOCK_FRAME_BYTES)) {
      const { bytes, at } = input;
      const last = at + input.contiguous - BLOCK_FRAME_BYTES;
      let found = at;
      while (found <= last && !isSectionStart(bytes, found)) found++;
      if (found > at) this.#skipDamage(found - at);
      if (found <= last) {
        this.#state = 'pcapng';
        return true;
      }
    }
    if (this.#ended) {
      this.#skipDamage(input.contiguous);
      this.#state = 'stopped';
    }
    return false;
  }

  #skipDamage(count: number): void {
    this.skippedBytes += count;
    this.#input.skip(count);
  }
}

const problemAt = (offset: number, message: string, fatal: boolean): ProblemEvent => ({ kind: 'problem', offset, message, fatal });

const byteOrderAt = (bytes: Uint8Array, at: number): boolean | null => {
  if (readU32(bytes, at, true) === BYTE_ORDER_MAGIC) return true;
  return readU32(bytes, at, false) === BYTE_ORDER_MAGIC ? false : null;
};

const isSectionStart = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0x0a && readU32(bytes, at, false) === BLOCK_SECTION_HEADER && byteOrderAt(bytes, at + 8) !== null;
