/** ICMP (RFC 792), ICMPv6 (RFC 4443), neighbour discovery (RFC 4861) and MLD (RFC 2710, RFC 3810) in place, with the packets they quote. */
import { u8, u16be } from '../base/bytes.ts';
import { ND_NEIGHBOR_ADVERT, ND_NEIGHBOR_SOLICIT, ND_REDIRECT, ND_ROUTER_ADVERT, ND_ROUTER_SOLICIT } from '../packet/ndp.ts';
import { followChecksum, sumOf } from './checksum.ts';
import type { FrameContext, PseudoHeader } from './frame-context.ts';
import { PURPOSE } from './keyed.ts';
import type { Maps } from './maps.ts';
import { replaceIpv4, replaceIpv6, replaceMac } from './packet-bytes.ts';

const ICMP_HEADER = 8;
const ICMP_ECHOREPLY = 0;
const ICMP_ECHO = 8;
const ICMP_REDIRECT = 5;
const ICMP_TIMESTAMPS = new Set([13, 14]);
/** Destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const ICMP_ERRORS = new Set([3, 4, 5, 11, 12]);
const ICMPV6_ECHOES = new Set([128, 129]);
const MLD_MESSAGES = new Set([130, 131, 132]);
const MLDV2_REPORT = 143;

const ND_OPT_SOURCE_LINKADDR = 1;
const ND_OPT_TARGET_LINKADDR = 2;
const ND_OPT_PREFIX_INFORMATION = 3;
const ND_OPT_REDIRECTED = 4;
const ND_OPT_MTU = 5;
const ND_OPT_RDNSS = 25;

/** So much of an echo's data is replaced by a digest of it: enough to tell that two are the same packet. */
const ECHO_KEPT = 8;
const ECHO_LOOKED_AT = 32;

export const rewriteIcmp = (bytes: Uint8Array, at: number, limit: number, context: FrameContext, depth: number): number => {
  if (limit - at < ICMP_HEADER) return Math.max(at, limit);
  const before = sumOf(bytes, at + 4, limit);
  const end = rewriteIcmpBody(bytes, at, limit, context, depth);
  followChecksum(bytes, at + 2, before, sumOf(bytes, at + 4, limit));
  return end;
};

const rewriteIcmpBody = (bytes: Uint8Array, at: number, limit: number, context: FrameContext, depth: number): number => {
  const { maps } = context;
  const type = u8(bytes, at);
  const body = at + ICMP_HEADER;
  if (ICMP_ERRORS.has(type)) {
    if (type === ICMP_REDIRECT) replaceIpv4(bytes, at + 4, maps);
    return context.ipv4(bytes, body, limit, context, depth + 1);
  }
  if (type === ICMP_ECHO || type === ICMP_ECHOREPLY) return rewriteEcho(bytes, body, limit, maps);
  return ICMP_TIMESTAMPS.has(type) ? Math.min(limit, body + 12) : body;
};

const rewriteEcho = (bytes: Uint8Array, at: number, limit: number, maps: Maps): number => {
  const end = Math.min(limit, at + ECHO_KEPT);
  if (end <= at) return at;
  const data = String.fromCharCode(...bytes.subarray(at, Math.min(limit, at + ECHO_LOOKED_AT)));
  const digest = maps.keyed.digest(PURPOSE.payload, data) + maps.keyed.digest(PURPOSE.words, data);
  for (let i = at; i < end; i++) bytes[i] = Number.parseInt(digest.slice((i - at) * 2, (i - at) * 2 + 2), 16);
  return end;
};

export const rewriteIcmpv6 = (
  bytes: Uint8Array,
  at: number,
  limit: number,
  pseudo: PseudoHeader,
  context: FrameContext,
  depth: number,
): number => {
  if (limit - at < 4) return Math.max(at, limit);
  const before = pseudo.before + sumOf(bytes, at + 4, limit);
  const end = rewriteIcmpv6Body(bytes, at, limit, context, depth);
  followChecksum(bytes, at + 2, before, pseudo.after + sumOf(bytes, at + 4, limit));
  return end;
};

const rewriteIcmpv6Body = (bytes: Uint8Array, at: number, limit: number, context: FrameContext, depth: number): number => {
  if (limit - at < ICMP_HEADER) return limit;
  const { maps } = context;
  const type = u8(bytes, at);
  const body = at + ICMP_HEADER;
  // RFC 4443: errors are those below 128.
  if (type >= 1 && type <= 4) return context.ipv6(bytes, body, limit, context, depth + 1);
  if (ICMPV6_ECHOES.has(type)) return rewriteEcho(bytes, body, limit, maps);
  if (MLD_MESSAGES.has(type)) {
    if (limit - body < 16) return body;
    replaceIpv6(bytes, body, maps);
    return body + 16;
  }
  if (type === MLDV2_REPORT) return rewriteMemberships(bytes, at, limit, maps);
  return rewriteDiscovery(bytes, type, body, limit, context, depth);
};

const rewriteMemberships = (bytes: Uint8Array, at: number, limit: number, maps: Maps): number => {
  let record = at + ICMP_HEADER;
  for (let left = u16be(bytes, at + 6); left > 0 && limit - record >= 20; left--) {
    const sources = u16be(bytes, record + 2);
    const auxiliary = u8(bytes, record + 1) * 4;
    const behind = record + 20 + sources * 16 + auxiliary;
    if (behind > limit) return record;
    for (let address = record + 4; address < behind - auxiliary; address += 16) replaceIpv6(bytes, address, maps);
    bytes.fill(0, behind - auxiliary, behind);
    record = behind;
  }
  return record;
};

const rewriteDiscovery = (bytes: Uint8Array, type: number, body: number, limit: number, context: FrameContext, depth: number): number => {
  const { maps } = context;
  switch (type) {
    case ND_ROUTER_SOLICIT:
      return rewriteOptions(bytes, body, limit, context, depth);
    case ND_ROUTER_ADVERT:
      return limit - body < 8 ? body : rewriteOptions(bytes, body + 8, limit, context, depth);
    case ND_NEIGHBOR_SOLICIT:
    case ND_NEIGHBOR_ADVERT:
    case ND_REDIRECT: {
      const addresses = type === ND_REDIRECT ? 2 : 1;
      if (limit - body < 16 * addresses) return body;
      for (let i = 0; i < addresses; i++) replaceIpv6(bytes, body + 16 * i, maps);
      return rewriteOptions(bytes, body + 16 * addresses, limit, context, depth);
    }
    default:
      return body;
  }
};

/** Options that are not known lose their data. */
const rewriteOptions = (bytes: Uint8Array, from: number, limit: number, context: FrameContext, depth: number): number => {
  let at = from;
  while (limit - at >= 8) {
    const type = u8(bytes, at);
    const length = u8(bytes, at + 1) * 8;
    if (length === 0 || at + length > limit) return at;
    if (type === ND_OPT_REDIRECTED) return Math.max(at + 8, context.ipv6(bytes, at + 8, at + length, context, depth + 1));
    rewriteOption(bytes, at, type, length, context.maps);
    at += length;
  }
  return at;
};

const rewriteOption = (bytes: Uint8Array, at: number, type: number, length: number, maps: Maps): void => {
  if ((type === ND_OPT_SOURCE_LINKADDR || type === ND_OPT_TARGET_LINKADDR) && length === 8) replaceMac(bytes, at + 2, maps);
  else if (type === ND_OPT_PREFIX_INFORMATION && length === 32) {
    const bits = u8(bytes, at + 2);
    replaceIpv6(bytes, at + 16, maps);
    // What was zeros behind the prefix is so again.
    for (let i = 0; i < 16; i++) {
      const kept = Math.max(0, Math.min(8, bits - i * 8));
      bytes[at + 16 + i] = u8(bytes, at + 16 + i) & (0xff00 >>> kept) & 0xff;
    }
  } else if (type === ND_OPT_RDNSS)
    for (let address = at + 8; address + 16 <= at + length; address += 16) replaceIpv6(bytes, address, maps);
  else if (type !== ND_OPT_MTU) bytes.fill(0, at + 2, at + length);
};
