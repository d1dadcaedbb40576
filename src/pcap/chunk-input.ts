/**
 * Bytes that arrive in chunks of any size, read as contiguous pieces. A piece inside one chunk is read in place; only a piece
 * that lies across chunks is copied. Memory grows with the bytes that have arrived, never with a length that was claimed.
 */

const EMPTY = new Uint8Array(0);

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const SMALLEST_CARRY_BYTES = 4096;

export class ChunkInput {
  /** The current piece: valid from `at` to `end`. */
  bytes: Uint8Array = EMPTY;
  /** The same bytes; one for each chunk, since reading words through it is much faster. */
  view: DataView = viewOf(EMPTY);
  at = 0;
  end = 0;
  /** Position of `at` in the whole stream. */
  offset = 0;

  #carry: Uint8Array = EMPTY;
  #carryView: DataView = viewOf(EMPTY);
  #inCarry = false;
  /** What is left of the chunk behind the carry. */
  #tail: Uint8Array = EMPTY;
  #tailAt = 0;
  readonly #queue: Uint8Array[] = [];

  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#queue.push(chunk);
  }

  /** True once `count` bytes can be read from `at`. When false, no pushed chunk is referred to any more. */
  have(count: number): boolean {
    return this.end - this.at >= count || this.#gather(count);
  }

  /** Passes over bytes that `have` has confirmed. They stay readable until the next `have`. */
  skip(count: number): void {
    this.at += count;
    this.offset += count;
    // What is left of the carry may be a copy of the tail's first bytes: go on in place.
    if (this.#inCarry && this.end - this.at <= this.#tailAt) this.#leaveCarry(this.end - this.at);
  }

  /** How many bytes can be read from `at` without gathering. */
  get contiguous(): number {
    return this.end - this.at;
  }

  #gather(count: number): boolean {
    for (;;) {
      if (this.end - this.at >= count) return true;
      if (!this.#inCarry) {
        if (this.at === this.end) {
          const next = this.#queue.shift();
          if (next === undefined) {
            this.#use(EMPTY);
            this.at = 0;
            this.end = 0;
            return false;
          }
          this.#use(next);
          this.at = 0;
          this.end = next.length;
          continue;
        }
        this.#enterCarry();
      }
      if (this.#tailAt === this.#tail.length) {
        const next = this.#queue.shift();
        this.#tail = next ?? EMPTY;
        this.#tailAt = 0;
        if (next === undefined) return false;
      }
      const take = Math.min(count - (this.end - this.at), this.#tail.length - this.#tailAt);
      this.#append(this.#tail, this.#tailAt, take);
      this.#tailAt += take;
    }
  }

  #use(bytes: Uint8Array): void {
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  #enterCarry(): void {
    const { bytes, at, end } = this;
    this.#inCarry = true;
    this.at = 0;
    this.end = 0;
    this.bytes = this.#carry;
    this.view = this.#carryView;
    this.#append(bytes, at, end - at);
  }

  #leaveCarry(copied: number): void {
    this.#inCarry = false;
    this.#use(this.#tail);
    this.at = this.#tailAt - copied;
    this.end = this.#tail.length;
    this.#tail = EMPTY;
    this.#tailAt = 0;
  }

  #append(from: Uint8Array, at: number, count: number): void {
    if (this.end + count > this.#carry.length) {
      const held = this.end - this.at;
      const needed = held + count;
      const target =
        needed > this.#carry.length ? new Uint8Array(Math.max(needed, this.#carry.length * 2, SMALLEST_CARRY_BYTES)) : this.#carry;
      target.set(this.#carry.subarray(this.at, this.end), 0);
      if (target !== this.#carry) this.#carryView = viewOf(target);
      this.#carry = target;
      this.bytes = target;
      this.view = this.#carryView;
      this.at = 0;
      this.end = held;
    }
    this.#carry.set(from.subarray(at, at + count), this.end);
    this.end += count;
  }
}
