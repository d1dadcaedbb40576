/** Internet checksums that follow what is changed under them: RFC 1071, RFC 1624 equation 3. A wrong one stays exactly as wrong. */
import { u16be } from '../base/bytes.ts';

/** The sum of 16-bit words, not folded. `from` counts as the first byte of a word; a last odd byte is followed by a zero. */
export const sumOf = (bytes: Uint8Array, from: number, to: number): number => {
  let sum = 0;
  let at = from;
  for (; at + 1 < to; at += 2) sum += u16be(bytes, at);
  return at < to ? sum + (bytes[at] as number) * 256 : sum;
};

export const folded = (sum: number): number => {
  let rest = sum;
  while (rest > 0xffff) rest = (rest % 0x1_0000) + Math.floor(rest / 0x1_0000);
  return rest;
};

/** Replaces the checksum at `at`, where what it covers summed up to `before` and now to `after`. */
export const followChecksum = (bytes: Uint8Array, at: number, before: number, after: number): void => {
  if (folded(before) === folded(after)) return;
  write(bytes, at, ~folded((~u16be(bytes, at) & 0xffff) + folded(after) + (0xffff - folded(before))) & 0xffff);
};

/** The same where a card was to finish the sum (CHECKSUM_PARTIAL): what stands there is the sum so far, not its complement. */
export const followPartialSum = (bytes: Uint8Array, at: number, before: number, after: number): void =>
  write(bytes, at, folded(u16be(bytes, at) + folded(after) + (0xffff - folded(before))));

const write = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 255;
};
