/** Addresses that mean the same everywhere, and so keep their meaning only if they stay as they are: RFC 6890, RFC 4291, RFC 5771. */

/** 0/8 (this network), 127/8 (loopback, Docker's resolver too), 224/4 (multicast), 240/4 with 255.255.255.255: RFC 6890, RFC 5771. */
export const isKeptFirstByte = (byte: number): boolean => byte === 0 || byte === 127 || byte >= 224;

/** 169.254.0.0/16, RFC 3927: link-local, with the clouds' metadata service in it. */
export const LINK_LOCAL_FIRST = 169;
export const LINK_LOCAL_SECOND = 254;

export const isKeptIpv4 = (address: number): boolean =>
  isKeptFirstByte(address >>> 24) || address >>> 16 === LINK_LOCAL_FIRST * 256 + LINK_LOCAL_SECOND;

/** The upper half of fe80::/64. */
export const LINK_LOCAL_WORD = 0xfe80_0000;
/** ff02::1:ff00:0/104, RFC 4291 section 2.7.1: its last 24 bits are those of a unicast address. */
export const SOLICITED_A = 0xff02_0000;
export const SOLICITED_D = 0xff00_0000;
/** 64:ff9b::/96, RFC 6052: an IPv4 address in the last 32 bits. */
export const NAT64_A = 0x0064_ff9b;
/** 2002::/16, RFC 3056: an IPv4 address behind the first 16 bits. */
export const SIX_TO_FOUR = 0x2002;
