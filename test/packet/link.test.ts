/** Link layers: Ethernet with its tags and 802.3 frames, Linux cooked captures, BSD loopback, bare IP. */
import { describe, expect, it } from 'vitest';
import { formatMac } from '../../src/base/ip-address.ts';
import { describeLayers } from '../../src/packet/layers.ts';
import { L3_ARP, L3_IPV4, L3_IPV6, L3_NONE, L3_OTHER } from '../../src/packet/packet.ts';
import { summarisePacket } from '../../src/packet/summary.ts';
import { decode, fromHex } from './fixtures.ts';

const MACS = '02420a090002 02420a090001';
const IPV4_UDP = '45000020 00070000 40112450 0a090102 0a090101 13881770 000c0000 74657374';
const IPV6_UDP = '60000000 000c1140 fd090001000000000000000000000002 fd090001000000000000000000000001 13881770 000c0000 74657374';

describe('Ethernet', () => {
  it('gives both addresses and the type', () => {
    const packet = decode(fromHex(`${MACS} 0800 ${IPV4_UDP}`));
    expect([formatMac(packet.dstMac), formatMac(packet.srcMac), packet.etherType, packet.l3]).toEqual([
      '02:42:0a:09:00:02',
      '02:42:0a:09:00:01',
      0x0800,
      L3_IPV4,
    ]);
    expect(packet.vlanCount).toBe(0);
  });

  it('does not take padding behind the IP packet for payload', () => {
    const packet = decode(fromHex(`${MACS} 0800 ${IPV4_UDP} 000000000000 000000000000`));
    expect([packet.payloadLength, packet.payloadCaptured, packet.truncatedIn, packet.malformed]).toEqual([4, 4, '', '']);
  });

  it('tells a frame whose padding alone was cut off', () => {
    const bytes = fromHex(`${MACS} 0800 ${IPV4_UDP}`);
    expect(decode(bytes, 1, bytes.length + 14).truncatedIn).toBe('trailer');
  });

  it('keeps a frame of another type as bytes', () => {
    const packet = decode(fromHex(`${MACS} 88cc 0207`));
    expect([packet.l3, packet.etherType, packet.payloadLength]).toEqual([L3_OTHER, 0x88cc, 2]);
    expect(summarisePacket(packet)).toBe('LLDP, length 2');
    expect(summarisePacket(decode(fromHex(`${MACS} 1234 00`)))).toBe('ethertype 0x1234, length 1');
  });

  it('reads an 802.3 length as no type, and spanning tree by its service access point', () => {
    // STP 802.1d, Config, length 35, and eight bytes of padding
    const packet = decode(fromHex(`0180c2000000 02420a090001 0026 424203 ${'00'.repeat(43)}`));
    expect([packet.etherType, packet.l3, packet.payloadLength]).toEqual([-1, L3_OTHER, 38]);
    expect(summarisePacket(packet)).toBe('STP, length 38');
  });

  it('follows SNAP to the type behind it', () => {
    const packet = decode(fromHex(`${MACS} 0028 aaaa03 000000 0800 ${IPV4_UDP}`));
    expect([packet.etherType, packet.l3, packet.dstPort]).toEqual([0x0800, L3_IPV4, 6000]);
  });

  it.each([
    ['an empty frame', '', 'ethernet'],
    ['half a header', '02420a090002 0242', 'ethernet'],
    ['a header whose tag is gone', `${MACS} 8100 00`, 'vlan'],
  ])('names the layer in which %s was cut', (_, hex, layer) => {
    const packet = decode(fromHex(hex), 1, 64);
    expect([packet.truncatedIn, packet.malformed, packet.l3]).toEqual([layer, '', L3_NONE]);
  });

  it('calls a frame that was sent too short malformed', () => {
    expect(decode(fromHex('02420a090002 0242')).malformed).toBe('Ethernet header cut short');
    expect(decode(fromHex(`${MACS} 8100 00`)).malformed).toBe('802.1Q tag cut short');
  });
});

describe('VLAN tags', () => {
  it.each([
    ['802.1Q', `8100 600a`, [1, 10, -1]],
    ['802.1ad with 802.1Q', '88a8 0014 8100 0015', [2, 20, 21]],
    ['the pre-standard 0x9100', '9100 2005 8100 0006', [2, 5, 6]],
    ['three', '88a8 0001 8100 0002 8100 0003', [3, 1, 2]],
    ['the highest id with all priority bits', '8100 ffff', [1, 4095, -1]],
  ])('%s: ids without the priority bits, outer first', (_, tags, expected) => {
    const packet = decode(fromHex(`${MACS} ${tags} 0800 ${IPV4_UDP}`));
    expect([packet.vlanCount, packet.vlanOuter, packet.vlanInner]).toEqual(expected);
    expect([packet.etherType, packet.dstPort]).toEqual([0x0800, 6000]);
  });

  it('stand before the line and as layers of their own', () => {
    const packet = decode(fromHex(`${MACS} 88a8 6014 8100 1015 0800 ${IPV4_UDP}`));
    expect(summarisePacket(packet)).toBe('vlan 20.21, IP 10.9.1.2.5000 > 10.9.1.1.6000: UDP, length 4');
    expect(describeLayers(packet).map(({ name }) => name)).toEqual(['Frame', 'Ethernet', '802.1ad', '802.1Q', 'IPv4', 'UDP', 'payload']);
    expect(describeLayers(packet)[2]?.fields).toEqual([
      { label: 'VLAN', value: '20' },
      { label: 'priority', value: '3' },
      { label: 'drop eligible', value: 'no' },
      { label: 'type', value: '802.1Q (0x8100)' },
    ]);
    expect(describeLayers(packet)[3]?.fields).toContainEqual({ label: 'drop eligible', value: 'yes' });
  });
});

describe('Linux cooked captures', () => {
  it('v1 gives the direction and the sender', () => {
    const packet = decode(fromHex(`0004 0001 0006 02420a0900010000 0800 ${IPV4_UDP}`), 113);
    expect([packet.cookedType, packet.cookedIfindex, formatMac(packet.srcMac), packet.dstMac]).toEqual([4, -1, '02:42:0a:09:00:01', -1]);
    expect(summarisePacket(packet)).toBe('Out IP 10.9.1.2.5000 > 10.9.1.1.6000: UDP, length 4');
  });

  // eth0 In IP 10.9.1.2.5000 > 10.9.1.1.6000: UDP, length 4
  it('v2 gives the interface too', () => {
    const packet = decode(fromHex(`0800 0000 00000002 0001 00 06 02420a0900010000 ${IPV4_UDP}`), 276);
    expect([packet.cookedType, packet.cookedIfindex, packet.dstPort]).toEqual([0, 2, 6000]);
    expect(describeLayers(packet)[1]?.fields).toEqual([
      { label: 'direction', value: 'to us' },
      { label: 'interface index', value: '2' },
      { label: 'hardware type', value: '1' },
      { label: 'source', value: '02:42:0a:09:00:01' },
      { label: 'type', value: 'IPv4 (0x0800)' },
    ]);
  });

  it('a sender without a six-byte address has none', () => {
    expect(decode(fromHex(`0000 0304 0000 0000000000000000 0800 ${IPV4_UDP}`), 113).srcMac).toBe(-1);
  });

  it('a tag behind the header is read', () => {
    expect(decode(fromHex(`0000 0001 0006 02420a0900010000 8100 0007 0800 ${IPV4_UDP}`), 113).vlanOuter).toBe(7);
  });

  it.each([
    ['netlink, whose protocol is no EtherType', '0004 0338 0000 0000000000000000 0800', -1],
    ['802.2', '0000 0001 0006 02420a0900010000 0004', -1],
  ])('%s is kept as bytes', (_, header, etherType) => {
    const packet = decode(fromHex(`${header} 424203 0000`), 113);
    expect([packet.l3, packet.etherType, packet.payloadLength]).toEqual([L3_OTHER, etherType, 5]);
  });
});

describe('loopback and bare IP', () => {
  it.each([
    ['NULL, little-endian IPv4', 0, `02000000 ${IPV4_UDP}`, L3_IPV4],
    ['NULL, big-endian IPv4', 0, `00000002 ${IPV4_UDP}`, L3_IPV4],
    ['NULL, IPv6 of Linux', 0, `0a000000 ${IPV6_UDP}`, L3_IPV6],
    ['NULL, IPv6 of macOS', 0, `1e000000 ${IPV6_UDP}`, L3_IPV6],
    ['NULL, IPv6 of FreeBSD, big-endian', 0, `0000001c ${IPV6_UDP}`, L3_IPV6],
    ['LOOP IPv4', 108, `00000002 ${IPV4_UDP}`, L3_IPV4],
    ['LOOP IPv6', 108, `00000018 ${IPV6_UDP}`, L3_IPV6],
    ['RAW IPv4', 101, IPV4_UDP, L3_IPV4],
    ['RAW IPv6', 101, IPV6_UDP, L3_IPV6],
    ['IPV4', 228, IPV4_UDP, L3_IPV4],
    ['IPV6', 229, IPV6_UDP, L3_IPV6],
  ])('%s', (_, linkType, hex, l3) => {
    const packet = decode(fromHex(hex), linkType);
    expect([packet.l3, packet.dstPort, packet.payloadLength, packet.malformed]).toEqual([l3, 6000, 4, '']);
  });

  it('an unknown family is kept as bytes', () => {
    expect(decode(fromHex('07000000 0102'), 0).l3).toBe(L3_OTHER);
  });

  it('a bare packet that is neither IPv4 nor IPv6 is malformed', () => {
    expect(decode(fromHex('5500'), 101).malformed).toBe('IP packet of an unknown version');
  });

  it('IPv4 under the link type of IPv6 is malformed', () => {
    expect(decode(fromHex(`${IPV4_UDP} ${'00'.repeat(20)}`), 229).malformed).toBe('IPv6 header with another version number');
  });

  it('a link type without a decoder is said by its number', () => {
    expect(summarisePacket(decode(fromHex('0102'), 195))).toBe('link type 195, length 2');
  });
});

describe('ARP', () => {
  const request = (sender: string, target: string, targetMac = '000000000000'): string =>
    `ffffffffffff 02420a090001 0806 0001 0800 06 04 0001 02420a090001 ${sender} ${targetMac} ${target}`;

  // ARP, Request who-has 10.9.1.1 tell 10.9.1.2, length 28
  it('a request asks for an address', () => {
    const packet = decode(fromHex(request('0a090102', '0a090101')));
    expect([packet.l3, packet.arpOp, formatMac(packet.arpSenderMac), packet.arpTargetMac]).toEqual([L3_ARP, 1, '02:42:0a:09:00:01', 0]);
    expect(summarisePacket(packet)).toBe('ARP, Request who-has 10.9.1.1 tell 10.9.1.2, length 28');
  });

  it('tells probes and announcements (RFC 5227) and requests for one host from others', () => {
    expect(summarisePacket(decode(fromHex(request('00000000', '0a090105'))))).toBe('ARP, Probe 10.9.1.5, length 28');
    expect(summarisePacket(decode(fromHex(request('0a090105', '0a090105'))))).toBe('ARP, Announcement 10.9.1.5, length 28');
    expect(summarisePacket(decode(fromHex(request('0a090102', '0a090101', '02420a090009'))))).toBe(
      'ARP, Request who-has 10.9.1.1 (02:42:0a:09:00:09) tell 10.9.1.2, length 28',
    );
  });

  it('a reply says where it is', () => {
    const reply = fromHex(`${MACS} 0806 0001 0800 06 04 0002 02420a090001 0a090101 02420a090002 0a090102`);
    expect(summarisePacket(decode(reply))).toBe('ARP, Reply 10.9.1.1 is-at 02:42:0a:09:00:01, length 28');
    expect(describeLayers(decode(reply)).at(-1)?.fields).toContainEqual({ label: 'sender', value: '10.9.1.1 at 02:42:0a:09:00:01' });
  });

  it('of other hardware keeps the operation, without addresses', () => {
    const packet = decode(fromHex(`${MACS} 0806 0020 0800 08 04 0001 ${'00'.repeat(24)}`));
    expect([packet.arpOp, packet.arpSenderMac, packet.malformed]).toEqual([1, -1, '']);
    expect(summarisePacket(packet)).toBe('ARP, Request, length 32');
  });

  it('cut in its addresses keeps the operation', () => {
    const packet = decode(fromHex(request('0a090102', '0a090101')).subarray(0, 30), 1, 42);
    expect([packet.arpOp, packet.arpSenderMac, packet.truncatedIn]).toEqual([1, -1, 'arp']);
  });
});
