/** Addresses: beginnings kept exactly, one for one, special ones as they are, and those that are made from others made from their stand-ins. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressMap } from '../../src/anonymise/address-map.ts';
import { Keyed } from '../../src/anonymise/keyed.ts';
import { SipHash } from '../../src/anonymise/siphash.ts';
import { formatIp, formatMac, type IpAddress, ipv6, parseMac, parsePrefix } from '../../src/base/ip-address.ts';
import { ip } from '../addresses.ts';
import { KEY } from './sameness.ts';

const map = (key = KEY): AddressMap => new AddressMap(new Keyed(key));
const of = (addresses: AddressMap, text: string): string => formatIp(addresses.ip(ip(text)));
const mac = (addresses: AddressMap, text: string): string => formatMac(addresses.mac(parseMac(text) ?? expect.fail(text)));
const word = fc.integer({ min: 0, max: 0xffff_ffff });
const keys = fc.uint8Array({ minLength: 16, maxLength: 16 });

const common4 = (x: number, y: number): number => Math.clz32(x ^ y);
const common6 = (x: IpAddress, y: IpAddress): number => {
  for (const [index, part] of (['a', 'b', 'c', 'd'] as const).entries())
    if (x[part] !== y[part]) return index * 32 + Math.clz32(x[part] ^ y[part]);
  return 128;
};

describe('SipHash-2-4', () => {
  it('gives the value of the paper, appendix A', () => {
    const hash = new SipHash(Uint8Array.from({ length: 16 }, (_, i) => i));
    hash.hash(Uint8Array.from({ length: 15 }, (_, i) => i));
    expect([hash.high, hash.low]).toEqual([0xa129ca61, 0x49be45e5]);
  });
});

describe('IPv4 addresses', () => {
  it('agree afterwards in exactly as many first bits as before, where they agree in their first byte', () => {
    fc.assert(
      fc.property(
        keys,
        fc.integer({ min: 1, max: 223 }).filter((first) => first !== 127 && first !== 169),
        word,
        word,
        (key, first, x, y) => {
          const addresses = map(key);
          const [from, to] = [x, y].map((low) => first * 0x100_0000 + (low & 0xff_ffff)) as [number, number];
          expect(common4(addresses.ipv4(from), addresses.ipv4(to))).toBe(common4(from, to));
        },
      ),
    );
  });

  it('are exchanged one for one, for every length of a prefix', () => {
    const addresses = map();
    const firsts = new Set(Array.from({ length: 256 }, (_, first) => addresses.ipv4(first * 0x100_0000 + 0x010203) >>> 24));
    expect(firsts.size).toBe(256);
    const lasts = new Set(Array.from({ length: 65_536 }, (_, low) => addresses.ipv4(0x0a14_0000 + low)));
    expect(lasts.size).toBe(65_536);
    expect(new Set([...lasts].map((address) => address >>> 16)).size).toBe(1);
  });

  it('never keep their first byte, unless it means something', () => {
    fc.assert(
      fc.property(keys, word, (key, address) => {
        const first = address >>> 24;
        const mapped = map(key).ipv4(address);
        const isKept = first === 0 || first === 127 || first >= 224 || address >>> 16 === 0xa9fe;
        if (isKept) expect(mapped).toBe(address);
        else if (first !== 169) expect(mapped >>> 24).not.toBe(first);
        const taken = mapped >>> 24;
        if (!isKept) expect(taken === 0 || taken === 127 || taken >= 224 || mapped >>> 16 === 0xa9fe).toBe(false);
      }),
    );
  });

  it('are the same under the same key, and others under another', () => {
    const other = KEY.map((byte) => byte ^ 1);
    const texts = ['10.0.0.1', '172.17.0.2', '8.8.8.8', '203.0.113.77'];
    expect(texts.map((text) => of(map(), text))).toEqual(texts.map((text) => of(map(), text)));
    expect(texts.map((text) => of(map(), text))).not.toEqual(texts.map((text) => of(map(other), text)));
  });

  it.each(['172.20.16.0/20', '10.0.0.0/8', '192.168.7.64/26', '172.17.0.0/16', '10.9.8.0/24', '203.0.113.8/29'])(
    'of a known network %s keep its own address and its broadcast',
    (text) => {
      const addresses = map();
      const network = parsePrefix(text) ?? expect.fail(text);
      addresses.knowSubnet(network);
      const ones = (~network.mask.a >>> 0) + network.address.a;
      const mapped = addresses.prefix(network);
      expect(addresses.ipv4(network.address.a)).toBe(mapped.address.a);
      expect(addresses.ipv4(ones)).toBe(mapped.address.a + (~network.mask.a >>> 0));
    },
  );

  it('of a range stay between the stand-ins of its ends', () => {
    fc.assert(
      fc.property(keys, word, word, fc.array(word, { maxLength: 20 }), (key, x, y, others) => {
        const [from, to] = [Math.min(x, y), Math.max(x, y)] as const;
        const addresses = map(key);
        addresses.knowRange(from, to);
        for (const other of others)
          expect(addresses.ipv4(other) >= addresses.ipv4(from) && addresses.ipv4(other) <= addresses.ipv4(to)).toBe(
            other >= from && other <= to,
          );
      }),
    );
  });

  it('meet a mask with gaps as before', () => {
    fc.assert(
      fc.property(keys, word, word, word, (key, mask, value, address) => {
        const addresses = map(key);
        addresses.knowMask(mask);
        const mapped = addresses.prefix({
          address: { version: 4, a: (value & mask) >>> 0, b: 0, c: 0, d: 0 },
          mask: { version: 4, a: mask, b: 0, c: 0, d: 0 },
          length: null,
        });
        if (mask >>> 24 === 0xff)
          expect((addresses.ipv4(address) & mask) >>> 0 === mapped.address.a).toBe((address & mask) >>> 0 === (value & mask) >>> 0);
      }),
    );
  });

  it('keep their numbers in networks that NETMAP numbers through', () => {
    const addresses = map();
    for (const text of ['10.1.0.0/16', '10.2.0.0/16']) addresses.knowNumbering(parsePrefix(text) ?? expect.fail(text));
    for (const low of [0x0005, 0x1234, 0xfffe]) {
      expect(addresses.ipv4(0x0a01_0000 + low) & 0xffff).toBe(low);
      expect(addresses.ipv4(0x0a02_0000 + low) & 0xffff).toBe(low);
    }
  });

  it('are never moved across a prefix shorter than a byte', () => {
    const addresses = map();
    addresses.knowShortPrefix(parsePrefix('128.0.0.0/1') ?? expect.fail());
    addresses.knowShortPrefix(parsePrefix('64.0.0.0/3') ?? expect.fail());
    for (let first = 1; first < 224; first++) {
      const mapped = addresses.ipv4(first * 0x100_0000 + 5) >>> 24;
      expect([mapped >= 128, mapped >>> 5 === 2]).toEqual([first >= 128, first >>> 5 === 2]);
    }
  });
});

describe('IPv6 addresses', () => {
  it('agree afterwards in exactly as many first bits as before, down to their interface ids', () => {
    fc.assert(
      fc.property(keys, word, word, word, word, fc.integer({ min: 0, max: 63 }), (key, a, b, c, d, bit) => {
        const addresses = map(key);
        const from = ipv6((a & 0x1fff_ffff) | 0x2000_0000, b, c, d);
        const to = bit < 32 ? ipv6(from.a ^ (0x8000_0000 >>> bit), b, d, c) : ipv6(from.a, b ^ (0x8000_0000 >>> (bit - 32)), d, c);
        fc.pre(bit > 2 && from.a >>> 16 !== 0x2002 && to.a >>> 16 !== 0x2002);
        expect(common6(addresses.ip(from), addresses.ip(to))).toBe(common6(from, to));
      }),
    );
  });

  it.each(['::', '::1', 'ff02::1', 'ff02::fb', '::ffff:127.0.0.1', 'ff05::2'])('%s stays', (text) => {
    expect(of(map(), text)).toBe(text);
  });

  it.each([
    ['fe80::306d:f8ff:fe3d:90a2', /^fe80::/],
    ['fd00:1:2::7', /^fd/],
    ['2001:db8:1::2', /^[23]/],
  ])('%s stays what kind of address it is', (text, kind) => {
    expect(of(map(), text)).toMatch(kind);
    expect(of(map(), text)).not.toBe(text);
  });

  it('with an IPv4 address in them hold its stand-in', () => {
    const addresses = map();
    expect(of(addresses, '::ffff:10.1.2.3')).toBe(`::ffff:${of(addresses, '10.1.2.3')}`);
    expect(addresses.ip(ip('64:ff9b::8.8.8.8')).d).toBe(addresses.ipv4(0x0808_0808));
    const inside = addresses.ip(ip('2002:cb00:7107::1'));
    expect(((inside.a & 0xffff) << 16) | (inside.b >>> 16)).toBe(addresses.ipv4(0xcb00_7107) | 0);
  });

  it('that are a network with nothing behind it stay so, and small numbers stay small', () => {
    const addresses = map();
    expect(addresses.ip(ip('fd00:1:2:3::')).c).toBe(0);
    expect(addresses.ip(ip('fd00:1:2:3::')).d).toBe(0);
    expect(addresses.ip(ip('fd00:1:2:3::1')).d).toBe(1);
  });
});

describe('addresses that are made from others', () => {
  const eui64 = (text: string, prefix: string): string => {
    const bytes = text.split(':').map((byte) => Number.parseInt(byte, 16));
    bytes[0] = (bytes[0] as number) ^ 2;
    const hex = [...bytes.slice(0, 3), 0xff, 0xfe, ...bytes.slice(3)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return formatIp(ip(`${prefix}${hex.replace(/(.{4})(?!$)/g, '$1:')}`));
  };
  const unicast = fc
    .uint8Array({ minLength: 6, maxLength: 6 })
    .map((bytes) => formatMac([...bytes].reduce((value, byte, index) => value * 256 + (index === 0 ? byte & 0xfe : byte), 0)));

  it('an interface id is that of the MAC address it came from', () => {
    fc.assert(
      fc.property(keys, unicast, (key, text) => {
        const addresses = map(key);
        expect(of(addresses, eui64(text, 'fe80::'))).toBe(eui64(mac(addresses, text), 'fe80::'));
      }),
    );
  });

  it("Docker's MAC addresses are made from the IPv4 addresses' stand-ins", () => {
    fc.assert(
      fc.property(
        keys,
        word.filter((address) => {
          const first = address >>> 24;
          return first > 0 && first < 224 && first !== 127 && first !== 169;
        }),
        (key, address) => {
          const addresses = map(key);
          expect(addresses.mac(0x0242_0000_0000 + address)).toBe(0x0242_0000_0000 + addresses.ipv4(address));
        },
      ),
    );
  });

  it('a solicited-node group belongs to the address that it belonged to', () => {
    fc.assert(
      fc.property(keys, unicast, fc.integer({ min: 0, max: 0xffff }), (key, text, small) => {
        const addresses = map(key);
        for (const unicastText of [eui64(text, 'fe80::'), `fd00:9::${small.toString(16)}`]) {
          addresses.knowIpv6(ip(unicastText));
          const low = ip(unicastText).d & 0xff_ffff;
          // What two addresses share can belong to one of them only.
          if (unicastText.startsWith('fd') && Number.parseInt(text.replaceAll(':', ''), 16) % 0x100_0000 === low) return;
          const group = addresses.ip(ipv6(0xff02_0000, 0, 1, 0xff00_0000 + low));
          expect(group.d & 0xff_ffff).toBe(addresses.ip(ip(unicastText)).d & 0xff_ffff);
          expect(addresses.mac(0x3333_ff00_0000 + low) % 0x100_0000).toBe(group.d & 0xff_ffff);
        }
      }),
    );
  });

  it('MAC addresses keep what their first two bits mean, one for one, and groups and zeros stay', () => {
    const addresses = map();
    fc.assert(
      fc.property(unicast, unicast, (x, y) => {
        expect(Number.parseInt(mac(addresses, x).slice(0, 2), 16) & 3).toBe(Number.parseInt(x.slice(0, 2), 16) & 3);
        expect(mac(addresses, x) === mac(addresses, y)).toBe(x === y);
      }),
    );
    for (const kept of ['00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:fb', '33:33:00:00:00:01', '01:80:c2:00:00:00'])
      expect(mac(addresses, kept)).toBe(kept);
  });
});
