/**
 * Readers of the packet blocks of pcapng (enhanced, simple, obsolete). They fill the one RawPacket and allocate nothing
 * unless the packet has comments. draft-ietf-opsawg-pcapng sections 4.3, 4.4 and appendix A.
 */
import { BLOCK_ENHANCED_PACKET, EPB_DROPCOUNT, EPB_FLAGS, MAX_BLOCK_BYTES, padded } from './block-types.ts';
import { type InterfaceEvent, NO_COMMENTS, type RawPacket } from './events.ts';
import { Comments, OptionWalk, readU32 } from './options.ts';
import type { TimeScale } from './time-scale.ts';

/** An interface with what reading its packets needs. */
export interface OpenInterface {
  readonly description: InterfaceEvent;
  readonly scale: TimeScale;
}

/** What became of a block: the packet is filled or not, and what is wrong with the block. */
export interface PacketResult {
  readonly filled: boolean;
  readonly problem: string | null;
}

const ENHANCED_FIXED_BYTES = 20;
/** "Unknown" in the drops count of the obsolete packet block. */
const DROPS_UNKNOWN = 0xffff;

const refusal = (problem: string): PacketResult => ({ filled: false, problem });

const WHOLE: PacketResult = Object.freeze({ filled: true, problem: null });

/** Frame and fixed part of an enhanced packet block, with the trailing length. */
const ENHANCED_BYTES = 32;

/**
 * The block that nearly all of a file consists of: enhanced, little-endian, without options, of an interface that is known, whole before `end`.
 * Fills the packet as `readTimedPacket` does and gives the block's length; 0 for any other block, of which nothing is said here.
 */
export const readPlainPacket = (
  packet: RawPacket,
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  interfaces: readonly OpenInterface[],
): number => {
  // Signed reads: what is negative then is too large for a plain block, and the processor's own numbers are the fastest.
  if (end - at < ENHANCED_BYTES || view.getInt32(at, true) !== BLOCK_ENHANCED_PACKET) return 0;
  const length = view.getInt32(at + 4, true);
  const captured = view.getInt32(at + 20, true);
  if (length > end - at || length > MAX_BLOCK_BYTES || captured < 0 || captured > length) return 0;
  if (padded(captured) + ENHANCED_BYTES !== length || view.getInt32(at + length - 4, true) !== length) return 0;
  const interfaceId = view.getInt32(at + 8, true);
  const original = view.getInt32(at + 24, true);
  const open = interfaces[interfaceId];
  if (open === undefined || original < 0) return 0;
  if (!open.scale.splitKnown(view.getInt32(at + 12, true), view.getInt32(at + 16, true), packet)) return 0;
  packet.bytes = bytes;
  packet.start = at + 28;
  packet.end = at + 28 + captured;
  packet.originalLength = Math.max(original, captured);
  packet.timed = true;
  packet.interfaceId = interfaceId;
  packet.linkType = open.description.linkType;
  packet.flags = 0;
  packet.dropCount = -1;
  packet.comments = NO_COMMENTS;
  return length;
};

/** The enhanced packet block, or the obsolete one, which differs in its first four bytes only. */
export const readTimedPacket = (
  packet: RawPacket,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  little: boolean,
  obsolete: boolean,
  interfaces: readonly OpenInterface[],
): PacketResult => {
  if (end - start < ENHANCED_FIXED_BYTES) return refusal('packet block of fewer than 32 bytes');
  const interfaceId = obsolete ? view.getUint16(start, little) : view.getUint32(start, little);
  const open = interfaces[interfaceId];
  if (open === undefined) return refusal(`packet of interface ${interfaceId}, which has not been described`);
  const captured = view.getUint32(start + 12, little);
  const dataStart = start + ENHANCED_FIXED_BYTES;
  if (captured > end - dataStart) {
    return refusal(`packet claims ${captured} captured bytes, its block has ${end - dataStart}`);
  }
  const original = view.getUint32(start + 16, little);
  open.scale.split(view.getUint32(start + 4, little), view.getUint32(start + 8, little), packet);
  packet.bytes = bytes;
  packet.start = dataStart;
  packet.end = dataStart + captured;
  packet.originalLength = Math.max(original, captured);
  packet.timed = true;
  packet.interfaceId = interfaceId;
  packet.linkType = open.description.linkType;
  packet.flags = 0;
  packet.dropCount = -1;
  packet.comments = NO_COMMENTS;
  if (obsolete) {
    const drops = view.getUint16(start + 2, little);
    if (drops !== DROPS_UNKNOWN) packet.dropCount = drops;
  }
  const optionsStart = dataStart + padded(captured);
  return optionsStart === end ? WHOLE : readPacketOptions(packet, bytes, optionsStart, end, little, obsolete);
};

const readPacketOptions = (
  packet: RawPacket,
  bytes: Uint8Array,
  start: number,
  end: number,
  little: boolean,
  obsolete: boolean,
): PacketResult => {
  const walk = new OptionWalk(bytes, start, end, little);
  const comments = new Comments();
  while (walk.next()) {
    if (comments.take(walk)) continue;
    // pack_flags has the code and the form of epb_flags.
    if (walk.code === EPB_FLAGS && walk.sized(4)) packet.flags = readU32(bytes, walk.at, little);
    else if (!obsolete && walk.code === EPB_DROPCOUNT && walk.sized(8)) {
      const low = readU32(bytes, little ? walk.at : walk.at + 4, little);
      const high = readU32(bytes, little ? walk.at + 4 : walk.at, little);
      packet.dropCount = high * 0x1_0000_0000 + low;
    }
  }
  packet.comments = comments.list;
  return walk.problem === null ? WHOLE : { filled: true, problem: walk.problem };
};

/** A packet without time, always of the section's first interface and cut at its snap length. */
export const readSimplePacket = (
  packet: RawPacket,
  bytes: Uint8Array,
  start: number,
  end: number,
  little: boolean,
  interfaces: readonly OpenInterface[],
): PacketResult => {
  const open = interfaces[0];
  if (end - start < 4) return refusal('simple packet block of fewer than 16 bytes');
  if (open === undefined) return refusal('simple packet before any interface has been described');
  const original = readU32(bytes, start, little);
  const { linkType, snapLength } = open.description;
  const captured = snapLength > 0 && snapLength < original ? snapLength : original;
  if (padded(captured) !== end - start - 4 || captured > MAX_PACKET_BYTES) {
    return refusal(`simple packet of ${captured} captured bytes in a block that has ${end - start - 4}`);
  }
  packet.bytes = bytes;
  packet.start = start + 4;
  packet.end = start + 4 + captured;
  packet.originalLength = original;
  packet.timeSec = 0;
  packet.timeNsec = 0;
  packet.timed = false;
  packet.interfaceId = 0;
  packet.linkType = linkType;
  packet.flags = 0;
  packet.dropCount = -1;
  packet.comments = NO_COMMENTS;
  return WHOLE;
};

const MAX_PACKET_BYTES = 0x7fff_ffff;
