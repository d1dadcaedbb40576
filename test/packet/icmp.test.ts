/** ICMP and ICMPv6: echo, errors with the packet that they quote, neighbour discovery, types and codes in words. */
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../src/base/ip-address.ts';
import { dstIp, srcIp } from '../../src/packet/addresses.ts';
import { icmpTypeName } from '../../src/packet/icmp-names.ts';
import { describeLayers } from '../../src/packet/layers.ts';
import { INNER_NONE, INNER_QUOTED, IPPROTO_TCP, IPPROTO_UDP } from '../../src/packet/packet.ts';
import { summarisePacket } from '../../src/packet/summary.ts';
import { decode, fromHex } from './fixtures.ts';

const V6_ADDRESSES = 'fd090001000000000000000000000002 fd090001000000000000000000000001';
const icmp = (rest: string) => {
  const length = 20 + fromHex(rest).length;
  return decode(fromHex(`45c0 ${length.toString(16).padStart(4, '0')} 0007 0000 40 01 0000 0a090101 0a090102 ${rest}`), 101);
};
const icmpv6 = (rest: string) =>
  decode(fromHex(`60000000 ${fromHex(rest).length.toString(16).padStart(4, '0')} 3a ff ${V6_ADDRESSES} ${rest}`), 101);

const QUOTED_SYN = '4500003c 698f4000 3f060000 0a090102 0a090202 b03e0052 98822ee2 00000000 a002faf0 17440000';
const QUOTED_UDP = '45000027 00070000 3d110000 0a090102 0a090202 13882710 00130000';

describe('ICMP', () => {
  // IP 10.9.1.1 > 10.9.1.2: ICMP echo reply, id 101, seq 2, length 16
  it('echo gives id and sequence number', () => {
    const packet = icmp('0000ffff 00650002 0001020304050607');
    expect([packet.icmpType, packet.icmpCode, packet.icmpId, packet.icmpSeq, packet.payloadLength]).toEqual([0, 0, 101, 2, 8]);
    expect(summarisePacket(packet)).toBe('IP 10.9.1.1 > 10.9.1.2: ICMP echo reply, id 101, seq 2, length 16');
  });

  // IP 10.9.1.1 > 10.9.1.2: ICMP host 10.9.2.2 unreachable - admin prohibited filter, length 48
  it('an error quotes the packet that it is about', () => {
    const packet = icmp(`030d0000 00000000 ${QUOTED_SYN}`);
    const { inner } = packet;
    expect(packet.innerKind).toBe(INNER_QUOTED);
    if (inner === null) throw new Error('nothing quoted');
    expect([srcIp(inner), dstIp(inner)].map((ip) => ip && formatIp(ip))).toEqual(['10.9.1.2', '10.9.2.2']);
    expect([inner.protocol, inner.srcPort, inner.dstPort, inner.tcpSeq]).toEqual([IPPROTO_TCP, 45118, 82, 0x98822ee2]);
    expect(packet.truncatedIn).toBe('');
    expect(summarisePacket(packet)).toBe('IP 10.9.1.1 > 10.9.1.2: ICMP host 10.9.2.2 unreachable - admin prohibited filter, length 48');
    expect(describeLayers(packet).map(({ name }) => name)).toEqual(['Frame', 'IPv4', 'ICMP', 'quoted IPv4', 'quoted TCP']);
  });

  it('a quote of eight bytes, which is all that RFC 792 asks for, gives ports and no defect', () => {
    const packet = icmp('03030000 00000000 45000100 00074000 3f060000 0a090102 0a090202 b03e0050 98822ee2');
    expect([packet.inner?.srcPort, packet.inner?.dstPort, packet.inner?.tcpSeq, packet.inner?.malformed]).toEqual([
      45118,
      80,
      0x98822ee2,
      '',
    ]);
    expect([packet.malformed, packet.truncatedIn, packet.inner?.truncatedIn]).toEqual(['', '', 'tcp']);
    expect(summarisePacket(packet)).toContain('ICMP 10.9.2.2 tcp port 80 unreachable');
  });

  it.each([
    ['0300', 'net 10.9.2.2 unreachable'],
    ['0301', 'host 10.9.2.2 unreachable'],
    ['0302', '10.9.2.2 protocol 17 unreachable'],
    ['0303', '10.9.2.2 udp port 10000 unreachable'],
    ['0309', 'net 10.9.2.2 unreachable - admin prohibited'],
    ['030a', 'host 10.9.2.2 unreachable - admin prohibited'],
    ['0306', '10.9.2.2 unreachable - destination network unknown'],
    ['0b00', 'time exceeded in-transit'],
    ['0b01', 'ip reassembly time exceeded'],
    ['0c00', 'parameter problem'],
    ['0400', 'source quench'],
  ])('type and code %s: %s', (typeAndCode, words) => {
    const packet = icmp(`${typeAndCode}0000 00000000 ${QUOTED_UDP}`);
    expect(summarisePacket(packet)).toBe(`IP 10.9.1.1 > 10.9.1.2: ICMP ${words}, length 36`);
    expect(packet.inner?.protocol).toBe(IPPROTO_UDP);
  });

  it('tells the next hop MTU and the better gateway', () => {
    expect(summarisePacket(icmp(`03040000 00000578 ${QUOTED_UDP}`))).toContain('10.9.2.2 unreachable - need to frag (mtu 1400)');
    expect(summarisePacket(icmp(`05010000 0a0901fe ${QUOTED_UDP}`))).toContain('redirect 10.9.2.2 to host 10.9.1.254');
  });

  it('ends the quote where RFC 4884 says that extensions begin', () => {
    // length field: 7 words of 4 bytes, then an extension structure
    const packet = icmp(`0b000000 00070000 ${QUOTED_UDP} 20000000 00080101 deadbeef`);
    expect(packet.inner?.end).toBe(20 + 8 + 28);
    expect(packet.inner?.dstPort).toBe(10000);
  });

  it('an error that quotes an error is opened too', () => {
    const packet = icmp(`03010000 00000000 45000038 00000000 40010000 0a090102 0a090202 03010000 00000000 ${QUOTED_UDP}`);
    expect([packet.inner?.innerKind, packet.inner?.inner?.dstPort]).toEqual([INNER_QUOTED, 10000]);
  });

  it('quotes nothing where nothing is quoted, and something that is no packet', () => {
    const empty = icmp('03010000 00000000');
    expect([empty.innerKind, empty.malformed]).toEqual([INNER_NONE, '']);
    expect(summarisePacket(empty)).toContain('ICMP host unreachable, length 8');
    const wrong = icmp('03010000 00000000 ffff');
    expect([wrong.innerKind, wrong.inner?.malformed]).toEqual([INNER_QUOTED, 'IPv4 header cut short']);
    expect(wrong.malformed).toBe('');
  });

  it('cut behind type and code gives them', () => {
    const packet = icmp('0800');
    expect([packet.icmpType, packet.icmpCode, packet.icmpId, packet.malformed]).toEqual([8, 0, -1, 'ICMP header cut short']);
  });

  it('time stamp queries have no echo id', () => {
    const packet = icmp(`0d000000 00090001 ${'00'.repeat(12)}`);
    expect([packet.icmpType, packet.icmpId]).toEqual([13, -1]);
    expect(summarisePacket(packet)).toContain('ICMP time stamp query, length 20');
  });
});

describe('ICMPv6', () => {
  it('echo gives id and sequence number', () => {
    const packet = icmpv6('8000ffff 00ca0001 00010203');
    expect([packet.icmpType, packet.icmpId, packet.icmpSeq]).toEqual([128, 202, 1]);
    expect(summarisePacket(packet)).toBe('IP6 fd09:1::2 > fd09:1::1: ICMP6, echo request, id 202, seq 1, length 12');
  });

  const QUOTED = `60000000 000f 11 3f fd090001000000000000000000000002 fd090002000000000000000000000002 13882710 000f0000 746f6f20626967`;
  it.each([
    ['0100', 'destination unreachable, unreachable route fd09:2::2'],
    ['0101', 'destination unreachable, unreachable prohibited fd09:2::2'],
    ['0103', 'destination unreachable, unreachable address fd09:2::2'],
    ['0104', 'destination unreachable, unreachable port, fd09:2::2 udp port 10000'],
    ['0105', 'destination unreachable, source address failed policy fd09:2::2'],
    ['0300', 'time exceeded in-transit for fd09:2::2'],
    ['0401', 'unrecognized next header'],
  ])('type and code %s: %s', (typeAndCode, words) => {
    const packet = icmpv6(`${typeAndCode}0000 00000000 ${QUOTED}`);
    expect(summarisePacket(packet)).toBe(`IP6 fd09:1::2 > fd09:1::1: ICMP6, ${words}, length 63`);
    expect([packet.inner?.dstPort, packet.inner?.malformed]).toEqual([10000, '']);
  });

  it('packet too big tells the MTU', () => {
    expect(summarisePacket(icmpv6(`02000000 00000500 ${QUOTED}`))).toContain('ICMP6, packet too big, mtu 1280');
  });

  // IP6 fd09:1::2 > ff02::1:ff00:1: ICMP6, neighbor solicitation, who has fd09:1::1, length 32
  it('neighbour discovery tells whom it is about', () => {
    const target = 'fd090001000000000000000000000009';
    expect(summarisePacket(icmpv6(`87000000 00000000 ${target} 0101 a2fd1f0894e0`))).toContain(
      'neighbor solicitation, who has fd09:1::9, length 32',
    );
    const advert = icmpv6(`88000000 60000000 ${target} 0201 be8d85854c74`);
    expect(summarisePacket(advert)).toContain('neighbor advertisement, tgt is fd09:1::9, length 32');
    expect(describeLayers(advert)[2]?.fields).toEqual(
      expect.arrayContaining([
        { label: 'target', value: 'fd09:1::9' },
        { label: 'flags', value: 'solicited, override' },
        { label: 'target link-layer address', value: 'be:8d:85:85:4c:74' },
      ]),
    );
  });

  it('a router advertisement tells lifetime, MTU and prefix', () => {
    const advert = icmpv6(
      '86000000 40c00708 00000000 00000000 0101 02420a090001 0501 0000 00000578 0304 40c0 00015180 00003840 00000000 fd090001000000000000000000000000',
    );
    expect(summarisePacket(advert)).toContain('ICMP6, router advertisement, length 64');
    expect(describeLayers(advert)[2]?.fields).toEqual(
      expect.arrayContaining([
        { label: 'router lifetime', value: '1800 s' },
        { label: 'flags', value: 'managed addresses, other configuration' },
        { label: 'source link-layer address', value: '02:42:0a:09:00:01' },
        { label: 'MTU', value: '1400' },
        { label: 'prefix', value: 'fd09:1::/64, valid 86400 s' },
      ]),
    );
  });

  it('an option of length zero ends the options', () => {
    expect(
      describeLayers(icmpv6('85000000 00000000 0100 000000000000'))
        .at(-1)
        ?.fields.map(({ label }) => label),
    ).not.toContain('option');
  });

  it('a listener report tells how many groups', () => {
    expect(summarisePacket(icmpv6(`8f000000 00000001 04000000 ff0200000000000000000001ff000001`))).toContain(
      'multicast listener report v2, 1 group record(s), length 28',
    );
  });

  it('an unknown error quotes nothing', () => {
    const packet = icmpv6(`65000000 00000000 ${QUOTED}`);
    expect(packet.innerKind).toBe(INNER_NONE);
    expect(summarisePacket(packet)).toContain('ICMP6, type 101 code 0');
  });
});

describe('icmpTypeName', () => {
  it.each([
    [4, 3, 3, 'port unreachable'],
    [4, 3, 13, 'communication administratively prohibited'],
    [4, 3, 99, 'destination unreachable code 99'],
    [4, 8, 0, 'echo request'],
    [4, 8, 5, 'echo request code 5'],
    [4, 99, 3, 'type 99 code 3'],
    [6, 1, 4, 'port unreachable'],
    [6, 4, 2, 'unrecognized option'],
    [6, 135, 0, 'neighbor solicitation'],
    [6, 3, 9, 'time exceeded code 9'],
  ] as const)('version %i, type %i, code %i is %s', (version, type, code, name) => {
    expect(icmpTypeName(version, type, code)).toBe(name);
  });
});
