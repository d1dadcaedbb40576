/** Addresses and prefixes: what is read is what is printed, and reading agrees with the system's own idea of an address. */
import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareIp,
  formatIp,
  formatMac,
  formatPrefix,
  type IpAddress,
  inPrefix,
  ipv4,
  ipv6,
  parseIp,
  parseMac,
  parsePrefix,
  prefixOf,
  sameIp,
} from '../../src/base/ip-address.ts';

const word = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 0xffff, 0x1_0000, 0xffff_0000, 0x8000_0000, 0xffff_ffff));
const anyIpv4 = word.map(ipv4);
const anyIpv6 = fc.tuple(word, word, word, word).map(([a, b, c, d]) => ipv6(a, b, c, d));
const anyIp = fc.oneof(anyIpv4, anyIpv6);

const toBigInt = (ip: IpAddress): bigint =>
  ip.version === 4 ? BigInt(ip.a) : [ip.a, ip.b, ip.c, ip.d].reduce((value, part) => (value << 32n) | BigInt(part), 0n);

/** Characters of which addresses are made, so that near misses are frequent. */
const addressLike = fc.string({ unit: fc.constantFrom(...'0123456789af:.'), maxLength: 24 });

describe('parseIp and formatIp', () => {
  it('read back what they print', () => {
    fc.assert(
      fc.property(anyIp, (ip) => {
        expect(parseIp(formatIp(ip))).toEqual(ip);
      }),
    );
  });

  it('accept what the system accepts as an address, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(addressLike, fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        fc.pre(!text.includes('%'));
        expect(parseIp(text)?.version ?? 0).toBe(isIP(text));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7:0', '1:2:3:4:5:6:7:0'],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ])('%s is printed as %s (RFC 5952)', (text, printed) => {
    const ip = parseIp(text);
    expect(ip && formatIp(ip)).toBe(printed);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.04',
    '010.0.0.1',
    ' 1.2.3.4',
    '1.2.3.4 ',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    'g::',
    '::1.2.3',
    '::1.2.3.4:5',
    ':1.2.3.4',
  ])('%j is no address', (text) => expect(parseIp(text)).toBeNull());
});

describe('compareIp and sameIp', () => {
  it('order by family, then by value', () => {
    fc.assert(
      fc.property(anyIp, anyIp, (x, y) => {
        const expected =
          x.version !== y.version ? x.version - y.version : toBigInt(x) < toBigInt(y) ? -1 : toBigInt(x) > toBigInt(y) ? 1 : 0;
        expect(Math.sign(compareIp(x, y))).toBe(Math.sign(expected));
        expect(sameIp(x, y)).toBe(compareIp(x, y) === 0);
      }),
    );
  });

  it('tell 0.0.0.1 from an IPv6 address with the same first word', () => {
    expect(sameIp(ipv4(1), ipv6(1, 0, 0, 0))).toBe(false);
  });
});

describe('prefixes', () => {
  const anyPrefix = fc.oneof(
    fc.tuple(anyIpv4, fc.nat(32)).map(([ip, length]) => prefixOf(ip, length)),
    fc.tuple(anyIpv6, fc.nat(128)).map(([ip, length]) => prefixOf(ip, length)),
  );

  it('are read as they are printed', () => {
    fc.assert(
      fc.property(anyPrefix, (prefix) => {
        expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix);
      }),
    );
  });

  it('hold the addresses that share their first bits, of their own family', () => {
    fc.assert(
      fc.property(anyPrefix, anyIp, fc.boolean(), (prefix, other, near) => {
        const ip = near && prefix.address.version === other.version ? { ...other, a: prefix.address.a } : other;
        const bits = ip.version === 4 ? 32 : 128;
        const shift = BigInt(bits - (prefix.length ?? 0));
        const expected = ip.version === prefix.address.version && toBigInt(ip) >> shift === toBigInt(prefix.address) >> shift;
        expect(inPrefix(ip, prefix)).toBe(expected);
      }),
    );
  });

  it('hold their own address whatever the mask', () => {
    fc.assert(
      fc.property(word, word, (address, mask) => {
        const prefix = parsePrefix(`${formatIp(ipv4(address))}/${formatIp(ipv4(mask))}`);
        expect(prefix).not.toBeNull();
        if (prefix === null) return;
        expect(inPrefix(ipv4(address), prefix)).toBe(true);
        expect(prefix.address.a & ~mask).toBe(0);
        expect(inPrefix(ipv4(address ^ mask), prefix)).toBe(mask === 0);
      }),
    );
  });

  it.each([
    ['10.1.2.3/8', '10.0.0.0/8', 8],
    ['10.1.2.3', '10.1.2.3/32', 32],
    ['10.1.2.3/255.255.0.0', '10.1.0.0/16', 16],
    ['10.1.2.3/255.0.255.0', '10.0.2.0/255.0.255.0', null],
    ['0.0.0.0/0', '0.0.0.0/0', 0],
    ['fd00:1::9/64', 'fd00:1::/64', 64],
    ['fd00::/ffff::', 'fd00::/16', 16],
    ['::/0', '::/0', 0],
  ])('%s is %s', (text, printed, length) => {
    const prefix = parsePrefix(text);
    expect(prefix && [formatPrefix(prefix), prefix.length]).toEqual([printed, length]);
  });

  it.each(['', '/8', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1', 'fd00::/129', '10.0.0.0/fd00::', '10.0.0.0/8/8', 'x/8'])(
    '%j is no prefix',
    (text) => expect(parsePrefix(text)).toBeNull(),
  );
});

describe('MAC addresses', () => {
  it('are read as they are printed', () => {
    fc.assert(
      fc.property(fc.nat(0xff_ffff), fc.nat(0xff_ffff), (high, low) => {
        const mac = high * 2 ** 24 + low;
        expect(parseMac(formatMac(mac))).toBe(mac);
      }),
    );
  });

  it.each(['', '02:42', '02:42:0a:00:00:zz', '02-42-0a-00-00-01', '02:42:0a:00:00:01:02', '002:42:0a:00:00:01'])('%j is none', (text) =>
    expect(parseMac(text)).toBeNull(),
  );
});
