/** Where the transport header starts in a packet's bytes. RFC 791, RFC 8200 (extension headers), ipv6_find_hdr in the kernel. */
import { u8, u16be } from '../base/bytes.ts';

const IPPROTO_HOPOPTS = 0;
const IPPROTO_ROUTING = 43;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_AH = 51;
const IPPROTO_DSTOPTS = 60;

/** Null where the packet carries another protocol there, is a later fragment, or ends before. */
export const transportOffset = (bytes: Uint8Array, protocol: number): number | null => {
  if (bytes.length < 20) return null;
  const version = u8(bytes, 0) >> 4;
  if (version === 4) {
    if (u8(bytes, 9) !== protocol || (u16be(bytes, 6) & 0x1fff) !== 0) return null;
    const length = (u8(bytes, 0) & 15) * 4;
    return length >= 20 && length <= bytes.length ? length : null;
  }
  if (version !== 6 || bytes.length < 40) return null;
  let next = u8(bytes, 6);
  let at = 40;
  while (next !== protocol) {
    if (at + 8 > bytes.length) return null;
    if (next === IPPROTO_FRAGMENT) {
      if ((u16be(bytes, at + 2) & 0xfff8) !== 0) return null;
      next = u8(bytes, at);
      at += 8;
    } else if (next === IPPROTO_AH) {
      next = u8(bytes, at);
      at += (u8(bytes, at + 1) + 2) * 4;
    } else if (next === IPPROTO_HOPOPTS || next === IPPROTO_ROUTING || next === IPPROTO_DSTOPTS) {
      next = u8(bytes, at);
      at += (u8(bytes, at + 1) + 1) * 8;
    } else return null;
  }
  return at <= bytes.length ? at : null;
};
