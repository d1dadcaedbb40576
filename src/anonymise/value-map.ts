/** Single values as programs print them: addresses alone, with masks, as ranges, with ports, MAC addresses, and 32-bit numbers. */
import { formatIp, formatMac, type IpAddress, type IpPrefix, parseIp, parseMac, parsePrefix } from '../base/ip-address.ts';
import type { AddressMap } from './address-map.ts';

const MAC = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i;
/** As bridges name themselves: priority and MAC address, without leading zeros (`8000.2:42:ac:11:0:2`), or in one number. */
const BRIDGE_ID = /^([0-9a-f]{4})\.([0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}|[0-9a-f]{12})$/i;
const RANGE_WITH_PORTS = /^([^-]+)-(.+)$/;
const V4_WITH_PORT = /^(\d+\.\d+\.\d+\.\d+)(?:%([^:]+))?:(\d+(?:[-/]\d+)*|\*)$/;
const V6_WITH_PORT = /^\[([^\]]+)\](-\[[^\]]+\])?(%[^:]+)?(:[\d*][\d/-]*)?$/;

export class ValueMap {
  readonly addresses: AddressMap;
  readonly #device: (name: string) => string;

  constructor(addresses: AddressMap, device: (name: string) => string) {
    this.addresses = addresses;
    this.#device = device;
  }

  /** What stands for `text`, or null where it is none of these. */
  map(text: string): string | null {
    if (text.length < 2 || !/[.:]/.test(text)) return null;
    if (MAC.test(text)) return this.mac(text);
    return this.#address(text) ?? this.#range(text) ?? this.#withPort(text) ?? this.#bridgeId(text);
  }

  /** An address, or null where it is none. */
  ip(text: string): string | null {
    const zone = text.indexOf('%');
    const ip = parseIp(text);
    if (ip === null) return null;
    const mapped = formatLike(text, this.addresses.ip(ip));
    return zone < 0 ? mapped : `${mapped}%${this.#device(text.slice(zone + 1))}`;
  }

  mac(text: string): string {
    const mac = parseMac(text);
    if (mac === null) return text;
    const formatted = formatMac(this.addresses.mac(mac));
    const bare =
      text.length < 17
        ? formatted
            .split(':')
            .map((byte) => Number.parseInt(byte, 16).toString(16))
            .join(':')
        : formatted;
    return text === text.toUpperCase() && text !== text.toLowerCase() ? bare.toUpperCase() : bare;
  }

  #address(text: string): string | null {
    const slash = text.indexOf('/');
    if (slash < 0) return this.ip(text);
    const prefix = parsePrefix(text);
    const whole = parseIp(text.slice(0, slash));
    if (prefix === null || whole === null) return null;
    const hasHostBits = formatIp(whole) !== formatIp(prefix.address);
    const mapped = hasHostBits ? this.addresses.ip(whole) : this.prefix(prefix).address;
    return `${formatLike(text.slice(0, slash), mapped)}${text.slice(slash)}`;
  }

  prefix(prefix: IpPrefix): IpPrefix {
    return this.addresses.prefix(prefix);
  }

  /** `10.0.0.1-10.0.0.9`, as DNAT and iprange print it, with ports behind it. */
  #range(text: string): string | null {
    const [, from, rest] = RANGE_WITH_PORTS.exec(text) ?? [];
    if (from === undefined || rest === undefined || parseIp(from) === null) return null;
    const to = this.ip(rest) ?? this.#withPort(rest);
    return to === null ? null : `${this.ip(from)}-${to}`;
  }

  #withPort(text: string): string | null {
    const v4 = V4_WITH_PORT.exec(text);
    if (v4 !== null) {
      const ip = this.ip(v4[1] as string);
      return ip === null ? null : `${ip}${v4[2] === undefined ? '' : `%${this.#device(v4[2])}`}:${v4[3]}`;
    }
    const v6 = V6_WITH_PORT.exec(text);
    const ip = v6 === null ? null : this.ip(v6[1] as string);
    if (v6 === null || ip === null) return null;
    const [, , to = '', zone = '', port = ''] = v6;
    const last = to === '' ? '' : `-[${this.ip(to.slice(2, -1)) ?? ''}]`;
    return `[${ip}]${last}${zone === '' ? '' : `%${this.#device(zone.slice(1))}`}${port}`;
  }

  #bridgeId(text: string): string | null {
    const [, priority, address] = BRIDGE_ID.exec(text) ?? [];
    if (priority === undefined || address === undefined) return null;
    if (address.includes(':')) return `${priority}.${this.mac(address)}`;
    return `${priority}.${this.addresses.mac(Number.parseInt(address, 16)).toString(16).padStart(12, '0')}`;
  }
}

/** IPv6 as /proc prints it, all eight groups with four digits, stays so. */
const formatLike = (text: string, ip: IpAddress): string => {
  if (!/^[0-9a-f]{4}(:[0-9a-f]{4}){7}$/i.test(text)) return formatIp(ip);
  return [ip.a, ip.b, ip.c, ip.d]
    .map((word) =>
      word
        .toString(16)
        .padStart(8, '0')
        .replace(/^(.{4})/, '$1:'),
    )
    .join(':');
};
