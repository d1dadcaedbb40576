/**
 * Passes a capture on into a new pcapng file, block by block: what nobody asks to change is copied byte for byte in its own
 * byte order, also what this program does not know. A classic pcap file becomes one section with one interface.
 * draft-ietf-opsawg-pcapng sections 3 and 4.
 */
import type { PcapngAppender } from './appender.ts';
import { BLOCK_PACKET } from './block-types.ts';
import { inOtherByteOrder } from './byte-order.ts';
import { blockOfPacket, changedPacket, type PacketChange } from './changed-packet.ts';
import type { RawPacket, ReaderEvent, SectionEvent } from './events.ts';
import { readU32 } from './options.ts';
import { interfaceDescription, sectionHeader } from './writer.ts';

export interface CopierOptions {
  /** Named as the writer of sections that are made here, for a classic pcap file. */
  readonly application: string;
  /**
   * True leaves out custom blocks and options whose makers say that they must not get into a changed file (section 4.7): for
   * whoever changes or leaves out anything.
   */
  readonly withoutPrivate: boolean;
}

export class CaptureCopier {
  packets = 0;
  /** Custom blocks left out since they must not be copied. */
  privateBlocks = 0;
  readonly #out: PcapngAppender;
  readonly #options: CopierOptions;
  #little = true;
  #isClassic = false;

  constructor(out: PcapngAppender, options: CopierOptions) {
    this.#out = out;
    this.#options = options;
  }

  /** Copies the block of an event that is no packet. What a 'problem' is about is not there to be copied. */
  event(event: Exclude<ReaderEvent, { kind: 'packet' }>): void {
    switch (event.kind) {
      case 'section':
        this.#section(event);
        return;
      case 'interface':
        this.#block(event.block ?? interfaceDescription({ linkType: event.linkType, snapLength: event.snapLength }));
        return;
      case 'custom':
        if (!event.mayCopy && this.#options.withoutPrivate) this.privateBlocks++;
        else if (event.block !== null) this.#block(event.block);
        return;
      case 'names':
      case 'statistics':
      case 'unknown':
        if (event.block !== null) this.#block(event.block);
        return;
      case 'problem':
        return;
    }
  }

  /** Copies the reader's packet before the reader goes on, with changes where there are any. */
  packet(packet: RawPacket, change: PacketChange = {}): void {
    this.packets++;
    if (this.#isClassic) {
      const { data } = change;
      const comments = [...(change.comments ?? []), ...(change.added ?? [])];
      this.#out.packet(
        data === undefined ? { ...fieldsOf(packet), comments } : { ...fieldsOf(packet), bytes: data, start: 0, end: data.length, comments },
      );
      return;
    }
    const block = blockOfPacket(packet, this.#little);
    const withoutPrivate = this.#options.withoutPrivate;
    const isChanged = change.data !== undefined || change.comments !== undefined || (change.added ?? []).length > 0 || withoutPrivate;
    // Writers must not make the obsolete block any more (appendix A).
    const isObsolete = readU32(block, 0, this.#little) === BLOCK_PACKET;
    this.#block(isChanged || isObsolete ? changedPacket(packet, this.#little, { withoutPrivate, ...change }) : block);
  }

  /** Puts a block of our own, as the functions of writer.ts make them, into the current section. */
  own(block: Uint8Array): void {
    const turned = this.#little ? block : inOtherByteOrder(block, true);
    if (turned !== null) this.#out.block(turned);
  }

  #section(event: SectionEvent): void {
    this.#isClassic = event.block === null;
    this.#little = event.block === null || event.littleEndian;
    if (event.block === null) {
      this.#out.block(sectionHeader({ application: this.#options.application }));
      return;
    }
    const header = new Uint8Array(event.block);
    // Its length may be another one now: "not specified".
    header.fill(0xff, 16, 24);
    this.#block(header);
  }

  /** Lengths that do not count the padding, as some writers have them, are put right. */
  #block(block: Uint8Array): void {
    if (readU32(block, 4, this.#little) === block.length) {
      this.#out.block(block);
      return;
    }
    const aligned = new Uint8Array(block);
    const view = new DataView(aligned.buffer);
    view.setUint32(4, block.length, this.#little);
    view.setUint32(block.length - 4, block.length, this.#little);
    this.#out.block(aligned);
  }
}

const fieldsOf = ({ interfaceId, timeSec, timeNsec, bytes, start, end, originalLength }: RawPacket) => ({
  interfaceId,
  timeSec,
  timeNsec,
  bytes,
  start,
  end,
  originalLength,
});
