/**
 * Lets packets gather before they are fetched. The kernel wakes a capturing process for every packet (packet(7)), and on a busy interface the
 * waking costs more than the packet: some microseconds, of which the sender and everybody else on that processor pays a part. So between
 * two looks at the ring the engine sleeps for as long as some tens of packets take to come. Where few packets come it never does.
 */

/** Below this rate, in packets a millisecond, each packet is fetched as it comes. */
const BUSY_PER_MS = 30;
/** The ring of a veth has room for about a thousand packets. */
const GATHERED = 64;
/** What is stamped when it is fetched must not be stamped much later than it came. */
const LONGEST_MS = 1;
const WINDOW_MS = 10;

const never = new Int32Array(new SharedArrayBuffer(4));

const sleep = (ms: number): void => {
  Atomics.wait(never, 0, 0, ms);
};

export class PacketRest {
  readonly #sleep: (ms: number) => void;
  #isDue = false;
  #packets = 0;
  #windowMs = 0;
  #restMs = 0;

  constructor(sleepFor: (ms: number) => void = sleep) {
    this.#sleep = sleepFor;
  }

  /** Called for every packet, at the monotonic time `nowMs`: from within a loop that fetches packets until there are none. */
  packet(nowMs: number): void {
    this.#packets++;
    if (nowMs - this.#windowMs >= WINDOW_MS) this.#measure(nowMs);
    if (this.#restMs === 0 || this.#isDue) return;
    this.#isDue = true;
    // Comes when the loop has found the ring empty.
    setImmediate(() => {
      this.#isDue = false;
      this.#sleep(this.#restMs);
    });
  }

  #measure(nowMs: number): void {
    const perMs = this.#packets / (nowMs - this.#windowMs);
    this.#restMs = perMs < BUSY_PER_MS ? 0 : Math.min(LONGEST_MS, GATHERED / perMs);
    this.#packets = 0;
    this.#windowMs = nowMs;
  }
}
