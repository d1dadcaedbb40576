/** Big-endian and little-endian reads from packet bytes. Callers check the bounds first; these do not. */

export const u8 = (bytes: Uint8Array, at: number): number => bytes[at] as number;

export const u16be = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

export const u32be = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;

export const u16le = (bytes: Uint8Array, at: number): number => (bytes[at] as number) | ((bytes[at + 1] as number) << 8);

export const u32le = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;

/** Six bytes as one number below 2^48, the way MAC addresses are kept in this program. */
export const u48be = (bytes: Uint8Array, at: number): number => u16be(bytes, at) * 0x1_0000_0000 + u32be(bytes, at + 2);

/**
 * Two 16-bit halves as one unsigned number. In decoders that run for every packet, `join16(u16be(…), u16be(…))` stands for `u32be`:
 * V8 always inlines functions as small as these, while a call that it does not inline returns a number above 2^31 as a heap object.
 */
export const join16 = (high: number, low: number): number => ((high << 16) | low) >>> 0;

/** Three 16-bit parts as one number below 2^48; `u48be` for the same decoders. */
export const join48 = (high: number, middle: number, low: number): number => high * 0x1_0000_0000 + join16(middle, low);

/** A copy, also of a Buffer, whose own `slice` is a view. */
export const copyBytes = (bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array => new Uint8Array(bytes.subarray(from, to));
