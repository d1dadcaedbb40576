/** All mappings of one key, and what has been seen in the facts so far: what the rewriting of each output rests on. */
import { type IpPrefix, inPrefix, ipv4 } from '../base/ip-address.ts';
import { AddressMap } from './address-map.ts';
import { Keyed } from './keyed.ts';
import { NameMap } from './name-map.ts';
import { ValueMap } from './value-map.ts';

export class Maps {
  readonly keyed: Keyed;
  readonly addresses: AddressMap;
  readonly names: NameMap;
  readonly values: ValueMap;
  /** Names of containers, networks, devices, chains: what is to be found again in sentences; also those that stay. */
  readonly known = new Map<string, string>();
  /** Whether a snapshot has been seen: only then its names can be found in sentences. */
  knowsHost = false;
  /** IPv4 addresses of the facts: 32-bit numbers in u32 and bpf matches that are one of them are taken for it. */
  readonly numbers = new Set<number>();
  /** Networks that hosts are on. */
  readonly subnets: IpPrefix[] = [];

  constructor(key: Uint8Array) {
    this.keyed = new Keyed(key);
    this.addresses = new AddressMap(this.keyed);
    this.names = new NameMap(this.keyed, (mac) => this.addresses.mac(mac));
    this.values = new ValueMap(this.addresses, (name) => this.names.device(name));
  }

  device(name: string): string {
    const mapped = this.names.device(name);
    if (!/[+*]$/.test(name)) this.#learn(name, mapped);
    return mapped;
  }

  name(name: string): string {
    const mapped = this.names.name(name);
    this.#learn(name, mapped);
    return mapped;
  }

  /** A name that everybody's host has. */
  kept(name: string): string {
    this.#learn(name, name);
    return name;
  }

  /** Of a chain, a table or a set. */
  rules(name: string): string {
    const mapped = this.names.rules(name);
    this.#learn(name, mapped);
    return mapped;
  }

  /** A path under /run, /var or /proc: the folders that everybody has stay. */
  path(path: string): string {
    return path.replace(/[^/\n]+/g, (part) => {
      if (PATH_WORDS.has(part) || /^\d+$/.test(part)) return part;
      const own = /^(1-|lb_)([0-9a-z]+)$/.exec(part);
      if (own !== null) return `${own[1]}${this.names.id(own[2] as string)}`;
      return /^[0-9a-f]{12,}$/.test(part) ? this.names.id(part) : this.name(part);
    });
  }

  /** A number of 32 bits in a rule, where it may be taken for an address of the host or of its networks. */
  number(value: number): number {
    const isAddress = this.numbers.has(value) || this.subnets.some((subnet) => inPrefix(ipv4(value), subnet));
    return isAddress ? this.addresses.ipv4(value) : value;
  }

  #learn(name: string, mapped: string): void {
    if (name.length > 1) this.known.set(name, mapped);
  }
}

const PATH_WORDS = new Set('run var proc sys docker netns net ns task self default ingress_sbox docker.sock user tmp lib'.split(' '));
