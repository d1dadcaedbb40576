/** Addresses as tests write them. */
import { type IpAddress, parseIp } from '../src/base/ip-address.ts';

export const ip = (text: string): IpAddress => {
  const address = parseIp(text);
  if (address === null) throw new Error(`${text} is no address`);
  return address;
};
