/**
 * Time stamps between their 64-bit form in pcapng and seconds with nanoseconds, exact and without BigInt for the
 * resolutions that tools write (if_tsresol 6 and 9). draft-ietf-opsawg-pcapng, sections 4.2 and 4.3.
 */

const NANOSECONDS = 1_000_000_000;
const WORD = 0x1_0000_0000;
/** Above this a remainder times 2^16 would leave the 53 bits of a number. */
const LARGEST_FAST_DIVISOR = 2 ** 36;

export interface SplitTime {
  timeSec: number;
  timeNsec: number;
}

/** Turns time stamps of one interface into seconds and nanoseconds. */
export class TimeScale {
  readonly base: 2 | 10;
  readonly exponent: number;
  readonly offsetSec: number;
  readonly #unitsPerSecond: number;
  /** Nanoseconds a unit where that is a whole number, else 0. */
  readonly #nsecPerUnit: number;
  /** The second met last and the stamp at which it begins (the low word may lie below 0): packets come many in a second. */
  #known = false;
  #second = 0;
  #secondHigh = 0;
  #secondLow = 0;
  /** The same as signed words for `splitKnown`, and the units of a second, 0 before the first. */
  #knownHigh = 0;
  #knownLow = 0;
  #knownUnits = 0;

  constructor(base: 2 | 10, exponent: number, offsetSec: number) {
    this.base = base;
    this.exponent = exponent;
    this.offsetSec = offsetSec;
    this.#unitsPerSecond = base ** exponent;
    this.#nsecPerUnit =
      this.#unitsPerSecond <= NANOSECONDS && NANOSECONDS % this.#unitsPerSecond === 0 ? NANOSECONDS / this.#unitsPerSecond : 0;
  }

  /** `split` for a stamp within the second met last, from signed words; false for any other. */
  splitKnown(high: number, low: number, out: SplitTime): boolean {
    const since = (low - this.#knownLow) | 0;
    const carry = low >>> 0 < this.#knownLow >>> 0 ? 1 : 0;
    if (high !== ((this.#knownHigh + carry) | 0) || since < 0 || since >= this.#knownUnits) return false;
    out.timeSec = this.#second;
    out.timeNsec = Math.imul(since, this.#nsecPerUnit);
    return true;
  }

  /** Writes the time of the 64-bit stamp into `out`. Nothing is rounded up. */
  split(high: number, low: number, out: SplitTime): void {
    const units = this.#unitsPerSecond;
    const since = (high - this.#secondHigh) * WORD + (low - this.#secondLow);
    if (since >= 0 && since < units && this.#known) {
      out.timeSec = this.#second;
      out.timeNsec = since * this.#nsecPerUnit;
      return;
    }
    if (this.#nsecPerUnit === 0 || units > LARGEST_FAST_DIVISOR) {
      this.#splitSlowly(high, low, out);
      return;
    }
    const top = Math.floor(high / units);
    let rest = (high - top * units) * 0x1_0000 + (low >>> 16);
    const middle = Math.floor(rest / units);
    rest = (rest - middle * units) * 0x1_0000 + (low & 0xffff);
    const bottom = Math.floor(rest / units);
    const fraction = rest - bottom * units;
    this.#known = true;
    this.#second = top * WORD + middle * 0x1_0000 + bottom + this.offsetSec;
    this.#secondHigh = high;
    this.#secondLow = low - fraction;
    this.#knownHigh = (high - (this.#secondLow < 0 ? 1 : 0)) | 0;
    this.#knownLow = this.#secondLow | 0;
    this.#knownUnits = units;
    out.timeSec = this.#second;
    out.timeNsec = fraction * this.#nsecPerUnit;
  }

  #splitSlowly(high: number, low: number, out: SplitTime): void {
    const stamp = (BigInt(high) << 32n) | BigInt(low);
    const units = BigInt(this.base) ** BigInt(this.exponent);
    const seconds = stamp / units;
    out.timeSec = Number(seconds) + this.offsetSec;
    out.timeNsec = Number(((stamp - seconds * units) * 1_000_000_000n) / units);
  }
}

/** Seconds with nanoseconds as a 64-bit count of nanoseconds in two words. Times before 1970 or after 2554 are held at the ends. */
export class NanosecondStamp {
  high = 0;
  low = 0;
  /** The second met last, and the stamp at which it begins: packets come many in a second. */
  #second = 0;
  #secondHigh = 0;
  #secondLow = 0;

  set(timeSec: number, timeNsec: number): void {
    if (timeSec !== this.#second) this.#enter(timeSec);
    const low = this.#secondLow + timeNsec;
    const carry = low >= WORD ? 1 : 0;
    this.high = this.#secondHigh + carry;
    this.low = low - carry * WORD;
  }

  #enter(timeSec: number): void {
    const seconds = Math.min(Math.max(timeSec, 0), LAST_SECOND);
    const upper = Math.floor(seconds / 0x1_0000) * NANOSECONDS;
    const lower = (upper % 0x1_0000) * 0x1_0000 + (seconds % 0x1_0000) * NANOSECONDS;
    const carry = Math.floor(lower / WORD);
    this.#second = timeSec;
    this.#secondHigh = Math.floor(upper / 0x1_0000) + carry;
    this.#secondLow = lower - carry * WORD;
  }
}

const LAST_SECOND = 18_446_744_072;
