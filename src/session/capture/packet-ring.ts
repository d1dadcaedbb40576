/**
 * The packets kept in memory: a ring of bytes with an index, the newest always there, the oldest overwritten. Packets of one
 * flow are chained backwards, so that a flow's last packets are found without a search. A packet of a tunnel is in two chains: that of
 * the tunnel's own flow and that of the flow inside.
 */
import type { Packet } from '../../packet/packet.ts';
import type { StoredPacket } from '../state/capture-view.ts';

const NONE = -1;

export interface PacketRingLimits {
  /** Room for packet bytes. */
  readonly bytes: number;
  /** How many packets at most; a power of two. */
  readonly packets: number;
}

const DEFAULT_BYTES = 24 * 1024 * 1024;
/** The index has room for packets of this size on the average; larger ones fill the bytes first. */
const BYTES_A_PACKET = 192;

/** A ring of so many bytes of packets, with an index to match. */
export const ringOf = (bytes: number): PacketRingLimits => ({ bytes, packets: 2 ** Math.ceil(Math.log2(bytes / BYTES_A_PACKET)) });

export const DEFAULT_RING: PacketRingLimits = ringOf(DEFAULT_BYTES);

/** A packet of the ring by its sequence number, from 0 on; numbers only grow. */
export class PacketRing {
  readonly #data: Uint8Array;
  readonly #mask: number;
  readonly #offset: Uint32Array;
  readonly #length: Uint32Array;
  readonly #original: Uint32Array;
  readonly #seconds: Float64Array;
  readonly #nanoseconds: Uint32Array;
  readonly #interface: Uint16Array;
  readonly #linkType: Uint16Array;
  readonly #previous: Float64Array;
  readonly #tag: Float64Array;
  readonly #previousInside: Float64Array;
  #next = 0;
  #oldest = 0;
  #writeAt = 0;

  constructor(limits: PacketRingLimits = DEFAULT_RING) {
    this.#data = new Uint8Array(limits.bytes);
    this.#mask = limits.packets - 1;
    this.#offset = new Uint32Array(limits.packets);
    this.#length = new Uint32Array(limits.packets);
    this.#original = new Uint32Array(limits.packets);
    this.#seconds = new Float64Array(limits.packets);
    this.#nanoseconds = new Uint32Array(limits.packets);
    this.#interface = new Uint16Array(limits.packets);
    this.#linkType = new Uint16Array(limits.packets);
    this.#previous = new Float64Array(limits.packets);
    this.#tag = new Float64Array(limits.packets);
    this.#previousInside = new Float64Array(limits.packets);
  }

  /** Time of the oldest packet that is kept, seconds since the epoch; infinitely late where none is. */
  get oldestSec(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.#seconds[this.#oldest & this.#mask] as number);
  }

  get size(): number {
    return this.#next - this.#oldest;
  }

  /** Sequence number of the oldest packet still here; equal to `next` where the ring is empty. */
  get oldest(): number {
    return this.#oldest;
  }

  get next(): number {
    return this.#next;
  }

  /**
   * Copies the packet in and returns its sequence number. `previous` is that of the flow's packet before, -1 for none; `tag` the flow;
   * `previousInside` the same as `previous` for the flow inside a tunnel's packet.
   */
  add(packet: Packet, previous: number, tag: number, previousInside: number = NONE): number {
    const captured = Math.min(packet.end - packet.start, this.#data.length);
    if (this.#writeAt + captured > this.#data.length) {
      // The tail of the buffer stays unused this round: a packet is never split.
      this.#forget(this.#writeAt, this.#data.length);
      this.#writeAt = 0;
    }
    this.#forget(this.#writeAt, this.#writeAt + captured);
    if (this.#next - this.#oldest > this.#mask) this.#oldest++;
    const sequence = this.#next++;
    const slot = sequence & this.#mask;
    this.#data.set(packet.bytes.subarray(packet.start, packet.start + captured), this.#writeAt);
    this.#offset[slot] = this.#writeAt;
    this.#length[slot] = captured;
    this.#original[slot] = packet.originalLength;
    this.#seconds[slot] = packet.timeSec;
    this.#nanoseconds[slot] = packet.timeNsec;
    this.#interface[slot] = packet.interfaceId;
    this.#linkType[slot] = packet.linkType;
    this.#previous[slot] = previous;
    this.#tag[slot] = tag;
    this.#previousInside[slot] = previousInside;
    this.#writeAt += captured;
    return sequence;
  }

  /** A copy of the packet, or null where it has been overwritten. */
  get(sequence: number): StoredPacket | null {
    if (sequence < this.#oldest || sequence >= this.#next) return null;
    const slot = sequence & this.#mask;
    const offset = this.#offset[slot] as number;
    return {
      sequence,
      timeSec: this.#seconds[slot] as number,
      timeNsec: this.#nanoseconds[slot] as number,
      interfaceId: this.#interface[slot] as number,
      linkType: this.#linkType[slot] as number,
      originalLength: this.#original[slot] as number,
      bytes: this.#data.slice(offset, offset + (this.#length[slot] as number)),
    };
  }

  /** The flow that the packet was added for, or null where it has been overwritten. */
  tagOf(sequence: number): number | null {
    if (sequence < this.#oldest || sequence >= this.#next) return null;
    return this.#tag[sequence & this.#mask] as number;
  }

  /** Up to `limit` packets of the chain of flow `tag` that ends in `last`, oldest first. Packets of other flows in it carried that flow. */
  chain(last: number, limit: number, tag: number): readonly StoredPacket[] {
    const found: StoredPacket[] = [];
    let sequence = last;
    while (sequence !== NONE && found.length < limit) {
      const packet = this.get(sequence);
      if (packet === null) break;
      found.push(packet);
      const slot = sequence & this.#mask;
      sequence = (this.#tag[slot] === tag ? this.#previous[slot] : this.#previousInside[slot]) as number;
    }
    return found.reverse();
  }

  /** Drops the packets whose bytes lie in [from, to), which are always the oldest ones. */
  #forget(from: number, to: number): void {
    while (this.#oldest < this.#next) {
      const slot = this.#oldest & this.#mask;
      const start = this.#offset[slot] as number;
      const end = start + (this.#length[slot] as number);
      // An empty packet takes no room: it goes together with the byte that it stands before.
      if (start >= to || (end <= from && !(start === end && start >= from))) return;
      this.#oldest++;
    }
  }
}
