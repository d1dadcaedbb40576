/** What the unpackers of compressed captures have in common: packed chunks go in, plain pieces come out, damage is told with its place. */

export type CompressionFormat = 'gzip' | 'zstd' | 'lz4';

export type Unpacked =
  /** The caller's to keep. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** Nothing comes after it. */
  | { readonly kind: 'problem'; readonly message: string; readonly offset: number };

export interface Unpacker {
  /** Hands over a chunk. It must stay as it is until `next()` has returned null. */
  push(chunk: Uint8Array): void;
  /** No more chunks will come. */
  end(): void;
  /** The next piece, of bounded size; null when more bytes are needed, and after the end. */
  next(): Unpacked | null;
}

export const MAGIC_BYTES = 4;
const MAGIC_ZSTD = 0xfd2fb528;
const MAGIC_LZ4 = 0x184d2204;
/** Frames that are to be passed over, in both zstd (RFC 8878 section 3.1.2) and lz4; the last four bits are the user's. */
const MAGIC_SKIPPABLE = 0x184d2a50;

export const isSkippable = (magic: number): boolean => (magic & ~15) >>> 0 === MAGIC_SKIPPABLE;
export const isZstdFrame = (magic: number): boolean => magic === MAGIC_ZSTD;
export const isLz4Frame = (magic: number): boolean => magic === MAGIC_LZ4;

/** How the bytes of a file's beginning are packed; null where they are not, or not in a way that is known here. */
export const compressionOf = (bytes: Uint8Array): CompressionFormat | null => {
  if (bytes.length < MAGIC_BYTES) return null;
  // RFC 1952: the two bytes of its magic and the one compression method there is.
  if (bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8) return 'gzip';
  const magic = new DataView(bytes.buffer, bytes.byteOffset, MAGIC_BYTES).getUint32(0, true);
  if (isZstdFrame(magic) || isSkippable(magic)) return 'zstd';
  return isLz4Frame(magic) ? 'lz4' : null;
};
