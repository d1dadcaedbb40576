/**
 * The beginning of what one end of a conversation says, put together in order, to be held against another conversation's: a proxy that only
 * copies (splice(2), io.Copy) cuts the bytes anew and never changes them. TCP by sequence numbers (RFC 9293), UDP datagram by datagram.
 */
import { type Packet, TH_SYN } from '../packet/packet.ts';

/** More than this tells no two conversations apart that less does not, as far as requests go. */
const KEPT_BYTES = 512;

export type Comparison = 'differs' | 'nothing' | 'same';

export class HalfStream {
  /** How many bytes were said, by sequence numbers; of UDP the sum of all datagrams. */
  total = 0;
  /** False where the beginning was not seen. */
  fromStart = false;
  /** Made with the first byte that is kept: most halves are told apart before anything is said. */
  #kept: Uint8Array | null = null;
  #length = 0;
  #start = 0;
  #cut = false;

  /** How many bytes can be compared. */
  get length(): number {
    return this.#length;
  }

  observe(packet: Packet): void {
    const { tcpFlags } = packet;
    if (tcpFlags < 0) {
      this.fromStart = true;
      this.#datagram(packet);
      return;
    }
    if (tcpFlags & TH_SYN) {
      this.fromStart = true;
      this.#start = (packet.tcpSeq + 1) | 0;
      return;
    }
    if (!this.fromStart || packet.payloadLength === 0) return;
    const offset = (packet.tcpSeq - this.#start) | 0;
    this.total = Math.max(this.total, offset + packet.payloadLength);
    this.#take(packet, offset);
  }

  /** As far as both are known. */
  compare(other: HalfStream): Comparison {
    if (!this.fromStart || !other.fromStart) return 'nothing';
    const length = Math.min(this.#length, other.#length);
    const [own, its] = [this.#room(), other.#room()];
    for (let i = 0; i < length; i++) if (own[i] !== its[i]) return 'differs';
    return length === 0 ? 'nothing' : 'same';
  }

  /** Each with its length before it: where one ends is part of what is said. */
  #datagram(packet: Packet): void {
    this.total += packet.payloadLength;
    if (this.#length + 2 > KEPT_BYTES) this.#cut = true;
    if (this.#cut) return;
    const kept = this.#room();
    kept[this.#length++] = packet.payloadLength >> 8;
    kept[this.#length++] = packet.payloadLength & 0xff;
    this.#copy(packet, 0);
  }

  #room(): Uint8Array {
    this.#kept ??= new Uint8Array(KEPT_BYTES);
    return this.#kept;
  }

  #take(packet: Packet, offset: number): void {
    const skip = this.#length - offset;
    // What comes before its time is left out until it is repeated: then what lies before is known.
    if (this.#cut || skip < 0 || skip >= packet.payloadLength) return;
    this.#copy(packet, skip);
  }

  #copy(packet: Packet, skip: number): void {
    const wanted = packet.payloadLength - skip;
    const held = Math.min(wanted, packet.payloadCaptured - skip, KEPT_BYTES - this.#length);
    if (held < wanted) this.#cut = true;
    if (held <= 0) return;
    const from = packet.payloadOffset + skip;
    this.#room().set(packet.bytes.subarray(from, from + held), this.#length);
    this.#length += held;
  }
}
