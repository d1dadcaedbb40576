/**
 * Which flows have been idle for how long: one doubly linked list for each class of time-out, in the order in which flows were
 * last seen, so that what has expired always stands at the front. Slots are moved at most once a second.
 */

const NONE = -1;

/** Seconds without a packet after which a flow ends. */
export const DEFAULT_TIMEOUTS = {
  /** Handshake under way: as long as Linux repeats a SYN before the wait seems endless. */
  tcpOpening: 60,
  tcpOpen: 3600,
  /** One FIN was seen. */
  tcpClosing: 120,
  /** Closed or reset: late repetitions still belong to it. */
  tcpClosed: 10,
  /** nf_conntrack_udp_timeout and nf_conntrack_udp_timeout_stream. */
  udpAsked: 30,
  udpAnswered: 120,
  /** nf_conntrack_icmp_timeout; ARP and neighbour discovery alike. */
  question: 30,
  other: 120,
} as const;

export type TimeoutName = keyof typeof DEFAULT_TIMEOUTS;

/** Indexes of the lists. */
export const TIMEOUT_NAMES = Object.keys(DEFAULT_TIMEOUTS) as readonly TimeoutName[];
export const AGE_TCP_OPENING = 0;
export const AGE_TCP_OPEN = 1;
export const AGE_TCP_CLOSING = 2;
export const AGE_TCP_CLOSED = 3;
export const AGE_UDP_ASKED = 4;
export const AGE_UDP_ANSWERED = 5;
export const AGE_QUESTION = 6;
export const AGE_OTHER = 7;

export class AgeLists {
  readonly #timeouts: readonly number[];
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  #next: Int32Array;
  #previous: Int32Array;
  /** The list of each slot, NONE for free slots. */
  #list: Int8Array;
  #seenSec: Float64Array;

  constructor(slots: number, timeouts: Partial<Record<TimeoutName, number>>) {
    this.#timeouts = TIMEOUT_NAMES.map((name) => timeouts[name] ?? DEFAULT_TIMEOUTS[name]);
    this.#heads = new Int32Array(TIMEOUT_NAMES.length).fill(NONE);
    this.#tails = new Int32Array(TIMEOUT_NAMES.length).fill(NONE);
    this.#next = new Int32Array(slots);
    this.#previous = new Int32Array(slots);
    this.#list = new Int8Array(slots).fill(NONE);
    this.#seenSec = new Float64Array(slots);
  }

  /** The slot was seen now and belongs to the list from now on. */
  touch(slot: number, list: number, sec: number): void {
    if (this.#list[slot] === list) {
      if (this.#seenSec[slot] === sec) return;
      this.#unlink(slot);
    } else if (this.#list[slot] !== NONE) this.#unlink(slot);
    this.#list[slot] = list;
    this.#seenSec[slot] = sec;
    const tail = this.#tails[list] as number;
    this.#previous[slot] = tail;
    this.#next[slot] = NONE;
    if (tail === NONE) this.#heads[list] = slot;
    else this.#next[tail] = slot;
    this.#tails[list] = slot;
  }

  forget(slot: number): void {
    this.#unlink(slot);
    this.#list[slot] = NONE;
  }

  /** A slot whose time is over, or -1. */
  expired(sec: number): number {
    for (let list = 0; list < this.#heads.length; list++) {
      const slot = this.#heads[list] as number;
      if (slot !== NONE && (this.#seenSec[slot] as number) + (this.#timeouts[list] as number) <= sec) return slot;
    }
    return NONE;
  }

  /** The slot that has been idle longest, or -1. */
  longestIdle(): number {
    let found = NONE;
    for (const slot of this.#heads) {
      if (slot !== NONE && (found === NONE || (this.#seenSec[slot] as number) < (this.#seenSec[found] as number))) found = slot;
    }
    return found;
  }

  grow(slots: number): void {
    this.#next = copyOf(this.#next, new Int32Array(slots));
    this.#previous = copyOf(this.#previous, new Int32Array(slots));
    this.#list = copyOf(this.#list, new Int8Array(slots).fill(NONE));
    this.#seenSec = copyOf(this.#seenSec, new Float64Array(slots));
  }

  #unlink(slot: number): void {
    const list = this.#list[slot] as number;
    const next = this.#next[slot] as number;
    const previous = this.#previous[slot] as number;
    if (previous === NONE) this.#heads[list] = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tails[list] = previous;
    else this.#previous[next] = previous;
  }
}

/** Fills the beginning of a larger array. */
export const copyOf = <Numbers extends { set(from: ArrayLike<number>): void }>(from: ArrayLike<number>, to: Numbers): Numbers => {
  to.set(from);
  return to;
};
