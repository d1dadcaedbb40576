/**
 * TCP as seen from between its ends: phase, repetitions, reordering, closed windows, who reset it, and round trips. Sequence
 * numbers wrap at 2^32, so they are compared by their signed distance. RFC 9293; Karn's rule for repeated segments RFC 6298.
 */
import { type Packet, TH_ACK, TH_FIN, TH_RST, TH_SYN } from '../packet/packet.ts';
import { copyOf } from './age-lists.ts';
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

/** The second number is that of the direction: slot * 2 + direction. */
export class TcpTracker {
  /** End of the highest segment. */
  #next: Uint32Array;
  #isn: Uint32Array;
  /** Highest acknowledgement that this direction has sent. */
  #acked: Uint32Array;
  #finEnd: Uint32Array;
  #sampleEnd: Uint32Array;
  #holeStart: Uint32Array;
  #holeEnd: Uint32Array;
  #known: Uint8Array;
  /** Times in nanoseconds since the flow's first packet. */
  #sampleAt: Float64Array;
  #holeAt: Float64Array;
  #synAt: Float64Array;
  /** Round trips of what this direction sent, NaN for none. */
  #lastHalf: Float64Array;
  #leastHalf: Float64Array;

  constructor(slots: number) {
    const words = () => new Uint32Array(slots * 2);
    const times = () => new Float64Array(slots * 2);
    this.#next = words();
    this.#isn = words();
    this.#acked = words();
    this.#finEnd = words();
    this.#sampleEnd = words();
    this.#holeStart = words();
    this.#holeEnd = words();
    this.#known = new Uint8Array(slots * 2);
    this.#sampleAt = times();
    this.#holeAt = times();
    this.#synAt = times();
    this.#lastHalf = times();
    this.#leastHalf = times();
  }

  grow(slots: number): void {
    const words = (from: Uint32Array) => copyOf(from, new Uint32Array(slots * 2));
    const times = (from: Float64Array) => copyOf(from, new Float64Array(slots * 2));
    this.#next = words(this.#next);
    this.#isn = words(this.#isn);
    this.#acked = words(this.#acked);
    this.#finEnd = words(this.#finEnd);
    this.#sampleEnd = words(this.#sampleEnd);
    this.#holeStart = words(this.#holeStart);
    this.#holeEnd = words(this.#holeEnd);
    this.#known = copyOf(this.#known, new Uint8Array(slots * 2));
    this.#sampleAt = times(this.#sampleAt);
    this.#holeAt = times(this.#holeAt);
    this.#synAt = times(this.#synAt);
    this.#lastHalf = times(this.#lastHalf);
    this.#leastHalf = times(this.#leastHalf);
  }

  /** Begins a connection in the slot. */
  open(slot: number, flags: number): TcpFlow {
    for (let i = slot * 2; i < slot * 2 + 2; i++) {
      this.#known[i] = 0;
      this.#synAt[i] = Number.NaN;
      this.#lastHalf[i] = Number.NaN;
      this.#leastHalf[i] = Number.NaN;
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
    const own = slot * 2 + direction;
    const repeated = ((this.#known[own] as number) & SYN_SEEN) !== 0 && this.#isn[own] === packet.tcpSeq;
    if (flags & TH_ACK) {
      const other = slot * 2 + 1 - direction;
      const answers = ((this.#known[other] as number) & SYN_SEEN) !== 0 && distance(packet.tcpAck, this.#isn[other] as number) === 1;
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

  /** `ns`: nanoseconds since the flow's first packet. */
  observe(slot: number, flow: Flow, packet: Packet, direction: Direction, ns: number): void {
    const { tcp } = flow;
    const flags = packet.tcpFlags;
    if (tcp === null || flags < 0) return;
    const own = slot * 2 + direction;
    if (flags & TH_SYN) this.#syn(own, tcp, packet, ns);
    if ((flags & TH_RST) === 0) this.#sequence(own, tcp, packet, direction, ns);
    if (flags & TH_ACK) this.#acknowledge(slot, flow, tcp, packet.tcpAck, direction, ns);
    if (packet.tcpWindow === 0 && (flags & (TH_SYN | TH_FIN | TH_RST)) === 0) tcp.zeroWindows = counted(tcp.zeroWindows, direction);
    this.#phase(slot, tcp, flags, direction, ns);
  }

  #syn(own: number, tcp: TcpFlow, packet: Packet, ns: number): void {
    const known = this.#known[own] as number;
    // A new attempt from the same port while nobody has answered: what was known of the old one no longer holds.
    if (known & SYN_SEEN && tcp.phase === 'syn-sent' && this.#isn[own] !== packet.tcpSeq) this.#known[own] = 0;
    this.#known[own] = (this.#known[own] as number) | SYN_SEEN;
    this.#isn[own] = packet.tcpSeq;
    this.#synAt[own] = ns;
  }

  #sequence(own: number, tcp: TcpFlow, packet: Packet, direction: Direction, ns: number): void {
    const flags = packet.tcpFlags;
    const seq = packet.tcpSeq;
    const length = packet.payloadLength + (flags & TH_SYN ? 1 : 0) + (flags & TH_FIN ? 1 : 0);
    const end = (seq + length) >>> 0;
    const known = this.#known[own] as number;
    if ((known & SEQ_KNOWN) === 0) {
      this.#known[own] = known | SEQ_KNOWN;
      this.#next[own] = end;
      if (length > 0) this.#arm(own, end, ns);
      return;
    }
    const next = this.#next[own] as number;
    const ahead = distance(seq, next);
    if (ahead >= 0) {
      if (ahead > 0) this.#openHole(own, next, seq, ns);
      if (length > 0 || ahead > 0) this.#next[own] = end;
      if (length > 0 && ((this.#known[own] as number) & SAMPLE_ARMED) === 0) this.#arm(own, end, ns);
      return;
    }
    if (length === 0) return;
    const beyond = distance(end, next);
    // RFC 9293 section 3.8.4: a keep-alive repeats the last byte, or none, just before what is expected.
    if (ahead === -1 && packet.payloadLength <= 1 && beyond <= 0 && (flags & (TH_SYN | TH_FIN)) === 0) return;
    if (this.#fillsHole(own, seq, end)) {
      const reorderNs = tcp.handshakeNs ?? REORDER_NS;
      if (ns - (this.#holeAt[own] as number) < reorderNs) tcp.outOfOrder = counted(tcp.outOfOrder, direction);
      else tcp.retransmissions = counted(tcp.retransmissions, direction);
    } else {
      tcp.retransmissions = counted(tcp.retransmissions, direction);
      if (distance(this.#sampleEnd[own] as number, seq) > 0) this.#known[own] = (this.#known[own] as number) & ~SAMPLE_ARMED;
    }
    if (beyond > 0) this.#next[own] = end;
  }

  #arm(own: number, end: number, ns: number): void {
    this.#known[own] = (this.#known[own] as number) | SAMPLE_ARMED;
    this.#sampleEnd[own] = end;
    this.#sampleAt[own] = ns;
  }

  /** One gap is remembered a direction; a further one widens it. */
  #openHole(own: number, from: number, to: number, ns: number): void {
    if (((this.#known[own] as number) & HOLE_OPEN) === 0) this.#holeStart[own] = from;
    this.#known[own] = (this.#known[own] as number) | HOLE_OPEN;
    this.#holeEnd[own] = to;
    this.#holeAt[own] = ns;
  }

  #fillsHole(own: number, seq: number, end: number): boolean {
    if (((this.#known[own] as number) & HOLE_OPEN) === 0) return false;
    const start = this.#holeStart[own] as number;
    const stop = this.#holeEnd[own] as number;
    if (distance(seq, start) < 0 || distance(end, stop) > 0) return false;
    if (seq === start) this.#holeStart[own] = end;
    else this.#holeEnd[own] = seq;
    if (this.#holeStart[own] === this.#holeEnd[own]) this.#known[own] = (this.#known[own] as number) & ~HOLE_OPEN;
    return true;
  }

  #acknowledge(slot: number, flow: Flow, tcp: TcpFlow, ack: number, direction: Direction, ns: number): void {
    const own = slot * 2 + direction;
    const other = slot * 2 + 1 - direction;
    const known = this.#known[own] as number;
    if ((known & ACK_KNOWN) === 0 || distance(ack, this.#acked[own] as number) > 0) {
      this.#known[own] = known | ACK_KNOWN;
      this.#acked[own] = ack;
    }
    if (((this.#known[other] as number) & SAMPLE_ARMED) === 0 || distance(ack, this.#sampleEnd[other] as number) < 0) return;
    this.#known[other] = (this.#known[other] as number) & ~SAMPLE_ARMED;
    const half = ns - (this.#sampleAt[other] as number);
    if (half < 0) return;
    this.#lastHalf[other] = half;
    if (!(half >= (this.#leastHalf[other] as number))) this.#leastHalf[other] = half;
    const toB = this.#lastHalf[slot * 2 + ORIGINAL] as number;
    const toA = this.#lastHalf[slot * 2 + REPLY] as number;
    tcp.rttToBNs = orNull(toB);
    tcp.rttToANs = orNull(toA);
    flow.rttNs = sumOfKnown(toB, toA);
    flow.minRttNs = sumOfKnown(this.#leastHalf[slot * 2 + ORIGINAL] as number, this.#leastHalf[slot * 2 + REPLY] as number);
  }

  #phase(slot: number, tcp: TcpFlow, flags: number, direction: Direction, ns: number): void {
    if (flags & TH_RST) {
      if (tcp.phase === 'reset' || tcp.phase === 'closed') return;
      tcp.resetIn = tcp.phase;
      tcp.resetBy = direction;
      tcp.phase = 'reset';
      return;
    }
    if (tcp.phase === 'reset' || tcp.phase === 'closed') return;
    const a = slot * 2 + ORIGINAL;
    const b = slot * 2 + REPLY;
    if (flags & TH_SYN) {
      if (tcp.phase === 'syn-sent' && direction === REPLY) tcp.phase = 'syn-received';
    } else if (direction === ORIGINAL && flags & TH_ACK && (tcp.phase === 'syn-received' || tcp.phase === 'syn-sent')) {
      // Where b's direction is not seen here, a's first ACK still tells that b has answered.
      tcp.phase = 'established';
      const handshake = ns - (this.#synAt[a] as number);
      if (handshake >= 0) tcp.handshakeNs = handshake;
    }
    if (flags & TH_FIN) {
      const own = slot * 2 + direction;
      this.#known[own] = (this.#known[own] as number) | FIN_SEEN;
      this.#finEnd[own] = this.#next[own] as number;
      tcp.phase = 'closing';
    }
    if (tcp.phase === 'closing' && this.#finAcknowledged(a, b) && this.#finAcknowledged(b, a)) tcp.phase = 'closed';
  }

  #finAcknowledged(own: number, other: number): boolean {
    if (((this.#known[own] as number) & FIN_SEEN) === 0 || ((this.#known[other] as number) & ACK_KNOWN) === 0) return false;
    return distance(this.#acked[other] as number, this.#finEnd[own] as number) >= 0;
  }
}

/** How far x lies beyond y on the circle of sequence numbers. */
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
