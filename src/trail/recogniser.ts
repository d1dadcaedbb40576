/**
 * The same packet at several capture points, told by its identity within a bounded time and bounded memory. Equal packets that cannot
 * be told apart are never joined by guess: they count as ambiguous, and what they show is not used. Flat arrays: a packet costs no
 * allocation.
 */
import { BY_IP_ID, type PacketIdentity, STRONG, type Strength } from './identity.ts';

/** The packet of two flows (each at its own point, or with other addresses) was one and the same. */
export interface RecogniserListener {
  /** `x` and `y` are flows; `isSameWay` where the packet had the same direction in both. */
  same(x: number, y: number, isSameWay: boolean): void;
  /** Whether the rules would turn packets of one of the flows into those of the other: settles what identities alone do not prove. */
  mayTranslate(x: number, y: number): boolean;
  /** A packet's journey is over, as far as is known; told again where it was seen at further points later. Valid during the call only. */
  journey(journey: Journey): void;
}

/** What was seen of one packet. */
export interface Journey {
  readonly count: number;
  /** So many of them were told before: the journey is told again because of those behind. 0 for one that is told first. */
  readonly toldBefore: number;
  /** True where equal packets could not be told apart, or were seen too often. */
  readonly isAmbiguous: boolean;
  flowAt(index: number): number;
  pointAt(index: number): number;
  /** Nanoseconds since the recogniser's first packet. */
  timeAt(index: number): number;
  /** 0 for a→b of its flow. */
  directionAt(index: number): 0 | 1;
  ttlAt(index: number): number;
}

/** Sightings that lie further apart are not of one packet: time stamps of user space come late, but not that late. */
const STRONG_WINDOW_NS = 2e9;
/** Packets that repeat themselves word for word (ARP asks once a second) are told apart by time only. */
const WEAK_WINDOW_NS = 4e8;
/** When a journey is told. */
const TOLD_AFTER_NS = 2e9;
/** For so long sightings of it are still taken in: on a busy machine one engine's packets are read seconds after another's. */
const KEPT_NS = 30e9;
/** Journeys that are followed at once, and sightings of each. */
const JOURNEYS = 1 << 16;
const SIGHTINGS = 12;
const BUCKETS = 1 << 17;
const NONE = -1;

const AMBIGUOUS = 1;

export class Recogniser implements Journey {
  /** Packets that were seen at more than one point. */
  recognised = 0;
  /** Journeys that could not be told apart from others. */
  ambiguous = 0;
  /** Journeys that were told early because too many were under way. */
  crowded = 0;

  readonly #listener: RecogniserListener;
  readonly #buckets = new Int32Array(BUCKETS).fill(NONE);
  readonly #next = new Int32Array(JOURNEYS);
  readonly #low = new Int32Array(JOURNEYS);
  readonly #high = new Int32Array(JOURNEYS);
  readonly #firstNs = new Float64Array(JOURNEYS);
  readonly #counts = new Uint8Array(JOURNEYS);
  readonly #flags = new Uint8Array(JOURNEYS);
  readonly #strengths = new Uint8Array(JOURNEYS);
  readonly #toldCounts = new Uint8Array(JOURNEYS);
  /** By journey times SIGHTINGS. */
  readonly #flows = new Float64Array(JOURNEYS * SIGHTINGS);
  readonly #times = new Float64Array(JOURNEYS * SIGHTINGS);
  readonly #points = new Uint16Array(JOURNEYS * SIGHTINGS);
  readonly #directions = new Uint8Array(JOURNEYS * SIGHTINGS);
  readonly #ttls = new Int16Array(JOURNEYS * SIGHTINGS);
  readonly #tuples = new Int32Array(JOURNEYS * SIGHTINGS);
  readonly #sources = new Int32Array(JOURNEYS * SIGHTINGS);
  readonly #targets = new Int32Array(JOURNEYS * SIGHTINGS);
  /** Journeys stand in a ring in the order in which they began. */
  #oldest = 0;
  #size = 0;
  /** How many of them, from the oldest on, have been told. */
  #toldSize = 0;
  #nowNs = Number.NEGATIVE_INFINITY;
  /** The journey that is being told. */
  #told = 0;

  constructor(listener: RecogniserListener) {
    this.#listener = listener;
  }

  /** `timeNs` counts from any fixed moment, the same for all points. */
  observe(identity: PacketIdentity, point: number, flow: number, direction: 0 | 1, ttl: number, timeNs: number): void {
    if (timeNs > this.#nowNs) this.advance(timeNs);
    const found = this.#find(identity, point, ttl, timeNs);
    const journey = found === NONE ? this.#open(identity, timeNs) : found;
    const count = this.#counts[journey] as number;
    if (count === SIGHTINGS) {
      this.#flags[journey] = (this.#flags[journey] as number) | AMBIGUOUS;
      return;
    }
    const at = journey * SIGHTINGS + count;
    this.#flows[at] = flow;
    this.#times[at] = timeNs;
    this.#points[at] = point;
    this.#directions[at] = direction;
    this.#ttls[at] = ttl;
    this.#tuples[at] = identity.tuple;
    this.#sources[at] = identity.source;
    this.#targets[at] = identity.target;
    this.#counts[journey] = count + 1;
    if (count > 0) this.#join(journey, at);
  }

  /** Time passes: journeys that are over are told. */
  advance(nowNs: number): void {
    this.#nowNs = nowNs;
    while (this.#toldSize < this.#size && (this.#firstNs[this.#nextToTell] as number) < nowNs - TOLD_AFTER_NS) this.#tellNext();
    while (this.#size > 0 && (this.#firstNs[this.#oldest] as number) < nowNs - KEPT_NS) this.#forgetOldest();
  }

  /** Tells all that is under way. */
  finish(): void {
    while (this.#size > 0) this.#forgetOldest();
  }

  get toldBefore(): number {
    return this.#toldCounts[this.#told] as number;
  }

  get count(): number {
    return this.#counts[this.#told] as number;
  }

  get isAmbiguous(): boolean {
    return ((this.#flags[this.#told] as number) & AMBIGUOUS) !== 0;
  }

  flowAt(index: number): number {
    return this.#flows[this.#told * SIGHTINGS + index] as number;
  }

  pointAt(index: number): number {
    return this.#points[this.#told * SIGHTINGS + index] as number;
  }

  timeAt(index: number): number {
    return this.#times[this.#told * SIGHTINGS + index] as number;
  }

  directionAt(index: number): 0 | 1 {
    return this.#directions[this.#told * SIGHTINGS + index] as 0 | 1;
  }

  ttlAt(index: number): number {
    return this.#ttls[this.#told * SIGHTINGS + index] as number;
  }

  /** The journey that the packet goes on with; NONE where it begins one. */
  #find(identity: PacketIdentity, point: number, ttl: number, timeNs: number): number {
    const { low, high, strength } = identity;
    const window = strength === STRONG ? STRONG_WINDOW_NS : WEAK_WINDOW_NS;
    let bucketed = this.#buckets[low & (BUCKETS - 1)] as number;
    for (; bucketed !== NONE; bucketed = this.#next[bucketed] as number) {
      if (this.#low[bucketed] !== low || this.#high[bucketed] !== high) continue;
      const sinceNs = timeNs - (this.#firstNs[bucketed] as number);
      if (sinceNs > window || sinceNs < -window) continue;
      if (!this.#repeats(bucketed, identity, point, ttl)) return bucketed;
      if (strength === STRONG || (sinceNs < WEAK_WINDOW_NS && sinceNs > -WEAK_WINDOW_NS)) {
        // Seen here before, word for word: two packets, or one that was captured twice.
        this.#flags[bucketed] = (this.#flags[bucketed] as number) | AMBIGUOUS;
        return bucketed;
      }
    }
    return NONE;
  }

  /** A packet passes a point twice only as another one: with other addresses, or one hop further. */
  #repeats(journey: number, identity: PacketIdentity, point: number, ttl: number): boolean {
    const from = journey * SIGHTINGS;
    const to = from + (this.#counts[journey] as number);
    for (let at = from; at < to; at++) {
      if (this.#points[at] === point && this.#tuples[at] === identity.tuple && this.#ttls[at] === ttl) return true;
    }
    return false;
  }

  #open(identity: PacketIdentity, timeNs: number): number {
    if (this.#size === JOURNEYS) {
      if (this.#toldSize === 0) this.crowded++;
      this.#forgetOldest();
    }
    const journey = (this.#oldest + this.#size) & (JOURNEYS - 1);
    this.#size++;
    const bucket = identity.low & (BUCKETS - 1);
    this.#low[journey] = identity.low;
    this.#high[journey] = identity.high;
    this.#firstNs[journey] = timeNs;
    this.#counts[journey] = 0;
    this.#flags[journey] = 0;
    this.#toldCounts[journey] = 0;
    this.#strengths[journey] = identity.strength;
    this.#next[journey] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = journey;
    return journey;
  }

  /**
   * What the newest sighting of a journey has in common with those before it. Which of several equal packets it was does not matter here:
   * all of them belong to the same flows.
   */
  #join(journey: number, newest: number): void {
    const from = journey * SIGHTINGS;
    const tuple = this.#tuples[newest];
    for (let at = from; at < newest; at++) {
      if (this.#tuples[at] !== tuple) continue;
      this.#tellSame(at, newest);
      return;
    }
    // Other addresses: a translation, if there is but one packet that this can be.
    const strength = this.#strengths[journey] as Strength;
    const before = strength === STRONG ? from : this.#onlyTuple(from, newest);
    if (before !== NONE && this.#proves(strength, before, newest)) this.#tellSame(before, newest);
  }

  /** The sighting whose addresses all before `to` have, or whose flow they were joined to; NONE where several packets are possible. */
  #onlyTuple(from: number, to: number): number {
    let found = from;
    for (let at = from + 1; at < to; at++) {
      if (this.#tuples[at] === this.#tuples[found]) continue;
      // Two translations of one packet lie behind each other.
      const isFurther = (this.#ttls[at] as number) <= (this.#ttls[found] as number);
      if (this.#shares(at, found) && isFurther) found = at;
      else return NONE;
    }
    return found;
  }

  #proves(strength: Strength, x: number, y: number): boolean {
    if (strength === STRONG) return true;
    if (strength === BY_IP_ID && this.#shares(x, y)) return true;
    return this.#listener.mayTranslate(this.#flows[x] as number, this.#flows[y] as number);
  }

  #shares(x: number, y: number): boolean {
    return this.#sources[x] === this.#sources[y] || this.#targets[x] === this.#targets[y];
  }

  #tellSame(x: number, y: number): void {
    const flowX = this.#flows[x] as number;
    const flowY = this.#flows[y] as number;
    if (flowX !== flowY) this.#listener.same(flowX, flowY, this.#directions[x] === this.#directions[y]);
  }

  get #nextToTell(): number {
    return (this.#oldest + this.#toldSize) & (JOURNEYS - 1);
  }

  #tellNext(): void {
    const journey = this.#nextToTell;
    this.#toldSize++;
    // By now the flows have been judged: what the rules would translate is known.
    const count = this.#counts[journey] as number;
    if (this.#strengths[journey] !== STRONG) for (let index = 1; index < count; index++) this.#join(journey, journey * SIGHTINGS + index);
    this.#told = journey;
    if (this.isAmbiguous) this.ambiguous++;
    else if (count > 1) this.recognised++;
    this.#listener.journey(this);
    this.#toldCounts[journey] = count;
  }

  #forgetOldest(): void {
    if (this.#toldSize === 0) this.#tellNext();
    const journey = this.#oldest;
    this.#told = journey;
    if ((this.#counts[journey] as number) > this.toldBefore) this.#listener.journey(this);
    this.#unlink(journey);
    this.#oldest = (journey + 1) & (JOURNEYS - 1);
    this.#size--;
    this.#toldSize--;
  }

  #unlink(journey: number): void {
    const bucket = (this.#low[journey] as number) & (BUCKETS - 1);
    let at = this.#buckets[bucket] as number;
    if (at === journey) {
      this.#buckets[bucket] = this.#next[journey] as number;
      return;
    }
    while (this.#next[at] !== journey) at = this.#next[at] as number;
    this.#next[at] = this.#next[journey] as number;
  }
}
