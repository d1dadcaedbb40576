/** Parts of packets that tests make by hand, as bytes in network order. RFC 1071. */
import { ip } from './addresses.ts';

export const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

export const addressBytes = (text: string): number[] => {
  const { version, a, b, c, d } = ip(text);
  return (version === 4 ? [a] : [a, b, c, d]).flatMap(u32);
};

export const checksum = (bytes: readonly number[]): number => {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
};
