/**
 * A captured frame, rewritten in place down to the last header that is understood; what is behind that is cut off by the caller. Each
 * function returns where the part that may be kept ends. Link layers are those of src/packet.
 */
import { copyBytes, u8, u16be, u32be, u32le } from '../base/bytes.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_MIN, isVlanType } from '../packet/ether-type.ts';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
} from '../packet/packet.ts';
import type { FrameContext } from './frame-context.ts';
import { rewriteIpv4, rewriteIpv6 } from './ip-frame.ts';
import type { Maps } from './maps.ts';
import { replaceIpv4, replaceMac } from './packet-bytes.ts';

const ETHERNET_HEADER = 14;
const AF_INET = 2;
/** AF_INET6 of Linux, NetBSD, FreeBSD and macOS. */
const AF_INET6 = new Set([10, 24, 28, 30]);

export interface RewrittenFrame {
  /** As long as the frame was captured. */
  readonly bytes: Uint8Array;
  /** Behind it nothing is rewritten. */
  readonly end: number;
}

export const rewriteFrame = (captured: Uint8Array, linkType: number, maps: Maps): RewrittenFrame => {
  const bytes = copyBytes(captured);
  const context: FrameContext = { maps, ethernet: rewriteEthernet, ipv4: rewriteIpv4, ipv6: rewriteIpv6 };
  return { bytes, end: rewriteLink(bytes, 0, bytes.length, linkType, context, 0) };
};

const rewriteLink = (bytes: Uint8Array, at: number, end: number, linkType: number, context: FrameContext, depth: number): number => {
  switch (linkType) {
    case LINKTYPE_ETHERNET:
      return rewriteEthernet(bytes, at, end, context, depth);
    case LINKTYPE_LINUX_SLL:
      return rewriteCooked(bytes, at, end, { length: 16, protocolAt: 14, addressLengthAt: 4, addressAt: 6 }, context, depth);
    case LINKTYPE_LINUX_SLL2:
      return rewriteCooked(bytes, at, end, { length: 20, protocolAt: 0, addressLengthAt: 10, addressAt: 12 }, context, depth);
    case LINKTYPE_RAW:
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
      return rewriteByVersion(bytes, at, end, context, depth);
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP: {
      if (end - at < 4) return at;
      const big = u32be(bytes, at);
      const family = linkType === LINKTYPE_NULL && big > 0xffff ? u32le(bytes, at) : big;
      if (family !== AF_INET && !AF_INET6.has(family)) return at + 4;
      return rewriteNetwork(bytes, family === AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6, at + 4, end, context, depth);
    }
    default:
      return at;
  }
};

const rewriteByVersion = (bytes: Uint8Array, at: number, end: number, context: FrameContext, depth: number): number => {
  if (at >= end) return at;
  return rewriteNetwork(bytes, u8(bytes, at) >>> 4 === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP, at, end, context, depth);
};

const rewriteEthernet = (bytes: Uint8Array, at: number, end: number, context: FrameContext, depth: number): number => {
  if (end - at < ETHERNET_HEADER) return at;
  replaceMac(bytes, at, context.maps);
  replaceMac(bytes, at + 6, context.maps);
  return rewriteTagged(bytes, u16be(bytes, at + 12), at + ETHERNET_HEADER, end, context, depth);
};

const rewriteTagged = (bytes: Uint8Array, type: number, at: number, end: number, context: FrameContext, depth: number): number => {
  let etherType = type;
  let offset = at;
  while (isVlanType(etherType)) {
    if (end - offset < 4) return offset;
    etherType = u16be(bytes, offset + 2);
    offset += 4;
  }
  // Behind a length stands LLC: spanning tree and others, with MAC addresses and names of switches in them.
  return etherType < ETHERTYPE_MIN ? offset : rewriteNetwork(bytes, etherType, offset, end, context, depth);
};

interface CookedLayout {
  readonly length: number;
  readonly protocolAt: number;
  /** Of SLL two bytes, of SLL2 the second of two. */
  readonly addressLengthAt: number;
  readonly addressAt: number;
}

const rewriteCooked = (bytes: Uint8Array, at: number, end: number, layout: CookedLayout, context: FrameContext, depth: number): number => {
  if (end - at < layout.length) return at;
  const address = at + layout.addressAt;
  if (u8(bytes, at + layout.addressLengthAt + 1) === 6) {
    replaceMac(bytes, address, context.maps);
    bytes.fill(0, address + 6, address + 8);
  } else bytes.fill(0, address, address + 8);
  return rewriteTagged(bytes, u16be(bytes, at + layout.protocolAt), at + layout.length, end, context, depth);
};

const rewriteNetwork = (bytes: Uint8Array, etherType: number, at: number, end: number, context: FrameContext, depth: number): number => {
  switch (etherType) {
    case ETHERTYPE_IP:
      return rewriteIpv4(bytes, at, end, context, depth);
    case ETHERTYPE_IPV6:
      return rewriteIpv6(bytes, at, end, context, depth);
    case ETHERTYPE_ARP:
      return rewriteArp(bytes, at, end, context.maps);
    default:
      return at;
  }
};

/** RFC 826, for Ethernet and IPv4; of other kinds only what kind they are. */
const rewriteArp = (bytes: Uint8Array, at: number, end: number, maps: Maps): number => {
  if (end - at < 8) return at;
  const isPlain = u16be(bytes, at + 2) === ETHERTYPE_IP && u8(bytes, at + 4) === 6 && u8(bytes, at + 5) === 4;
  if (!isPlain || end - at < 28) return at + 8;
  for (const pair of [at + 8, at + 18]) {
    replaceMac(bytes, pair, maps);
    replaceIpv4(bytes, pair + 6, maps);
  }
  return at + 28;
};
