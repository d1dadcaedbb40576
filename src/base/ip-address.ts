/** IPv4 and IPv6 addresses and prefixes as 32-bit words: parsed once, compared without strings. RFC 4291, RFC 5952. */

/** An address. IPv4 keeps its 32 bits in `a`; IPv6 its 128 bits in `a` (first) to `d`. Words are unsigned. */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/** An address with a mask. The mask may be non-contiguous, as iptables allows (`10.0.0.0/255.0.255.0`). */
export interface IpPrefix {
  readonly address: IpAddress;
  readonly mask: IpAddress;
  /** The prefix length, or null where the mask is not contiguous. */
  readonly length: number | null;
}

export const ipv4 = (a: number): IpAddress => ({ version: 4, a: a >>> 0, b: 0, c: 0, d: 0 });

export const ipv6 = (a: number, b: number, c: number, d: number): IpAddress => ({
  version: 6,
  a: a >>> 0,
  b: b >>> 0,
  c: c >>> 0,
  d: d >>> 0,
});

/** Reads `1.2.3.4` or `2001:db8::1` (an RFC 4007 zone after `%` is ignored). Returns null where the text is no address. */
export const parseIp = (text: string): IpAddress | null => (text.includes(':') ? parseIpv6(text) : parseIpv4(text));

export const formatIp = (ip: IpAddress): string => (ip.version === 4 ? formatIpv4(ip.a) : formatIpv6(ip));

/** 0.0.0.0 or ::. */
export const isUnspecified = (ip: IpAddress): boolean => (ip.a | ip.b | ip.c | ip.d) === 0;

export const sameIp = (x: IpAddress, y: IpAddress): boolean =>
  x.a === y.a && x.b === y.b && x.c === y.c && x.d === y.d && x.version === y.version;

/** Orders addresses: IPv4 before IPv6, then by value. */
export const compareIp = (x: IpAddress, y: IpAddress): number => x.version - y.version || x.a - y.a || x.b - y.b || x.c - y.c || x.d - y.d;

/** Reads `10.0.0.0/8`, `10.0.0.0/255.0.255.0`, `fd00::/64` or a bare address. Host bits are masked away. Null where unreadable. */
export const parsePrefix = (text: string): IpPrefix | null => {
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const full = address.version === 4 ? 32 : 128;
  const tail = slash < 0 ? String(full) : text.slice(slash + 1);
  if (/^\d+$/.test(tail)) {
    const length = Number(tail);
    return length > full ? null : makePrefix(address, maskOf(address.version, length), length);
  }
  const mask = parseIp(tail);
  if (mask === null || mask.version !== address.version) return null;
  return makePrefix(address, mask, contiguousLength(mask));
};

export const prefixOf = (address: IpAddress, length: number): IpPrefix => makePrefix(address, maskOf(address.version, length), length);

/** True where `ip` lies in `prefix`; an address of the other family never does. */
export const inPrefix = (ip: IpAddress, prefix: IpPrefix): boolean => {
  const { address, mask } = prefix;
  if (ip.version !== address.version) return false;
  if ((ip.a & mask.a) >>> 0 !== address.a) return false;
  if (ip.version === 4) return true;
  return (ip.b & mask.b) >>> 0 === address.b && (ip.c & mask.c) >>> 0 === address.c && (ip.d & mask.d) >>> 0 === address.d;
};

/** `10.0.0.0/8`; a non-contiguous mask prints as iptables-save prints it, `10.0.0.0/255.0.255.0`. */
export const formatPrefix = (prefix: IpPrefix): string => `${formatIp(prefix.address)}/${prefix.length ?? formatIp(prefix.mask)}`;

/** Reads `aa:bb:cc:dd:ee:ff` into one number below 2^48. Null where the text is no MAC address. */
export const parseMac = (text: string): number | null => {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) return null;
  return text.split(':').reduce((value, part) => value * 256 + Number.parseInt(part, 16), 0);
};

export const formatMac = (mac: number): string => {
  const hex = mac.toString(16).padStart(12, '0');
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10, 12)}`;
};

const makePrefix = (address: IpAddress, mask: IpAddress, length: number | null): IpPrefix => ({
  address: {
    version: address.version,
    a: (address.a & mask.a) >>> 0,
    b: (address.b & mask.b) >>> 0,
    c: (address.c & mask.c) >>> 0,
    d: (address.d & mask.d) >>> 0,
  },
  mask,
  length,
});

const maskWord = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? 0xffff_ffff : (0xffff_ffff << (32 - bits)) >>> 0);

const maskOf = (version: 4 | 6, length: number): IpAddress =>
  version === 4 ? ipv4(maskWord(length)) : ipv6(maskWord(length), maskWord(length - 32), maskWord(length - 64), maskWord(length - 96));

const contiguousLength = (mask: IpAddress): number | null => {
  const bits = mask.version === 4 ? 32 : 128;
  for (let length = 0; length <= bits; length++) if (sameIp(maskOf(mask.version, length), mask)) return length;
  return null;
};

const DOT = 0x2e;
const ZERO = 0x30;

const parseIpv4 = (text: string): IpAddress | null => {
  let value = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || ++dots > 3) return null;
      value = value * 256 + octet;
      octet = 0;
      digits = 0;
      continue;
    }
    const digit = code - ZERO;
    // As inet_pton(3): a leading zero is refused, because elsewhere it makes the number octal.
    if (digit < 0 || digit > 9 || (digits > 0 && octet === 0)) return null;
    octet = octet * 10 + digit;
    digits++;
    if (octet > 255) return null;
  }
  return dots === 3 && digits > 0 ? ipv4(value * 256 + octet) : null;
};

const parseIpv6 = (text: string): IpAddress | null => {
  const zone = text.indexOf('%');
  let body = zone < 0 ? text : text.slice(0, zone);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(body);
  if (dotted !== null) {
    const low = parseIpv4(dotted[2] as string);
    if (low === null) return null;
    body = `${dotted[1]}${(low.a >>> 16).toString(16)}:${(low.a & 0xffff).toString(16)}`;
  }
  const halves = body.split('::');
  if (halves.length > 2) return null;
  const head = halves[0] === '' ? [] : (halves[0] as string).split(':');
  const tail = halves.length < 2 || halves[1] === '' ? [] : (halves[1] as string).split(':');
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<string>(Math.max(0, missing)).fill('0'), ...tail];
  const words = [0, 0, 0, 0];
  for (let i = 0; i < 8; i++) {
    const group = groups[i] as string;
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
    words[i >> 1] = (words[i >> 1] as number) * 0x1_0000 + Number.parseInt(group, 16);
  }
  return ipv6(words[0] as number, words[1] as number, words[2] as number, words[3] as number);
};

const formatIpv4 = (a: number): string => `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;

/** RFC 5952: lower case, the longest run of two or more zero groups becomes `::`; IPv4-mapped addresses keep their dots. */
const formatIpv6 = (ip: IpAddress): string => {
  if (ip.a === 0 && ip.b === 0 && ip.c === 0xffff) return `::ffff:${formatIpv4(ip.d)}`;
  const groups = [ip.a, ip.b, ip.c, ip.d].flatMap((word) => [word >>> 16, word & 0xffff]);
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > bestLength) {
      bestStart = i;
      bestLength = run;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(':');
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`;
};
