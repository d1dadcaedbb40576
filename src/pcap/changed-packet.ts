/**
 * A packet's own block with other data or further comments, everything else as it stands: time in the resolution of its
 * interface, flags, identity, queue, verdicts, custom options. draft-ietf-opsawg-pcapng section 4.3.
 */
import { encodeText } from './block-builder.ts';
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_FRAME_BYTES,
  BLOCK_PACKET,
  BLOCK_SIMPLE_PACKET,
  EPB_DROPCOUNT,
  EPB_HASH,
  OPT_COMMENT,
  OPT_CUSTOM_BYTES_NO_COPY,
  OPT_CUSTOM_TEXT_NO_COPY,
  padded,
} from './block-types.ts';
import type { RawPacket } from './events.ts';
import { OptionWalk, readU32 } from './options.ts';

export interface PacketChange {
  /** Put in place of the packet's comments; left out, those stay as they are, byte for byte. */
  readonly comments?: readonly string[] | undefined;
  /** Put behind the comments that are there or take their place. */
  readonly added?: readonly string[] | undefined;
  /** In place of the captured bytes. A hash over the old ones is left out then. */
  readonly data?: Uint8Array | undefined;
  /** True leaves out the custom options that must not be copied into a changed file. */
  readonly withoutPrivate?: boolean | undefined;
}

const ENHANCED_HEADER_BYTES = 28;
const SIMPLE_HEADER_BYTES = 12;
const MAX_OPTION_BYTES = 0xffff;
const DROPS_UNKNOWN = 0xffff;

/** The block of a packet of a pcapng file, in place: it is the chunk's, so copy what is to outlive the reader's next event. */
export const blockOfPacket = (packet: RawPacket, little: boolean): Uint8Array => {
  const at = packet.start - (packet.timed ? ENHANCED_HEADER_BYTES : SIMPLE_HEADER_BYTES);
  return packet.bytes.subarray(at, at + padded(readU32(packet.bytes, at + 4, little)));
};

/**
 * The packet's block, changed, in the section's byte order. An obsolete packet block becomes an enhanced one, which says the
 * same. A simple one has room for nothing but data, so comments on it are lost.
 */
export const changedPacket = (packet: RawPacket, little: boolean, change: PacketChange): Uint8Array => {
  const block = blockOfPacket(packet, little);
  const type = readU32(block, 0, little);
  const data = change.data ?? packet.bytes.subarray(packet.start, packet.end);
  if (type === BLOCK_SIMPLE_PACKET) return simplePacket(block, data, little);
  const options = optionsOf(packet, block, type, little, change);
  const size = options.reduce((sum, { value }) => sum + 4 + padded(value.length), options.length > 0 ? 4 : 0);
  const out = new Block(BLOCK_ENHANCED_PACKET, ENHANCED_HEADER_BYTES + padded(data.length) + size + 4, little);
  out.word(packet.interfaceId);
  out.word(readU32(block, 12, little));
  out.word(readU32(block, 16, little));
  out.word(data.length);
  out.word(readU32(block, 24, little));
  out.data(data);
  for (const { code, value } of options) out.option(code, value);
  return out.finish();
};

interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

const optionsOf = (packet: RawPacket, block: Uint8Array, type: number, little: boolean, change: PacketChange): Option[] => {
  const options: Option[] = [];
  const from = ENHANCED_HEADER_BYTES + padded(packet.end - packet.start);
  const walk = new OptionWalk(block, from, block.length - 4, little);
  while (walk.next()) {
    if (walk.code === OPT_COMMENT && change.comments !== undefined) continue;
    if (walk.code === EPB_HASH && change.data !== undefined) continue;
    if (change.withoutPrivate === true && (walk.code === OPT_CUSTOM_TEXT_NO_COPY || walk.code === OPT_CUSTOM_BYTES_NO_COPY)) continue;
    options.push({ code: walk.code, value: block.subarray(walk.at, walk.at + walk.length) });
  }
  if (type === BLOCK_PACKET && packet.dropCount >= 0 && packet.dropCount !== DROPS_UNKNOWN) {
    options.push({ code: EPB_DROPCOUNT, value: longValue(packet.dropCount, little) });
  }
  for (const comment of [...(change.comments ?? []), ...(change.added ?? [])]) {
    options.push({ code: OPT_COMMENT, value: encodeText(comment, MAX_OPTION_BYTES) });
  }
  return options;
};

const longValue = (value: number, little: boolean): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), little);
  return bytes;
};

/** Its captured length follows from the original one and the snap length: the data cannot be longer than they allow. */
const simplePacket = (block: Uint8Array, data: Uint8Array, little: boolean): Uint8Array => {
  const room = block.length - SIMPLE_HEADER_BYTES - 4;
  const out = new Block(BLOCK_SIMPLE_PACKET, block.length, little);
  out.word(readU32(block, 8, little));
  const held = new Uint8Array(room);
  held.set(data.subarray(0, room));
  out.data(held);
  return out.finish();
};

/** A block of known size in either byte order. */
class Block {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  #at = 0;

  constructor(type: number, size: number, little: boolean) {
    this.#bytes = new Uint8Array(Math.max(size, BLOCK_FRAME_BYTES));
    this.#view = new DataView(this.#bytes.buffer);
    this.#little = little;
    this.word(type);
    this.word(this.#bytes.length);
  }

  word(value: number): void {
    this.#view.setUint32(this.#at, value, this.#little);
    this.#at += 4;
  }

  data(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#at);
    this.#at += padded(bytes.length);
  }

  option(code: number, value: Uint8Array): void {
    this.#view.setUint16(this.#at, code, this.#little);
    this.#view.setUint16(this.#at + 2, value.length, this.#little);
    this.#at += 4;
    this.data(value);
  }

  /** The end of the options is zeros, as the rest of the buffer is. */
  finish(): Uint8Array {
    this.#view.setUint32(this.#bytes.length - 4, this.#bytes.length, this.#little);
    return this.#bytes;
  }
}
