/**
 * Live writing: packets go into one buffer, which is handed out whole and comes back when it has been written. In the
 * steady state nothing is allocated, and every chunk ends with a whole block.
 */
import { BlockBuilder } from './block-builder.ts';
import { NanosecondStamp } from './time-scale.ts';
import { appendPacket, type PacketParts } from './writer.ts';

export class PcapngAppender {
  #builder: BlockBuilder;
  readonly #spare: Uint8Array[] = [];
  readonly #chunkBytes: number;
  readonly #stamp = new NanosecondStamp();

  /** `chunkBytes`: when `full` becomes true. Chunks may be longer by a block. */
  constructor(chunkBytes = 256 * 1024) {
    this.#chunkBytes = chunkBytes;
    this.#builder = new BlockBuilder(chunkBytes + 64 * 1024);
  }

  get pendingBytes(): number {
    return this.#builder.length;
  }

  /** True once a chunk should be taken. */
  get full(): boolean {
    return this.#builder.length >= this.#chunkBytes;
  }

  packet(parts: PacketParts): void {
    appendPacket(this.#builder, this.#stamp, parts);
  }

  /** A block built by the functions of writer.ts. */
  block(bytes: Uint8Array): void {
    this.#builder.padded(bytes, 0, bytes.length);
  }

  /** Everything since the last call, or null where there is nothing. Give it back with `recycle` once it is written. */
  take(): Uint8Array | null {
    const { bytes, length } = this.#builder;
    if (length === 0) return null;
    this.#builder.bytes = this.#spare.pop() ?? new Uint8Array(bytes.length);
    this.#builder.length = 0;
    return bytes.subarray(0, length);
  }

  /** Takes a written chunk back for use. The caller must not touch it any more. */
  recycle(chunk: Uint8Array): void {
    if (this.#spare.length < 4) this.#spare.push(new Uint8Array(chunk.buffer as ArrayBuffer));
  }
}
