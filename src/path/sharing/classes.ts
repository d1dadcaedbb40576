/**
 * Classes of addresses and ports that nothing on the host can tell apart. Two addresses are of one class where they share the same
 * leading bits with every address that is named: then no prefix, range or comparison with any of them parts the two.
 */
import { compareIp, type IpAddress } from '../../base/ip-address.ts';
import type { ConntrackEntry } from '../../host/facts.ts';
import { type Constants, wordsOf } from './constants.ts';

/** Written by `AddressClasses`: how many leading bits the class has, and those bits. */
export const ADDRESS_WORDS4 = 2;
export const ADDRESS_WORDS6 = 5;

const FIRST_MULTICAST4 = 0xe000_0000;
const FIRST_MULTICAST6 = 0xff00_0000;

export class AddressClasses {
  readonly #v4: Uint32Array;
  readonly #v6: readonly IpAddress[];
  /** Addresses of known connections, which are looked up as they are. */
  readonly #known4 = new Set<number>();
  readonly #known6 = new Set<string>();

  constructor({ v4, v6 }: Constants, connections: Iterable<ConntrackEntry>) {
    this.#v4 = Uint32Array.from(v4).sort();
    this.#v6 = [...v6.values()].sort(compareIp);
    for (const { original, reply } of connections) for (const ip of [original.src, original.dst, reply.src, reply.dst]) this.#know(ip);
  }

  #know(ip: IpAddress): void {
    if (ip.version === 4) this.#known4.add(ip.a);
    else this.#known6.add(wordsOf(ip));
  }

  /** Writes the class of an IPv4 address into `key` at `at`. True where the class has other members. */
  write4(key: Int32Array, at: number, address: number): boolean {
    let bits = 32;
    if (address < FIRST_MULTICAST4 && !this.#known4.has(address)) {
      const list = this.#v4;
      const above = firstAbove(list, address);
      const below = above === 0 ? 0 : Math.clz32((list[above - 1] as number) ^ address);
      const beyond = above === list.length ? 0 : Math.clz32((list[above] as number) ^ address);
      bits = Math.min(32, 1 + Math.max(below, beyond));
    }
    key[at] = bits;
    key[at + 1] = bits === 32 ? address : address & ~(0xffff_ffff >>> bits);
    return bits < 32;
  }

  write6(key: Int32Array, at: number, ip: IpAddress): boolean {
    let bits = 128;
    if (ip.a < FIRST_MULTICAST6 && !this.#known6.has(wordsOf(ip))) {
      const list = this.#v6;
      let low = 0;
      let high = list.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (compareIp(list[middle] as IpAddress, ip) <= 0) low = middle + 1;
        else high = middle;
      }
      const below = low === 0 ? 0 : commonBits(list[low - 1] as IpAddress, ip);
      const beyond = low === list.length ? 0 : commonBits(list[low] as IpAddress, ip);
      bits = Math.min(128, 1 + Math.max(below, beyond));
    }
    key[at] = bits;
    key[at + 1] = leading(ip.a, bits);
    key[at + 2] = leading(ip.b, bits - 32);
    key[at + 3] = leading(ip.c, bits - 64);
    key[at + 4] = leading(ip.d, bits - 96);
    return bits < 128;
  }
}

const firstAbove = (list: Uint32Array, value: number): number => {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
};

const leading = (word: number, bits: number): number => (bits >= 32 ? word : bits <= 0 ? 0 : word & ~(0xffff_ffff >>> bits));

const commonBits = (x: IpAddress, y: IpAddress): number => {
  if (x.a !== y.a) return Math.clz32(x.a ^ y.a);
  if (x.b !== y.b) return 32 + Math.clz32(x.b ^ y.b);
  if (x.c !== y.c) return 64 + Math.clz32(x.c ^ y.c);
  return 96 + Math.clz32(x.d ^ y.d);
};

/** Between two neighbouring constants every port has the same fate. */
export class PortClasses {
  /** By port: its class. */
  readonly #classes = new Uint16Array(0x1_0000);
  readonly #sizes: Uint32Array;
  /** Protocol and port of known connections, with ICMP's ids. */
  readonly #known = new Set<number>();

  constructor({ portStarts }: Constants, connections: Iterable<ConntrackEntry>) {
    const starts = [...portStarts].filter((port) => port <= 0xffff).sort((x, y) => x - y);
    this.#sizes = new Uint32Array(starts.length + 1);
    for (const [index, start] of starts.entries()) {
      const end = starts[index + 1] ?? 0x1_0000;
      this.#classes.fill(index + 1, start, end);
      this.#sizes[index + 1] = end - start;
    }
    for (const { protocol, original, reply } of connections)
      for (const port of [original.srcPort, original.dstPort, reply.srcPort, reply.dstPort])
        if (port !== null) this.#known.add(keyOf(protocol, port));
  }

  /** Whether a known connection has to do with the port, or with ICMP's id. */
  isKnown(protocol: number, port: number): boolean {
    return this.#known.has(keyOf(protocol, port));
  }

  classOf(port: number): number {
    return port < 0 ? -1 : (this.#classes[port] as number);
  }

  /** Whether there are other ports of its class. */
  isShared(port: number): boolean {
    return port >= 0 && (this.#sizes[this.#classes[port] as number] as number) > 1;
  }
}

const keyOf = (protocol: number, port: number): number => protocol * 0x1_0000 + port;
