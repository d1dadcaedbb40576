/** Addresses where they stand in a packet's bytes, exchanged in place. */
import { u32be, u48be } from '../base/bytes.ts';
import { ipv6 } from '../base/ip-address.ts';
import type { Maps } from './maps.ts';

export const replaceIpv4 = (bytes: Uint8Array, at: number, maps: Maps): void => writeWord(bytes, at, maps.addresses.ipv4(u32be(bytes, at)));

export const replaceIpv6 = (bytes: Uint8Array, at: number, maps: Maps): void => {
  const { a, b, c, d } = maps.addresses.ipv6(ipv6(u32be(bytes, at), u32be(bytes, at + 4), u32be(bytes, at + 8), u32be(bytes, at + 12)));
  writeWord(bytes, at, a);
  writeWord(bytes, at + 4, b);
  writeWord(bytes, at + 8, c);
  writeWord(bytes, at + 12, d);
};

export const replaceMac = (bytes: Uint8Array, at: number, maps: Maps): void => {
  const mac = maps.addresses.mac(u48be(bytes, at));
  const high = Math.floor(mac / 0x1_0000_0000);
  bytes[at] = high >>> 8;
  bytes[at + 1] = high & 255;
  writeWord(bytes, at + 2, mac % 0x1_0000_0000);
};

const writeWord = (bytes: Uint8Array, at: number, word: number): void => {
  bytes[at] = word >>> 24;
  bytes[at + 1] = (word >>> 16) & 255;
  bytes[at + 2] = (word >>> 8) & 255;
  bytes[at + 3] = word & 255;
};
