/**
 * Echo requests and their answers: RFC 792, RFC 4443 section 4. Requests wait in one queue for all flows, in the order of their
 * time: after a second without an answer one counts as lost, and an answer that comes later takes that back.
 */
import type { EchoFlow, Flow } from './flow.ts';

const OVERDUE_SEC = 1;
/** How long an answer, or a second one, still finds its request. */
const REMEMBER_SEC = 10;
const SMALLEST_QUEUE = 64;
/** Above this many requests under way the oldest is judged before its time. */
export const LARGEST_QUEUE = 65_536;

const WAITING = 0;
const ANSWERED = 1;
const LOST = 2;
const NONE = -1;

export const newEchoFlow = (id: number): EchoFlow => ({ id, sent: 0, answered: 0, lost: 0, duplicates: 0, unasked: 0 });

export class EchoTracker {
  readonly #flows: readonly (Flow | null)[];
  #mask = SMALLEST_QUEUE - 1;
  #slots = new Int32Array(SMALLEST_QUEUE);
  #flowIds = new Float64Array(SMALLEST_QUEUE);
  #seqs = new Int32Array(SMALLEST_QUEUE);
  #sec = new Float64Array(SMALLEST_QUEUE);
  #nsec = new Int32Array(SMALLEST_QUEUE);
  #states = new Uint8Array(SMALLEST_QUEUE);
  /** Requests that share a bucket are chained both ways, the newest first. */
  #buckets = new Int32Array(SMALLEST_QUEUE).fill(NONE);
  #older = new Int32Array(SMALLEST_QUEUE);
  #newer = new Int32Array(SMALLEST_QUEUE);
  /** Positions that only count up: oldest kept, next to judge, next to fill. */
  #first = 0;
  #judged = 0;
  #end = 0;

  /** `flows`: the table's, by slot. */
  constructor(flows: readonly (Flow | null)[]) {
    this.#flows = flows;
  }

  request(slot: number, flow: Flow, echo: EchoFlow, seq: number, sec: number, nsec: number): void {
    echo.sent++;
    if (this.#end - this.#first > this.#mask) {
      if (this.#mask + 1 < LARGEST_QUEUE) this.#grow();
      else this.#retire();
    }
    const at = this.#end++ & this.#mask;
    this.#slots[at] = slot;
    this.#flowIds[at] = flow.id;
    this.#seqs[at] = seq;
    this.#sec[at] = sec;
    this.#nsec[at] = nsec;
    this.#states[at] = WAITING;
    this.#chain(at);
  }

  answer(flow: Flow, echo: EchoFlow, seq: number, sec: number, nsec: number): void {
    const at = this.#find(flow.id, seq);
    if (at === NONE) {
      echo.unasked = (echo.unasked ?? 0) + 1;
      return;
    }
    if (this.#states[at] === ANSWERED) {
      echo.duplicates = (echo.duplicates ?? 0) + 1;
      return;
    }
    if (this.#states[at] === LOST) echo.lost--;
    this.#states[at] = ANSWERED;
    echo.answered++;
    const rttNs = (sec - (this.#sec[at] as number)) * 1_000_000_000 + nsec - (this.#nsec[at] as number);
    if (rttNs < 0) return;
    flow.rttNs = rttNs;
    if (flow.minRttNs === null || rttNs < flow.minRttNs) flow.minRttNs = rttNs;
  }

  /** Counts what is overdue by now, and forgets what is long past. */
  advance(sec: number, nsec: number): void {
    while (this.#judged < this.#end && this.#isOlder(this.#judged, sec, nsec, OVERDUE_SEC)) this.#judge(this.#judged++);
    while (this.#first < this.#judged && this.#isOlder(this.#first, sec, nsec, REMEMBER_SEC)) this.#retire();
  }

  #isOlder(position: number, sec: number, nsec: number, age: number): boolean {
    const at = position & this.#mask;
    const passed = sec - (this.#sec[at] as number);
    return passed > age || (passed === age && nsec >= (this.#nsec[at] as number));
  }

  #judge(position: number): void {
    const at = position & this.#mask;
    if (this.#states[at] !== WAITING) return;
    this.#states[at] = LOST;
    const flow = this.#flows[this.#slots[at] as number] ?? null;
    if (flow === null || flow.id !== this.#flowIds[at] || flow.echo === null) return;
    flow.echo.lost++;
    flow.revision++;
  }

  #retire(): void {
    if (this.#first === this.#judged) this.#judge(this.#judged++);
    this.#unchain(this.#first++ & this.#mask);
  }

  #find(flowId: number, seq: number): number {
    let at = this.#buckets[this.#bucketOf(flowId, seq)] as number;
    while (at !== NONE && (this.#seqs[at] !== seq || this.#flowIds[at] !== flowId)) at = this.#older[at] as number;
    return at;
  }

  #bucketOf(flowId: number, seq: number): number {
    const mixed = Math.imul(flowId ^ Math.imul(seq, 0x5bd1e995), 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }

  #chain(at: number): void {
    const bucket = this.#bucketOf(this.#flowIds[at] as number, this.#seqs[at] as number);
    const head = this.#buckets[bucket] as number;
    this.#older[at] = head;
    this.#newer[at] = NONE;
    if (head !== NONE) this.#newer[head] = at;
    this.#buckets[bucket] = at;
  }

  #unchain(at: number): void {
    const older = this.#older[at] as number;
    const newer = this.#newer[at] as number;
    if (older !== NONE) this.#newer[older] = newer;
    if (newer !== NONE) this.#older[newer] = older;
    else this.#buckets[this.#bucketOf(this.#flowIds[at] as number, this.#seqs[at] as number)] = older;
  }

  #grow(): void {
    const count = this.#end - this.#first;
    const old = {
      slots: this.#slots,
      flowIds: this.#flowIds,
      seqs: this.#seqs,
      sec: this.#sec,
      nsec: this.#nsec,
      states: this.#states,
      first: this.#first,
      mask: this.#mask,
    };
    const size = (this.#mask + 1) * 2;
    this.#mask = size - 1;
    this.#slots = new Int32Array(size);
    this.#flowIds = new Float64Array(size);
    this.#seqs = new Int32Array(size);
    this.#sec = new Float64Array(size);
    this.#nsec = new Int32Array(size);
    this.#states = new Uint8Array(size);
    this.#buckets = new Int32Array(size).fill(NONE);
    this.#older = new Int32Array(size);
    this.#newer = new Int32Array(size);
    for (let i = 0; i < count; i++) {
      const from = (old.first + i) & old.mask;
      this.#slots[i] = old.slots[from] as number;
      this.#flowIds[i] = old.flowIds[from] as number;
      this.#seqs[i] = old.seqs[from] as number;
      this.#sec[i] = old.sec[from] as number;
      this.#nsec[i] = old.nsec[from] as number;
      this.#states[i] = old.states[from] as number;
      this.#chain(i);
    }
    this.#judged -= this.#first;
    this.#first = 0;
    this.#end = count;
  }
}
