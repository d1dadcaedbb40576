/**
 * All addresses and ports that a host's facts name. What the path does with a packet follows from how its addresses and ports compare
 * with these, so that packets which compare alike with all of them have one fate.
 */
import { type IpAddress, type IpPrefix, ipv4, ipv6, parseIp, prefixOf, sameIp } from '../../base/ip-address.ts';
import type { HostFacts, NamespaceFacts } from '../../host/facts.ts';
import type { NftTable } from '../../netfilter/nft/ruleset.ts';
import type { Rule } from '../../netfilter/ruleset.ts';

export interface Constants {
  readonly v4: ReadonlySet<number>;
  /** By their four words. */
  readonly v6: ReadonlyMap<string, IpAddress>;
  /** Ports at which something may begin to be otherwise. */
  readonly portStarts: ReadonlySet<number>;
  /** Addresses are compared under masks that are no prefixes. */
  readonly hasOddMasks: boolean;
  /** The smallest MTU that is named. */
  readonly leastMtu: number;
}

/** Facts that say nothing about addresses and ports, or that others read. */
const PASSED_OVER: ReadonlySet<string> = new Set(['conntrack', 'sysctls', 'missing', 'problems', 'rulesets', 'nftables', 'ipsets']);

/** Kinds of addresses that follow from their bits (address-kinds.ts; RFC 6890). */
const KINDS4: readonly number[] = [
  0, 0x0a00_0000, 0x7f00_0000, 0xa9fe_0000, 0xac10_0000, 0xc0a8_0000, 0xe000_0000, 0xf000_0000, 0xffff_ffff,
];
const KINDS6: readonly (readonly [number, number, number, number])[] = [
  [0, 0, 0, 0],
  [0, 0, 0, 1],
  [0, 0, 0xffff, 0],
  [0x0064_ff9b, 0, 0, 0],
  [0x2002_0000, 0, 0, 0],
  [0xfc00_0000, 0, 0, 0],
  [0xfe80_0000, 0, 0, 0],
  [0xfec0_0000, 0, 0, 0],
  [0xff00_0000, 0, 0, 0],
];

/** Spans from which the kernel picks ports (nf_nat_l4proto_unique_tuple), and the ports that questions of our own are asked with. */
const KIND_PORTS: readonly number[] = [0, 1, 512, 600, 1024, 40_000, 40_001, 0xffff];

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;
const MAC_LENGTH = 17;
const PORT = /port/i;
const MTU = /mtu/i;
const ANY_IPV4 = /(\/?)(\d+\.\d+\.\d+\.\d+)/g;
const ANY_IPV6 = /(\/?)([0-9a-f]*:[0-9a-f:]*(?:\d+\.\d+\.\d+\.\d+)?)/gi;

export const constantsOf = (machines: readonly HostFacts[]): Constants => {
  const collector = new Collector();
  for (const facts of machines) collector.host(facts);
  return collector;
};

export const wordsOf = ({ a, b, c, d }: IpAddress): string => `${a}:${b}:${c}:${d}`;

class Collector implements Constants {
  readonly v4 = new Set<number>(KINDS4);
  readonly v6 = new Map<string, IpAddress>();
  readonly portStarts = new Set<number>(KIND_PORTS);
  hasOddMasks = false;
  leastMtu = Number.POSITIVE_INFINITY;

  constructor() {
    for (const words of KINDS6) this.#address(ipv6(...words));
  }

  host({ self, namespaces, containers, networks }: HostFacts): void {
    this.#namespace(self);
    for (const namespace of namespaces) this.#namespace(namespace.facts);
    this.#walk(containers, '');
    this.#walk(networks, '');
  }

  #namespace(facts: NamespaceFacts): void {
    for (const [name, value] of Object.entries(facts)) if (!PASSED_OVER.has(name)) this.#walk(value, name);
    for (const { tables } of facts.rulesets)
      for (const { chains } of tables) for (const { rules } of chains) for (const rule of rules) this.#rule(rule);
    for (const table of facts.nftables ?? []) this.#table(table);
    for (const { entries } of facts.ipsets ?? []) for (const { element } of entries) this.#text(element);
  }

  #rule({ text, native }: Rule): void {
    this.#text(text);
    if (native !== undefined) this.#json(native.statements);
  }

  #table({ chains, sets }: NftTable): void {
    for (const { rules } of chains)
      for (const { statements } of rules) for (const statement of statements) if (!('counter' in statement)) this.#json(statement);
    for (const { elements } of sets.values()) this.#json(elements);
  }

  /** Every number of nft's rules and sets may be a port that is compared: too many classes do no harm. */
  #json(value: unknown): void {
    if (typeof value === 'number') this.#port(value);
    else if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) this.#json(inner);
  }

  /** Typed facts: addresses wherever they stand, ports by their name. */
  #walk(value: unknown, name: string): void {
    switch (typeof value) {
      case 'string':
        if (MTU.test(name)) this.#mtu(Number(value));
        this.#addresses(value);
        return;
      case 'number':
        if (PORT.test(name)) this.#port(value);
        else if (MTU.test(name)) this.#mtu(value);
        return;
      case 'object':
        if (value !== null) this.#object(value, name);
        return;
    }
  }

  #object(value: object, name: string): void {
    if (Array.isArray(value)) for (const inner of value) this.#walk(inner, name);
    else if (isAddress(value)) this.#address(value);
    else if (isPrefix(value)) this.#prefix(value);
    else if (value instanceof Map) for (const [key, inner] of value) this.#walk(inner, String(key));
    else for (const key in value) this.#walk((value as Readonly<Record<string, unknown>>)[key], key);
  }

  /** The net's own address and its last one, which is its broadcast address, are special to it. */
  #prefix({ address, mask, length }: IpPrefix): void {
    if (length === null) this.hasOddMasks = true;
    this.#address(address);
    const last = (word: number, bits: number): number => (word | ~bits) >>> 0;
    const { a, b, c, d } = address;
    this.#address(address.version === 4 ? ipv4(last(a, mask.a)) : ipv6(last(a, mask.a), last(b, mask.b), last(c, mask.c), last(d, mask.d)));
  }

  #text(text: string): void {
    const rest = this.#addresses(text);
    for (const [digits] of rest.matchAll(/\d+/g)) this.#port(Number(digits));
  }

  /** Returns the text without them. */
  #addresses(text: string): string {
    let rest = text;
    if (text.length === MAC_LENGTH && MAC.test(text)) return text;
    if (text.includes('.')) rest = rest.replace(ANY_IPV4, (_whole, slash: string, address: string) => this.#written(slash, address));
    if (rest.includes(':'))
      rest = rest.replace(ANY_IPV6, (whole, slash: string, address: string) =>
        parseIp(address) === null ? whole : this.#written(slash, address),
      );
    return rest;
  }

  #written(slash: string, address: string): string {
    const ip = parseIp(address);
    if (ip !== null) {
      if (slash !== '' && !isMask(ip)) this.hasOddMasks = true;
      this.#address(ip);
    }
    return ' ';
  }

  #address(ip: IpAddress): void {
    if (ip.version === 4) this.v4.add(ip.a);
    else this.v6.set(wordsOf(ip), ip);
  }

  #port(port: number): void {
    if (Number.isInteger(port) && port >= 0 && port <= 0xffff) this.portStarts.add(port).add(port + 1);
  }

  #mtu(mtu: number): void {
    if (mtu > 0 && mtu < this.leastMtu) this.leastMtu = mtu;
  }
}

const isAddress = (value: object): value is IpAddress => 'version' in value && 'a' in value && 'd' in value;

const isPrefix = (value: object): value is IpPrefix => 'address' in value && 'mask' in value && 'length' in value;

const isMask = (ip: IpAddress): boolean => {
  for (let length = 0; length <= (ip.version === 4 ? 32 : 128); length++) if (sameIp(prefixOf(ip, length).mask, ip)) return true;
  return false;
};
