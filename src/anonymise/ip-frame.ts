/** IPv4 (RFC 791) and IPv6 (RFC 8200) headers in place, with their options, and what follows them. */
import { u8, u16be } from '../base/bytes.ts';
import { IPPROTO_AH, IPPROTO_ICMP } from '../packet/packet.ts';
import { followChecksum, sumOf } from './checksum.ts';
import type { FrameContext, PseudoHeader } from './frame-context.ts';
import type { Maps } from './maps.ts';
import { replaceIpv4, replaceIpv6 } from './packet-bytes.ts';
import { rewriteTransport } from './transport-frame.ts';

/** How many packets deep: as src/packet looks. */
const MAX_DEPTH = 3;

const IPOPT_EOL = 0;
const IPOPT_NOP = 1;
const IPOPT_RR = 7;
const IPOPT_TS = 68;
const IPOPT_LSRR = 131;
const IPOPT_SSRR = 137;
const IPOPT_ROUTER_ALERT = 148;

const IPV6_HEADER = 40;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
/** RFC 6275. */
const OPTION_HOME_ADDRESS = 0xc9;

export const rewriteIpv4 = (bytes: Uint8Array, at: number, end: number, context: FrameContext, depth: number): number => {
  const { maps } = context;
  if (depth > MAX_DEPTH || end - at < 20 || u8(bytes, at) >>> 4 !== 4) return at;
  const headerLength = (u8(bytes, at) & 15) * 4;
  if (headerLength < 20 || at + headerLength > end) return at;
  const total = u16be(bytes, at + 2);
  const behind = at + headerLength;
  // A length of zero is what segmentation offload leaves.
  const limit = total < headerLength ? end : Math.min(end, at + total);
  const before = sumOf(bytes, at, at + 10) + sumOf(bytes, at + 12, behind);
  const addressesBefore = sumOf(bytes, at + 12, at + 20);
  replaceIpv4(bytes, at + 12, maps);
  replaceIpv4(bytes, at + 16, maps);
  rewriteIpv4Options(bytes, at + 20, behind, maps);
  followChecksum(bytes, at + 10, before, sumOf(bytes, at, at + 10) + sumOf(bytes, at + 12, behind));
  const protocol = u8(bytes, at + 9);
  if ((u16be(bytes, at + 6) & 0x1fff) !== 0) return behind;
  const pseudo = { before: addressesBefore, after: sumOf(bytes, at + 12, at + 20), length: Math.max(0, total - headerLength) };
  return rewriteTransport(bytes, behind, limit, protocol, protocol === IPPROTO_ICMP ? NO_PSEUDO_HEADER : pseudo, context, depth);
};

const NO_PSEUDO_HEADER: PseudoHeader = { before: 0, after: 0, length: 0 };

/** Routes that were recorded or asked for are mapped, time stamps lose their addresses, of others only type and length stay. */
const rewriteIpv4Options = (bytes: Uint8Array, from: number, end: number, maps: Maps): void => {
  let at = from;
  while (at < end) {
    const type = u8(bytes, at);
    if (type === IPOPT_EOL) {
      bytes.fill(0, at, end);
      return;
    }
    if (type === IPOPT_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? u8(bytes, at + 1) : 0;
    if (length < 2 || at + length > end) {
      bytes.fill(IPOPT_NOP, at, end);
      return;
    }
    if (type === IPOPT_RR || type === IPOPT_LSRR || type === IPOPT_SSRR) {
      for (let entry = at + 3; entry + 4 <= at + length; entry += 4) replaceIpv4(bytes, entry, maps);
    } else if (type === IPOPT_TS) bytes.fill(0, at + 4, at + length);
    else if (type !== IPOPT_ROUTER_ALERT) bytes.fill(0, at + 2, at + length);
    at += length;
  }
};

export const rewriteIpv6 = (bytes: Uint8Array, at: number, end: number, context: FrameContext, depth: number): number => {
  const { maps } = context;
  if (depth > MAX_DEPTH || end - at < IPV6_HEADER || u8(bytes, at) >>> 4 !== 6) return at;
  const payloadLength = u16be(bytes, at + 4);
  const limit = payloadLength === 0 ? end : Math.min(end, at + IPV6_HEADER + payloadLength);
  const before = sumOf(bytes, at + 8, at + IPV6_HEADER);
  replaceIpv6(bytes, at + 8, maps);
  replaceIpv6(bytes, at + 24, maps);
  const after = sumOf(bytes, at + 8, at + IPV6_HEADER);
  let next = u8(bytes, at + 6);
  let offset = at + IPV6_HEADER;
  for (;;) {
    const length = extensionLength(bytes, offset, limit, next);
    if (length === null) {
      const pseudo = { before, after, length: Math.max(0, payloadLength - (offset - at - IPV6_HEADER)) };
      return rewriteTransport(bytes, offset, limit, next, pseudo, context, depth);
    }
    if (length === 0 || offset + length > limit) return offset;
    rewriteExtension(bytes, offset, length, next, maps);
    if (next === FRAGMENT && (u16be(bytes, offset + 2) & 0xfff8) !== 0) return offset + length;
    next = u8(bytes, offset);
    offset += length;
  }
};

/** Null where `type` is no extension header; 0 where it is cut off. */
const extensionLength = (bytes: Uint8Array, at: number, limit: number, type: number): number | null => {
  if (type !== HOP_BY_HOP && type !== ROUTING && type !== FRAGMENT && type !== DESTINATION_OPTIONS && type !== IPPROTO_AH) return null;
  if (limit - at < 8) return 0;
  if (type === FRAGMENT) return 8;
  return type === IPPROTO_AH ? (u8(bytes, at + 1) + 2) * 4 : (u8(bytes, at + 1) + 1) * 8;
};

const rewriteExtension = (bytes: Uint8Array, at: number, length: number, type: number, maps: Maps): void => {
  // Type 0 and 2 hold addresses; segment routing (4) ends in options that may hold anything.
  if (type === ROUTING) {
    const addresses = u8(bytes, at + 2) === 4 ? (u8(bytes, at + 4) + 1) * 16 : length - 8;
    const last = Math.min(at + length, at + 8 + addresses);
    let entry = at + 8;
    for (; entry + 16 <= last; entry += 16) replaceIpv6(bytes, entry, maps);
    bytes.fill(0, entry, at + length);
  } else if (type === IPPROTO_AH) bytes.fill(0, at + 12, at + length);
  else if (type !== FRAGMENT) rewriteIpv6Options(bytes, at + 2, at + length, maps);
};

/** Pad1 is a byte of its own; what is not padding, router alert or jumbo length loses its data. */
const rewriteIpv6Options = (bytes: Uint8Array, from: number, end: number, maps: Maps): void => {
  let at = from;
  while (at < end) {
    const type = u8(bytes, at);
    if (type === 0) {
      at++;
      continue;
    }
    const length = at + 1 < end ? u8(bytes, at + 1) : 0;
    const behind = at + 2 + length;
    if (at + 2 > end || behind > end) {
      bytes.fill(0, at, end);
      return;
    }
    if (type === OPTION_HOME_ADDRESS && length === 16) replaceIpv6(bytes, at + 2, maps);
    else if (type !== 5 && type !== 0xc2) bytes.fill(0, at + 2, behind);
    at = behind;
  }
};
