/**
 * TCP as seen from between its ends: phase, repetitions, reordering, closed windows, who reset it, and round trips. Sequence
 * numbers wrap at 2^32, so they are compared by their signed distance. RFC 9293; Karn's rule for repeated segments RFC 6298.
 */
import { type Packet, TH_ACK, TH_FIN, TH_RST, TH_SYN } from '../packet/packet.ts';
import type { PlainHeaders } from '../packet/plain.ts';
import type { Direction, Flow, TcpFlow } from './flow.ts';
import { ORIGINAL, REPLY } from './flow.ts';

/** Below this a segment that fills a gap is taken as reordered where no handshake was seen (Wireshark uses the same). */
const REORDER_NS = 3_000_000;

/** Bits of what is known about one direction. */
const SEQ_KNOWN = 1;
const ACK_KNOWN = 2;
const FIN_SEEN = 4;
const SAMPLE_ARMED = 8;
const HOLE_OPEN = 16;
const SYN_SEEN = 32;

/** Shared by all flows in which nothing of the kind has happened. */
const NOTHING_COUNTED: [number, number] = [0, 0];

/**
 * What is remembered of one direction lies together, as 32-bit words and, behind them, times as 64-bit numbers: one packet then
 * touches few lines of the processor's cache.
 */
const NEXT = 0; // end of the highest segment
const ISN = 1;
const ACKED = 2; // highest acknowledgement that this direction has sent
const FIN_END = 3;
const SAMPLE_END = 4;
const HOLE_START = 5;
const HOLE_END = 6;
const KNOWN = 7;
/** Times, in nanoseconds since the flow's first packet: counted in 64-bit numbers from the direction's start. */
const SAMPLE_AT = 4;
const HOLE_AT = 5;
const SYN_AT = 6;
const LAST_HALF = 7; // round trip of what this direction sent, NaN for none
const LEAST_HALF = 8;
const DIRECTION_BYTES = 72;
const DIRECTION_WORDS = DIRECTION_BYTES / 4;
const SLOT_WORDS = DIRECTION_WORDS * 2;

export class TcpTracker {
  #words: Int32Array;
  #times: Float64Array;
  /** Nanoseconds from the flow's first packet to the current one; a field, since numbers of this size are boxed as arguments. */
  #now = 0;

  constructor(slots: number) {
    const buffer = new ArrayBuffer(slots * 2 * DIRECTION_BYTES);
    this.#words = new Int32Array(buffer);
    this.#times = new Float64Array(buffer);
  }

  grow(slots: number): void {
    const buffer = new ArrayBuffer(slots * 2 * DIRECTION_BYTES);
    const words = new Int32Array(buffer);
    words.set(this.#words);
    this.#words = words;
    this.#times = new Float64Array(buffer);
  }

  /** Begins a connection in the slot. */
  open(slot: number, flags: number): TcpFlow {
    for (const own of [slot * SLOT_WORDS, slot * SLOT_WORDS + DIRECTION_WORDS]) {
      this.#words[own + KNOWN] = 0;
      this.#times[(own >> 1) + SYN_AT] = Number.NaN;
      this.#times[(own >> 1) + LAST_HALF] = Number.NaN;
      this.#times[(own >> 1) + LEAST_HALF] = Number.NaN;
    }
    const syn = flags >= 0 && (flags & TH_SYN) !== 0;
    return {
      phase: !syn ? 'midstream' : flags & TH_ACK ? 'syn-received' : 'syn-sent',
      resetBy: -1,
      resetIn: null,
      retransmissions: NOTHING_COUNTED,
      zeroWindows: NOTHING_COUNTED,
      outOfOrder: NOTHING_COUNTED,
      handshakeNs: null,
      rttToBNs: null,
      rttToANs: null,
    };
  }

  /** True where the packet opens a new connection between the same ports. */
  beginsAnew(slot: number, tcp: TcpFlow, packet: Packet, direction: Direction): boolean {
    const flags = packet.tcpFlags;
    if (flags < 0 || (flags & TH_SYN) === 0 || flags & TH_RST) return false;
    const own = slot * SLOT_WORDS + direction * DIRECTION_WORDS;
    const repeated = ((this.#words[own + KNOWN] as number) & SYN_SEEN) !== 0 && this.#words[own + ISN] === (packet.tcpSeq | 0);
    if (flags & TH_ACK) {
      const other = slot * SLOT_WORDS + (1 - direction) * DIRECTION_WORDS;
      const answers =
        ((this.#words[other + KNOWN] as number) & SYN_SEEN) !== 0 && distance(packet.tcpAck, this.#words[other + ISN] as number) === 1;
      return !answers && !repeated && tcp.phase !== 'syn-sent' && tcp.phase !== 'syn-received';
    }
    switch (tcp.phase) {
      case 'syn-sent':
      case 'syn-received':
        return false;
      case 'closed':
      case 'reset':
        return true;
      default:
        return !repeated;
    }
  }

  observe(slot: number, flow: Flow, packet: Packet, direction: Direction, sec: number, nsec: number): void {
    const { tcp } = flow;
    const flags = packet.tcpFlags;
    if (tcp === null || flags < 0) return;
    this.#now = (sec - flow.firstSec) * 1_000_000_000 + nsec - flow.firstNsec;
    const own = slot * SLOT_WORDS + direction * DIRECTION_WORDS;
    if (flags & TH_SYN) this.#syn(own, tcp, packet);
    if ((flags & TH_RST) === 0) this.#sequence(own, tcp, packet, direction);
    if (flags & TH_ACK) this.#acknowledge(slot, flow, tcp, packet.tcpAck | 0, direction);
    if (packet.tcpWindow === 0 && (flags & (TH_SYN | TH_FIN | TH_RST)) === 0) tcp.zeroWindows = counted(tcp.zeroWindows, direction);
    this.#phase(slot, tcp, flags, direction);
  }

  /**
   * `observe` for what most segments are: an acknowledgement, with or without data that comes in order, on an open connection. False for any
   * other, of which nothing is noted.
   */
  observePlain(slot: number, flow: Flow, headers: PlainHeaders, direction: Direction, sec: number, nsec: number): boolean {
    const { tcp } = flow;
    const words = this.#words;
    const own = slot * SLOT_WORDS + direction * DIRECTION_WORDS;
    const { tcpSeq: seq, payloadLength } = headers;
    const known = words[own + KNOWN] as number;
    if (tcp === null || (known & SEQ_KNOWN) === 0 || seq !== words[own + NEXT]) return false;
    this.#now = (sec - flow.firstSec) * 1_000_000_000 + nsec - flow.firstNsec;
    if (payloadLength > 0) {
      const end = (seq + payloadLength) | 0;
      words[own + NEXT] = end;
      if ((known & SAMPLE_ARMED) === 0) this.#arm(own, end);
    }
    this.#acknowledge(slot, flow, tcp, headers.tcpAck, direction);
    return true;
  }

  #syn(own: number, tcp: TcpFlow, packet: Packet): void {
    const known = this.#words[own + KNOWN] as number;
    // A new attempt from the same port while nobody has answered: what was known of the old one no longer holds.
    if (known & SYN_SEEN && tcp.phase === 'syn-sent' && this.#words[own + ISN] !== (packet.tcpSeq | 0)) this.#words[own + KNOWN] = 0;
    this.#words[own + KNOWN] = (this.#words[own + KNOWN] as number) | SYN_SEEN;
    this.#words[own + ISN] = packet.tcpSeq;
    this.#times[(own >> 1) + SYN_AT] = this.#now;
  }

  #sequence(own: number, tcp: TcpFlow, packet: Packet, direction: Direction): void {
    const flags = packet.tcpFlags;
    const seq = packet.tcpSeq | 0;
    const length = packet.payloadLength + (flags & TH_SYN ? 1 : 0) + (flags & TH_FIN ? 1 : 0);
    const end = (seq + length) | 0;
    const known = this.#words[own + KNOWN] as number;
    if ((known & SEQ_KNOWN) === 0) {
      this.#words[own + KNOWN] = known | SEQ_KNOWN;
      this.#words[own + NEXT] = end;
      if (length > 0) this.#arm(own, end);
      return;
    }
    const next = this.#words[own + NEXT] as number;
    const ahead = distance(seq, next);
    if (ahead >= 0) {
      if (ahead > 0) this.#openHole(own, next, seq);
      if (length > 0 || ahead > 0) this.#words[own + NEXT] = end;
      if (length > 0 && ((this.#words[own + KNOWN] as number) & SAMPLE_ARMED) === 0) this.#arm(own, end);
      return;
    }
    if (length === 0) return;
    const beyond = distance(end, next);
    // RFC 9293 section 3.8.4: a keep-alive repeats the last byte, or none, just before what is expected.
    if (ahead === -1 && packet.payloadLength <= 1 && beyond <= 0 && (flags & (TH_SYN | TH_FIN)) === 0) return;
    if (this.#fillsHole(own, seq, end)) {
      const reorderNs = tcp.handshakeNs ?? REORDER_NS;
      if (this.#now - (this.#times[(own >> 1) + HOLE_AT] as number) < reorderNs) tcp.outOfOrder = counted(tcp.outOfOrder, direction);
      else tcp.retransmissions = counted(tcp.retransmissions, direction);
    } else {
      tcp.retransmissions = counted(tcp.retransmissions, direction);
      if (distance(this.#words[own + SAMPLE_END] as number, seq) > 0)
        this.#words[own + KNOWN] = (this.#words[own + KNOWN] as number) & ~SAMPLE_ARMED;
    }
    if (beyond > 0) this.#words[own + NEXT] = end;
  }

  #arm(own: number, end: number): void {
    this.#words[own + KNOWN] = (this.#words[own + KNOWN] as number) | SAMPLE_ARMED;
    this.#words[own + SAMPLE_END] = end;
    this.#times[(own >> 1) + SAMPLE_AT] = this.#now;
  }

  /** One gap is remembered a direction; a further one widens it. */
  #openHole(own: number, from: number, to: number): void {
    if (((this.#words[own + KNOWN] as number) & HOLE_OPEN) === 0) this.#words[own + HOLE_START] = from;
    this.#words[own + KNOWN] = (this.#words[own + KNOWN] as number) | HOLE_OPEN;
    this.#words[own + HOLE_END] = to;
    this.#times[(own >> 1) + HOLE_AT] = this.#now;
  }

  #fillsHole(own: number, seq: number, end: number): boolean {
    if (((this.#words[own + KNOWN] as number) & HOLE_OPEN) === 0) return false;
    const start = this.#words[own + HOLE_START] as number;
    const stop = this.#words[own + HOLE_END] as number;
    if (distance(seq, start) < 0 || distance(end, stop) > 0) return false;
    if (seq === start) this.#words[own + HOLE_START] = end;
    else this.#words[own + HOLE_END] = seq;
    if (this.#words[own + HOLE_START] === this.#words[own + HOLE_END])
      this.#words[own + KNOWN] = (this.#words[own + KNOWN] as number) & ~HOLE_OPEN;
    return true;
  }

  #acknowledge(slot: number, flow: Flow, tcp: TcpFlow, ack: number, direction: Direction): void {
    const own = slot * SLOT_WORDS + direction * DIRECTION_WORDS;
    const other = slot * SLOT_WORDS + (1 - direction) * DIRECTION_WORDS;
    const known = this.#words[own + KNOWN] as number;
    if ((known & ACK_KNOWN) === 0 || distance(ack, this.#words[own + ACKED] as number) > 0) {
      this.#words[own + KNOWN] = known | ACK_KNOWN;
      this.#words[own + ACKED] = ack;
    }
    if (((this.#words[other + KNOWN] as number) & SAMPLE_ARMED) === 0 || distance(ack, this.#words[other + SAMPLE_END] as number) < 0)
      return;
    this.#words[other + KNOWN] = (this.#words[other + KNOWN] as number) & ~SAMPLE_ARMED;
    const half = this.#now - (this.#times[(other >> 1) + SAMPLE_AT] as number);
    if (half < 0) return;
    this.#times[(other >> 1) + LAST_HALF] = half;
    if (!(half >= (this.#times[(other >> 1) + LEAST_HALF] as number))) this.#times[(other >> 1) + LEAST_HALF] = half;
    const a = slot * SLOT_WORDS;
    const b = a + DIRECTION_WORDS;
    const toB = this.#times[(a >> 1) + LAST_HALF] as number;
    const toA = this.#times[(b >> 1) + LAST_HALF] as number;
    tcp.rttToBNs = orNull(toB);
    tcp.rttToANs = orNull(toA);
    flow.rttNs = sumOfKnown(toB, toA);
    flow.minRttNs = sumOfKnown(this.#times[(a >> 1) + LEAST_HALF] as number, this.#times[(b >> 1) + LEAST_HALF] as number);
  }

  #phase(slot: number, tcp: TcpFlow, flags: number, direction: Direction): void {
    if (flags & TH_RST) {
      if (tcp.phase === 'reset' || tcp.phase === 'closed') return;
      tcp.resetIn = tcp.phase;
      tcp.resetBy = direction;
      tcp.phase = 'reset';
      return;
    }
    if (tcp.phase === 'reset' || tcp.phase === 'closed') return;
    const a = slot * SLOT_WORDS;
    const b = a + DIRECTION_WORDS;
    if (flags & TH_SYN) {
      if (tcp.phase === 'syn-sent' && direction === REPLY) tcp.phase = 'syn-received';
    } else if (direction === ORIGINAL && flags & TH_ACK && (tcp.phase === 'syn-received' || tcp.phase === 'syn-sent')) {
      // Where b's direction is not seen here, a's first ACK still tells that b has answered.
      tcp.phase = 'established';
      const handshake = this.#now - (this.#times[(a >> 1) + SYN_AT] as number);
      if (handshake >= 0) tcp.handshakeNs = handshake;
    }
    if (flags & TH_FIN) {
      const own = slot * SLOT_WORDS + direction * DIRECTION_WORDS;
      this.#words[own + KNOWN] = (this.#words[own + KNOWN] as number) | FIN_SEEN;
      this.#words[own + FIN_END] = this.#words[own + NEXT] as number;
      tcp.phase = 'closing';
    }
    if (tcp.phase === 'closing' && this.#finAcknowledged(a, b) && this.#finAcknowledged(b, a)) tcp.phase = 'closed';
  }

  #finAcknowledged(own: number, other: number): boolean {
    if (((this.#words[own + KNOWN] as number) & FIN_SEEN) === 0 || ((this.#words[other + KNOWN] as number) & ACK_KNOWN) === 0) return false;
    return distance(this.#words[other + ACKED] as number, this.#words[own + FIN_END] as number) >= 0;
  }
}

/** Sequence numbers are kept as signed words, which the engine does not box. How far x lies beyond y on the circle of sequence numbers. */
const distance = (x: number, y: number): number => (x - y) | 0;

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);

const sumOfKnown = (x: number, y: number): number | null => {
  if (Number.isNaN(x)) return orNull(y);
  return Number.isNaN(y) ? x : x + y;
};

const counted = (counts: [number, number], direction: Direction): [number, number] => {
  const own: [number, number] = counts === NOTHING_COUNTED ? [0, 0] : counts;
  own[direction]++;
  return own;
};
