/**
 * Addresses of IPv4, IPv6 and Ethernet, mapped together: beginnings are kept, what is special stays so, and an address that is made from
 * another (an interface id from a MAC address, Docker's MAC addresses from IPv4 addresses, a solicited-node group from an address) is
 * afterwards made from the other's stand-in. docs/decisions/0014-anonymising.md says why each is as it is.
 */
import { type IpAddress, type IpPrefix, ipv4, ipv6 } from '../base/ip-address.ts';
import { ByteTree, depthOf, isOnesWay, isOnWay, isZeroWay, type TreeNode } from './byte-tree.ts';
import { FirstBytes } from './first-bytes.ts';
import { type Keyed, PURPOSE } from './keyed.ts';
import {
  isKeptIpv4,
  LINK_LOCAL_FIRST,
  LINK_LOCAL_SECOND,
  LINK_LOCAL_WORD,
  NAT64_A,
  SIX_TO_FOUR,
  SOLICITED_A,
  SOLICITED_D,
} from './special-addresses.ts';

/** Answers that are kept; an answer costs a microsecond or two without. */
const MAX_KEPT = 100_000;

const BROADCAST_MAC = 0xffff_ffff_ffff;
/** RFC 2464 section 7: 33:33 and the group's last 32 bits. */
const IPV6_GROUP_VENDOR = 0x3333;

export class AddressMap {
  readonly #first: FirstBytes;
  /** The last 24 bits of every kind of address. */
  readonly #low24: ByteTree;
  /** The first 64 bits of IPv6 addresses. */
  readonly #prefix6: ByteTree;
  /** The first three bytes of MAC addresses, as in an interface id's. */
  readonly #vendor: ByteTree;
  /** Bytes 4 and 5 of interface ids. */
  readonly #middle: ByteTree;
  readonly #kept4 = new Map<number, number>();
  readonly #kept6 = new Map<string, IpAddress>();
  readonly #keptMacs = new Map<number, number>();
  /** Last 24 bits of interface ids whose group is not to be told by what it looks like. */
  readonly #longIds = new Set<number>();
  /** Subtrees under which nothing is turned: the first bits, and how many, of the last 24. */
  readonly #still: { readonly low24: number; readonly bits: number }[] = [];
  #stillDepths = 0;

  constructor(keyed: Keyed) {
    this.#first = new FirstBytes(keyed);
    this.#low24 = new ByteTree(keyed, PURPOSE.low24, { isFixed: (before, node) => this.#isFixedLow(before, node) });
    this.#prefix6 = new ByteTree(keyed, PURPOSE.prefix6, { isFixed: isFixedPrefix });
    this.#vendor = new ByteTree(keyed, PURPOSE.vendor, {
      isFixed: isFixedVendor,
      other: (before) => (before === DOCKER_MAC ? this.#first.table() : null),
    });
    this.#middle = new ByteTree(keyed, PURPOSE.interfaceId, { isFixed: isFixedMiddle });
  }

  ip(ip: IpAddress): IpAddress {
    return ip.version === 4 ? ipv4(this.ipv4(ip.a)) : this.ipv6(ip);
  }

  ipv4(address: number): number {
    if (isKeptIpv4(address)) return address;
    const known = this.#kept4.get(address);
    if (known !== undefined) return known;
    const mapped = this.#first.map(address >>> 24) * 0x100_0000 + this.#lowOfIpv4(address);
    if (this.#kept4.size >= MAX_KEPT) this.#kept4.clear();
    this.#kept4.set(address, mapped);
    return mapped;
  }

  /** A network's address, whatever stands behind its mask. A prefix shorter than a byte is one of those that first bytes keep apart. */
  prefix(prefix: IpPrefix): IpPrefix {
    const { address, mask, length } = prefix;
    if (address.version === 4 && length !== null && length < 8) return prefix;
    const mapped = this.ip(address);
    return {
      address: {
        version: address.version,
        a: (mapped.a & mask.a) >>> 0,
        b: (mapped.b & mask.b) >>> 0,
        c: (mapped.c & mask.c) >>> 0,
        d: (mapped.d & mask.d) >>> 0,
      },
      mask,
      length,
    };
  }

  ipv6(ip: IpAddress): IpAddress {
    const key = `${ip.a} ${ip.b} ${ip.c} ${ip.d}`;
    const known = this.#kept6.get(key);
    if (known !== undefined) return known;
    const mapped = this.#newIpv6(ip);
    if (this.#kept6.size >= MAX_KEPT) this.#kept6.clear();
    this.#kept6.set(key, mapped);
    return mapped;
  }

  mac(mac: number): number {
    if (mac === 0 || mac === BROADCAST_MAC) return mac;
    const high = Math.floor(mac / 0x1_0000_0000);
    if ((high & 0x100) !== 0) return high === IPV6_GROUP_VENDOR ? this.#groupMac(mac) : mac;
    const known = this.#keptMacs.get(mac);
    if (known !== undefined) return known;
    const mapped = this.#vendorBytes(Math.floor(mac / 0x100_0000)) * 0x100_0000 + this.#low(mac % 0x100_0000);
    if (this.#keptMacs.size >= MAX_KEPT) this.#keptMacs.clear();
    this.#keptMacs.set(mac, mapped);
    return mapped;
  }

  /** A network that hosts are on: all zeros and all ones behind its mask are its own address and its broadcast, and stay so. */
  knowSubnet(prefix: IpPrefix): void {
    const { address, length } = prefix;
    if (address.version !== 4 || length === null || length < 8 || length > 30) return;
    const ones = (0xff_ffff >>> (length - 8)) & 0xff_ffff;
    this.#low24.freeze(bytesOf24(address.a & 0xff_ffff), length - 8);
    this.#low24.freeze(bytesOf24((address.a & 0xff_ffff) | ones), length - 8);
    this.#forget();
  }

  /** A prefix of less than eight bits, which no mapping of addresses may cut in two. */
  knowShortPrefix(prefix: IpPrefix): void {
    if (this.#first.knowPrefix(prefix)) this.#forget();
  }

  /** Addresses from one to another: afterwards those from the first's stand-in to the last's. */
  knowRange(from: number, to: number): void {
    const common = Math.clz32(from ^ to);
    if (common >= 32) return;
    if (common < 8) this.#first.keepAll();
    for (const end of [from, to]) this.#low24.freeze(bytesOf24(end & 0xff_ffff), Math.max(0, common - 8));
    this.#forget();
  }

  /** Addresses of the network are numbered through (NETMAP): what is behind its mask stays as it is. */
  knowNumbering(prefix: IpPrefix): void {
    if (prefix.address.version !== 4 || prefix.length === null) return;
    if (prefix.length < 8) this.#first.keepAll();
    this.#still.push({ low24: prefix.address.a & 0xff_ffff, bits: Math.max(0, prefix.length - 8) });
    this.#low24.forgetTables();
    this.#forget();
  }

  /** A mask with gaps compares bits whatever stands before them: those behind the first gap are never turned. */
  knowMask(mask: number): void {
    const leading = Math.clz32(~mask);
    const behind = (mask & (leading >= 32 ? 0 : 0xffff_ffff >>> leading)) >>> 0;
    if (behind === 0) return;
    if (behind >>> 24 !== 0) this.#first.keepAll();
    this.#stillDepths |= behind & 0xff_ffff;
    this.#low24.forgetTables();
    this.#forget();
  }

  /** An address that is in use: its solicited-node group is to be told from that of a small number. */
  knowIpv6(ip: IpAddress): void {
    if (ip.version === 6 && (ip.d & 0xff_0000) === 0 && !isShortId(ip.c, ip.d)) this.#longIds.add(ip.d & 0xff_ffff);
  }

  knowMac(mac: number): void {
    if ((Math.floor(mac / 0x1_0000) & 0xff) === 0 && mac % 0x100_0000 < 0x1_0000) this.#longIds.add(mac % 0x100_0000);
  }

  #forget(): void {
    this.#kept4.clear();
    this.#kept6.clear();
    this.#keptMacs.clear();
    this.#vendor.forgetTables();
  }

  /** 169.254/16 stays, and so another network of 169/8 takes the place that it would have had. */
  #lowOfIpv4(address: number): number {
    const low = address & 0xff_ffff;
    const mapped = this.#low(low);
    if (address >>> 24 !== LINK_LOCAL_FIRST || mapped >>> 16 !== LINK_LOCAL_SECOND) return mapped;
    return this.#low24.map('', LINK_LOCAL_SECOND) * 0x1_0000 + (mapped & 0xffff);
  }

  #low(low24: number): number {
    const b = low24 >>> 16;
    const c = (low24 >>> 8) & 255;
    const before = String.fromCharCode(b);
    const tree = this.#low24;
    return tree.map('', b) * 0x1_0000 + tree.map(before, c) * 256 + tree.map(before + String.fromCharCode(c), low24 & 255);
  }

  /** In interface ids of a few bits, which people and Docker count up from 0, small numbers stay small. */
  #lowOfShortId(low24: number): number {
    const mapped = this.#low(low24);
    const b = low24 >>> 16;
    if (b === 0) return mapped & 0xffff;
    return mapped >>> 16 === 0 ? this.#low24.map('', 0) * 0x1_0000 + (mapped & 0xffff) : mapped;
  }

  #isFixedLow(before: string, node: TreeNode): boolean {
    // 16 and 24 bits are by far the most frequent lengths of networks: their ends are kept whether the network is known or not.
    if (before.length > 0 && (isZeroWay(node) || isOnesWay(node))) return true;
    const depth = before.length * 8 + depthOf(node);
    if (((this.#stillDepths >>> (23 - depth)) & 1) === 1) return true;
    if (this.#still.length === 0) return false;
    let way = 0;
    for (let i = 0; i < before.length; i++) way = way * 256 + before.charCodeAt(i);
    way = way * 2 ** depthOf(node) + (node - 2 ** depthOf(node));
    return this.#still.some(({ low24, bits }) => depth >= bits && way >>> (depth - bits) === low24 >>> (24 - bits));
  }

  #vendorBytes(vendor: number): number {
    const [x, y, z] = bytesOf24(vendor) as [number, number, number];
    const tree = this.#vendor;
    const first = String.fromCharCode(x);
    return tree.map('', x) * 0x1_0000 + tree.map(first, y) * 256 + tree.map(first + String.fromCharCode(y), z);
  }

  #groupMac(mac: number): number {
    const group = mac % 0x1_0000_0000;
    return group >>> 24 === 0xff ? mac - (group % 0x100_0000) + this.#lowOfGroup(group % 0x100_0000) : mac;
  }

  #lowOfGroup(low24: number): number {
    return low24 >>> 16 === 0 && !this.#longIds.has(low24) ? this.#lowOfShortId(low24) : this.#low(low24);
  }

  #newIpv6(ip: IpAddress): IpAddress {
    const { a, b, c, d } = ip;
    if (a >>> 24 === 0xff) return this.#group(ip);
    if (a === 0 && b === 0 && (c === 0 || c === 0xffff)) return c === 0 && d <= 1 ? ip : ipv6(0, 0, c, this.ipv4(d));
    if (a === NAT64_A && b === 0 && c === 0) return ipv6(a, 0, 0, this.ipv4(d));
    // The rest of 0000::/8 is reserved (RFC 4291 section 2.4).
    if (a >>> 24 === 0) return ip;
    const [low, high] = this.#interfaceId(c, d);
    if ((a & 0xffc0_0000) >>> 0 === LINK_LOCAL_WORD) return ipv6(a, b, low, high);
    const [first, second] = a >>> 16 === SIX_TO_FOUR ? this.#sixToFour(a, b) : this.#upper(a, b);
    return ipv6(first, second, low, high);
  }

  #upper(a: number, b: number): readonly [number, number] {
    const words = [0, 0] as [number, number];
    let before = '';
    for (let i = 0; i < 8; i++) {
      const byte = ((i < 4 ? a : b) >>> (24 - (i & 3) * 8)) & 255;
      words[i >> 2] = (words[i >> 2] as number) * 256 + this.#prefix6.map(before, byte);
      before += String.fromCharCode(byte);
    }
    return words;
  }

  #sixToFour(a: number, b: number): readonly [number, number] {
    const inner = this.ipv4((((a & 0xffff) << 16) | (b >>> 16)) >>> 0);
    const [, second] = this.#upper(a, b);
    return [SIX_TO_FOUR * 0x1_0000 + (inner >>> 16), (inner & 0xffff) * 0x1_0000 + (second & 0xffff)];
  }

  /** RFC 4291 appendix A: a MAC address with ff:fe in its middle, its bit for "locally administered" the other way round. */
  #interfaceId(c: number, d: number): readonly [number, number] {
    const vendor = this.#vendorBytes((c >>> 8) ^ 0x2_0000) ^ 0x2_0000;
    let before = String.fromCharCode(c >>> 24, (c >>> 16) & 255, (c >>> 8) & 255);
    const fourth = this.#middle.map(before, c & 255);
    before += String.fromCharCode(c & 255);
    const fifth = this.#middle.map(before, d >>> 24);
    const low = isShortId(c, d) ? this.#lowOfShortId(d & 0xff_ffff) : this.#low(d & 0xff_ffff);
    return [vendor * 256 + fourth, fifth * 0x100_0000 + low];
  }

  #group(ip: IpAddress): IpAddress {
    const { a, b, c, d } = ip;
    if (a === SOLICITED_A && b === 0 && c === 1 && d >= SOLICITED_D) return ipv6(a, b, c, SOLICITED_D + this.#lowOfGroup(d & 0xff_ffff));
    // RFC 3306: the network that the group belongs to stands in its middle.
    if ((a & 0x30_0000) !== 0 && (a & 0xff) !== 0) {
      const [first, second] = this.#upper(b, c);
      return ipv6(a, first, second, d);
    }
    return ip;
  }
}

/** 02:42, with which Docker before 28 began the MAC addresses that it made from IPv4 addresses. */
const DOCKER_MAC = '\x02\x42';

const bytesOf24 = (value: number): number[] => [(value >>> 16) & 255, (value >>> 8) & 255, value & 255];

const isShortId = (c: number, d: number): boolean => c === 0 && d >>> 24 === 0;

/** Blocks of IPv6 that tell what an address is for: 2000::/3, fc00::/7 with its L bit, fe80::/10, ff00::/8, and 6to4. */
const isFixedPrefix = (before: string, node: TreeNode): boolean => {
  if (before === '') return isOnWay(node, 0x20) || isOnWay(node, 0xfd) || isOnWay(node, 0xfe) || isOnWay(node, 0xff) || isZeroWay(node);
  if (before === '\xfe') return isOnWay(node, 0x80, 2);
  return before === '\x20' && isOnWay(node, SIX_TO_FOUR & 255);
};

/** The bits for groups and for "locally administered", and the ways to 00:00:00, 02:00:00 and to what Docker begins with. */
const isFixedVendor = (before: string, node: TreeNode): boolean => {
  if (before === '') return depthOf(node) >= 6 || isZeroWay(node);
  if (before === '\x02') return isZeroWay(node) || isOnWay(node, 0x42);
  return before === '\x02\x00' && isZeroWay(node);
};

/** The ways to ff:fe and, behind zeros, to zeros. */
const isFixedMiddle = (before: string, node: TreeNode): boolean => {
  if (before.length === 3) return isOnWay(node, 0xff) || (before === '\0\0\0' && isZeroWay(node));
  if (before.charCodeAt(3) === 0xff) return isOnWay(node, 0xfe);
  return before === '\0\0\0\0' && isZeroWay(node);
};
