/** Kinds of addresses that follow from their bits alone. include/linux/in.h; RFC 1122 section 3.2.1.3, RFC 4291 section 2. */
import type { IpAddress } from '../base/ip-address.ts';

export const isLoopback = (ip: IpAddress): boolean =>
  ip.version === 4 ? ip.a >>> 24 === 127 : ip.a === 0 && ip.b === 0 && ip.c === 0 && ip.d === 1;

export const isMulticast = (ip: IpAddress): boolean => (ip.version === 4 ? ip.a >>> 28 === 0xe : ip.a >>> 24 === 0xff);

export const isLimitedBroadcast = (ip: IpAddress): boolean => ip.version === 4 && ip.a === 0xffff_ffff;

export const isZero = (ip: IpAddress): boolean =>
  ip.version === 4 ? ip.a >>> 24 === 0 : ip.a === 0 && ip.b === 0 && ip.c === 0 && ip.d === 0;

export const isLinkLocal = (ip: IpAddress): boolean => ip.version === 6 && (ip.a & 0xffc0_0000) >>> 0 === 0xfe80_0000;

/** `::ffff:a.b.c.d` */
export const isMapped = (ip: IpAddress): boolean => ip.version === 6 && ip.a === 0 && ip.b === 0 && ip.c === 0xffff;

/** Means one link and is never routed: 224.0.0.0/24 (RFC 5771), 255.255.255.255, fe80::/10, ff01::/16 and ff02::/16 (RFC 4291 section 2.7). */
export const isOfLink = (ip: IpAddress): boolean =>
  ip.version === 4
    ? ip.a >>> 8 === 0xe0_0000 || isLimitedBroadcast(ip)
    : isLinkLocal(ip) || (isMulticast(ip) && ((ip.a >>> 16) & 0xf) <= IPV6_ADDR_SCOPE_LINKLOCAL);

const IPV6_ADDR_SCOPE_LINKLOCAL = 2;
