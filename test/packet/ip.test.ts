/** IPv4 and IPv6: lengths that lie, options, fragments, extension headers. */
import { describe, expect, it } from 'vitest';
import { describeLayers } from '../../src/packet/layers.ts';
import { IPPROTO_NONE, IPPROTO_TCP, IPPROTO_UDP, L3_IPV4, L3_NONE } from '../../src/packet/packet.ts';
import { summarisePacket } from '../../src/packet/summary.ts';
import { decode, fromHex } from './fixtures.ts';

const ETHERNET = '02420a090002 02420a090001';
const V6_ADDRESSES = 'fd090001000000000000000000000002 fd090001000000000000000000000001';
const UDP = '13881770 000c0000 74657374';

const ipv4 = (header: string, rest: string) => decode(fromHex(`${ETHERNET} 0800 ${header} 0a090102 0a090101 ${rest}`));
const ipv6 = (next: string, rest: string, claimed?: number) => {
  const length = claimed ?? fromHex(rest).length;
  return decode(fromHex(`${ETHERNET} 86dd 6ab12345 ${length.toString(16).padStart(4, '0')} ${next} 3f ${V6_ADDRESSES} ${rest}`));
};

describe('IPv4', () => {
  // IP (tos 0x2e,ECT(0), ttl 61, id 7, offset 0, flags [DF], proto UDP (17), length 32)
  it('gives every field of its header', () => {
    const packet = ipv4('452e0020 00074000 3d110000', UDP);
    expect([packet.l3, packet.tos, packet.ipLength, packet.ipId, packet.ttl, packet.protocol]).toEqual([
      L3_IPV4,
      0x2e,
      32,
      7,
      61,
      IPPROTO_UDP,
    ]);
    expect([packet.dontFragment, packet.moreFragments, packet.isFragment, packet.fragmentOffset]).toEqual([true, false, false, 0]);
    expect([packet.l3Offset, packet.l4Offset, packet.payloadOffset]).toEqual([14, 34, 42]);
  });

  // IP (tos 0x2e,ECT(0), ttl 61, id 7, offset 0, flags [none], proto TCP (6), length 61, options (RA))
  it('skips options to the upper layer, and names them', () => {
    const packet = ipv4('4600002c 00070000 3d110000', `94040000 13881770 00140000 ${'00'.repeat(12)}`);
    expect([packet.l4Offset, packet.dstPort]).toEqual([38, 6000]);
    expect(describeLayers(packet)[2]?.fields).toContainEqual({ label: 'option', value: 'router alert, 4 bytes' });
  });

  it('a later fragment has no ports', () => {
    const packet = ipv4('45000034 00632004 3d110000', '67'.repeat(32));
    expect([packet.isFragment, packet.moreFragments, packet.fragmentOffset]).toEqual([true, true, 32]);
    expect([packet.l4Offset, packet.srcPort, packet.payloadOffset, packet.payloadLength]).toEqual([-1, -1, 34, 32]);
    expect(summarisePacket(packet)).toBe('IP 10.9.1.2 > 10.9.1.1: udp, fragment 32+32 of id 99');
  });

  it('a first fragment has ports, and its datagram may be longer than it', () => {
    const packet = ipv4('45000034 00632000 3d110000', `13881770 00500000 ${'66'.repeat(24)}`);
    expect([packet.srcPort, packet.payloadLength, packet.malformed]).toEqual([5000, 24, '']);
    expect(summarisePacket(packet)).toBe('IP 10.9.1.2.5000 > 10.9.1.1.6000: UDP, length 72, first fragment of id 99');
  });

  it.each([
    ['a header length below 20', '44000020 00000000 40110000', 'IPv4 header length below 20 bytes', L3_NONE],
    ['another version', '65000020 00000000 40110000', 'IPv4 header with another version number', L3_NONE],
    ['a total length below the header', '45000010 00000000 40110000', 'IPv4 total length below its header length', L3_IPV4],
    ['a total length beyond the frame', '45000080 00000000 40110000', 'IPv4 total length goes beyond the frame', L3_IPV4],
    ['options beyond the frame', '4f000020 00000000 40110000', 'IPv4 options cut short', L3_IPV4],
  ])('%s is malformed', (_, header, problem, l3) => {
    const packet = ipv4(header, UDP);
    expect([packet.malformed, packet.l3]).toEqual([problem, l3]);
    expect(summarisePacket(packet)).toContain(`[${problem}]`);
  });

  it('of a length beyond the frame still gives its ports', () => {
    const packet = ipv4('45000080 00000000 40110000', UDP);
    expect([packet.srcPort, packet.payloadLength, packet.payloadCaptured]).toEqual([5000, 4, 4]);
  });

  it('with a total length of zero, as segmentation offload leaves it, reaches to the end of the frame', () => {
    const packet = ipv4('45000000 00000000 40060000', `13881770 00000001 00000000 50100400 00000000 ${'61'.repeat(100)}`);
    expect([packet.ipLength, packet.payloadLength, packet.malformed]).toEqual([140, 100, '']);
  });

  it('with a protocol that has no decoder keeps its bytes', () => {
    const packet = ipv4('4500001c 00000000 40320000', '00001001 00000001');
    expect([packet.protocol, packet.l4Offset, packet.payloadOffset, packet.payloadLength]).toEqual([50, 34, 34, 8]);
    expect(summarisePacket(packet)).toBe('IP 10.9.1.2 > 10.9.1.1: esp, length 8');
  });

  it('does not read ICMPv6 in IPv4', () => {
    expect(ipv4('4500001c 00000000 403a0000', '8000000000010001').icmpType).toBe(-1);
  });
});

describe('IPv6', () => {
  it('gives every field of its header', () => {
    const packet = ipv6('11', UDP);
    expect([packet.tos, packet.ttl, packet.ipLength, packet.protocol]).toEqual([0xab, 63, 52, IPPROTO_UDP]);
    expect([packet.srcA, packet.srcD, packet.dstA, packet.dstD]).toEqual([0xfd090001, 2, 0xfd090001, 1]);
    expect(describeLayers(packet)[2]?.fields).toContainEqual({ label: 'flow label', value: '0x12345' });
  });

  // IP6 fd09:1::2 > fd09:1::1: HBH DSTOPT RT6 (len=2, type=4, segleft=0, ...) 5000 > 6000: UDP, length 4
  it('reaches the upper layer behind hop-by-hop, destination and routing headers', () => {
    const routing = `11 02 04 00 00000000 fd090009000000000000000000000009`;
    const packet = ipv6('00', `3c00010400000000 2b01010400000000 0106000000000000 ${routing} ${UDP}`);
    expect([packet.protocol, packet.dstPort, packet.payloadLength]).toEqual([IPPROTO_UDP, 6000, 4]);
    expect(summarisePacket(packet)).toBe('IP6 fd09:1::2.5000 > fd09:1::1.6000: HBH DSTOPT RT (type 4) UDP, length 4');
    expect(describeLayers(packet).map(({ name }) => name)).toEqual([
      'Frame',
      'Ethernet',
      'IPv6',
      'IPv6 hop-by-hop options',
      'IPv6 destination options',
      'IPv6 routing header',
      'UDP',
      'payload',
    ]);
  });

  // IP6 fd09:1::2 > fd09:1::1: AH(spi=0x00001001,seq=0x5,icv=0xaaaaaaaaaaaaaaaaaaaaaaaa): 5000 > 6000: UDP, length 4
  it('counts the authentication header in words of four bytes', () => {
    const packet = ipv6('33', `11040000 00001001 00000005 ${'aa'.repeat(12)} ${UDP}`);
    expect([packet.protocol, packet.dstPort]).toEqual([IPPROTO_UDP, 6000]);
    expect(summarisePacket(packet)).toBe('IP6 fd09:1::2.5000 > fd09:1::1.6000: AH(spi=0x00001001) UDP, length 4');
  });

  it('a first fragment gives ports, a later one only the protocol', () => {
    const first = ipv6('2c', `11000001deadbeef 13881770 00500000 ${'68'.repeat(24)}`);
    expect([first.isFragment, first.moreFragments, first.fragmentOffset, first.ipId, first.dstPort]).toEqual([
      true,
      true,
      0,
      0xdeadbeef,
      6000,
    ]);
    const later = ipv6('2c', `11000020deadbeef ${'69'.repeat(48)}`);
    expect([later.isFragment, later.moreFragments, later.fragmentOffset, later.protocol]).toEqual([true, false, 32, IPPROTO_UDP]);
    expect([later.srcPort, later.l4Offset, later.payloadLength]).toEqual([-1, -1, 48]);
    expect(summarisePacket(later)).toBe('IP6 fd09:1::2 > fd09:1::1: frag (32|48) udp');
  });

  it('what follows a later fragment is not read as an extension header', () => {
    const later = ipv6('2c', `3c000020deadbeef 1100010400000000 ${UDP}`);
    expect([later.protocol, later.srcPort, later.payloadLength]).toEqual([60, -1, 20]);
  });

  it('an atomic fragment is a whole packet', () => {
    const packet = ipv6('2c', `11000000deadbeef ${UDP}`);
    expect([packet.isFragment, packet.moreFragments, packet.fragmentOffset, packet.dstPort]).toEqual([true, false, 0, 6000]);
  });

  it('says where nothing follows', () => {
    const packet = ipv6('3b', '');
    expect([packet.protocol, packet.l4Offset]).toEqual([IPPROTO_NONE, -1]);
    expect(summarisePacket(packet)).toBe('IP6 fd09:1::2 > fd09:1::1: no next header');
  });

  it('takes the length of a jumbogram from its option', () => {
    const packet = ipv6('00', `11 00 c2 04 00000014 ${UDP}`, 0);
    expect([packet.ipLength, packet.dstPort, packet.malformed]).toEqual([60, 6000, '']);
  });

  it('too long for its length field reaches to the end of the frame', () => {
    const packet = ipv6('06', `13881770 00000001 00000000 50100400 00000000 ${'61'.repeat(70_000)}`, 0);
    expect([packet.protocol, packet.ipLength, packet.payloadLength]).toEqual([IPPROTO_TCP, 70_060, 70_000]);
  });

  it.each([
    ['an extension header beyond the packet', '00', '3cff010400000000', 'IPv6 extension header cut short'],
    ['half an extension header', '00', '3c000104', 'IPv6 extension header cut short'],
    ['a payload length beyond the frame', '11', UDP, 'IPv6 payload length goes beyond the frame'],
  ])('%s is malformed', (_, next, rest, problem) => {
    const packet = ipv6(next, rest, problem.includes('payload') ? 99 : undefined);
    expect(packet.malformed).toBe(problem);
  });

  it('does not guess the protocol behind an extension header that was cut off', () => {
    const bytes = fromHex(`${ETHERNET} 86dd 60000000 0014 00 40 ${V6_ADDRESSES} 1100`);
    const packet = decode(bytes, 1, bytes.length + 18);
    expect([packet.truncatedIn, packet.protocol, packet.l4Offset]).toEqual(['ipv6', -1, -1]);
    expect(summarisePacket(packet)).toBe('IP6 fd09:1::2 > fd09:1::1: extension header [|ipv6]');
  });

  it('ends a long chain of extension headers', () => {
    const packet = ipv6('00', `${'0000010400000000'.repeat(180)} 1100010400000000 ${UDP}`);
    expect(packet.dstPort).toBe(6000);
    expect(summarisePacket(packet).length).toBeLessThanOrEqual(200);
  });
});
