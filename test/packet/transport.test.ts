/** TCP, UDP, SCTP and VXLAN: options, lengths that lie, headers cut short, frames carried. */
import { describe, expect, it } from 'vitest';
import { describeLayers } from '../../src/packet/layers.ts';
import { INNER_NONE, INNER_VXLAN, TH_ACK, TH_PUSH, TH_SYN } from '../../src/packet/packet.ts';
import { summarisePacket } from '../../src/packet/summary.ts';
import { tcpFlagLetters, tcpFlagNames } from '../../src/packet/tcp.ts';
import { decode, fromHex } from './fixtures.ts';

const ip = (protocol: string, rest: string) => {
  const length = 20 + fromHex(rest).length;
  return fromHex(`4500 ${length.toString(16).padStart(4, '0')} 0007 0000 40 ${protocol} 0000 0a090102 0a090101 ${rest}`);
};
const over = (protocol: string, rest: string) => decode(ip(protocol, rest), 101);

describe('TCP', () => {
  // IP 10.9.1.2.40000 > 10.9.1.1.443: Flags [S], seq 4294967280, win 65535, options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 10], length 0
  const SYN = '9c4001bb fffffff0 80000001 a002ffff 12340000 020405b4 0402080a 00000001 00000000 0103030a';

  it('gives ports, numbers and the options of a SYN', () => {
    const packet = over('06', SYN);
    expect([packet.srcPort, packet.dstPort, packet.tcpFlags, packet.tcpSeq, packet.tcpWindow]).toEqual([
      40000,
      443,
      TH_SYN,
      0xfffffff0,
      65535,
    ]);
    expect([packet.tcpMss, packet.tcpWindowScale, packet.tcpSackPermitted, packet.tcpTsVal, packet.tcpTsEcr]).toEqual([
      1460,
      10,
      true,
      1,
      0,
    ]);
    expect([packet.payloadOffset, packet.payloadLength]).toEqual([60, 0]);
  });

  it.each([
    ['the usual layout', '0101080a f0000001 f0000002'],
    ['another layout', '080a f0000001 f0000002 0000'],
  ])('reads timestamps in %s', (_, options) => {
    const packet = over('06', `9c4001bb 00000001 80000001 8018ffff 12340000 ${options} 68656c6c6f`);
    expect([packet.tcpFlags, packet.tcpTsVal, packet.tcpTsEcr, packet.payloadLength]).toEqual([
      TH_PUSH | TH_ACK,
      0xf0000001,
      0xf0000002,
      5,
    ]);
  });

  it('ends the sequence range beyond 2^32 where it wraps', () => {
    const packet = over('06', `9c4001bb fffffff0 80000001 5018ffff 12340000 ${'61'.repeat(32)}`);
    expect(summarisePacket(packet)).toContain('seq 4294967280:16, ack 2147483649');
  });

  it.each([
    ['a length of zero', '02000000'],
    ['a length of one', '05010000'],
    ['a length beyond the header', '02090000'],
    ['no length at all', '01010102'],
  ])('an option with %s ends the options, and is malformed', (_, option) => {
    const packet = over('06', `9c4001bb 00000001 00000000 6002ffff 12340000 ${option} 6869`);
    expect([packet.malformed, packet.payloadLength, packet.dstPort]).toEqual(['TCP option with a wrong length', 2, 443]);
  });

  it('an option of the right kind and the wrong length is not read', () => {
    const packet = over('06', '9c4001bb 00000001 00000000 7002ffff 12340000 020605b40000 0000');
    expect([packet.tcpMss, packet.malformed]).toEqual([-1, '']);
    expect(summarisePacket(packet)).toContain('options [unknown-2,eol]');
  });

  it.each([
    ['a data offset below 20', '4002', 'TCP data offset below 20 bytes'],
    ['a data offset beyond the packet', 'f002', 'TCP options cut short'],
  ])('%s is malformed', (_, offset, problem) => {
    const packet = over('06', `9c4001bb 00000001 00000000 ${offset}ffff 12340000`);
    expect([packet.malformed, packet.dstPort, packet.tcpFlags, packet.payloadOffset]).toEqual([problem, 443, TH_SYN, -1]);
  });

  it.each([
    [3, -1, -1, 0],
    [4, 40000, 443, 0],
    [7, 40000, 443, 0],
    [8, 40000, 443, 0x11000007],
    [19, 40000, 443, 0x11000007],
  ])('cut after %i bytes gives as much as there is', (length, srcPort, dstPort, seq) => {
    const bytes = ip('06', '9c4001bb 11000007 00000000 5002ffff 12340000');
    const packet = decode(bytes.subarray(0, 20 + length), 101, bytes.length);
    expect([packet.srcPort, packet.dstPort, packet.tcpSeq, packet.tcpFlags]).toEqual([srcPort, dstPort, seq, -1]);
    expect([packet.truncatedIn, packet.malformed]).toEqual(['tcp', '']);
    expect(summarisePacket(packet).includes('seq 285212679')).toBe(length >= 8);
    expect(
      describeLayers(packet)
        .at(-1)
        ?.fields.some(({ label }) => label === 'sequence'),
    ).toBe(length >= 8);
  });

  it('writes flags in letters and in names', () => {
    expect([0x02, 0x12, 0x18, 0x14, 0x11, 0xff, 0].map(tcpFlagLetters)).toEqual(['S', 'S.', 'P.', 'R.', 'F.', 'FSRP.UEW', 'none']);
    expect([0x02, 0x12, 0xc2, 0].map(tcpFlagNames)).toEqual(['SYN', 'SYN,ACK', 'SYN,ECE,CWR', 'none']);
  });
});

describe('UDP', () => {
  // IP 10.9.1.2.5000 > 10.9.1.1.6000: UDP, length 4
  it('gives ports and payload', () => {
    const packet = over('11', '13881770 000c0000 74657374');
    expect([packet.srcPort, packet.dstPort, packet.payloadOffset, packet.payloadLength]).toEqual([5000, 6000, 28, 4]);
    expect(summarisePacket(packet)).toBe('IP 10.9.1.2.5000 > 10.9.1.1.6000: UDP, length 4');
  });

  it('of a jumbogram has the length of its packet', () => {
    const packet = decode(fromHex(`60000000 000c 11 40 ${'fd090001000000000000000000000002'.repeat(2)} 13881770 00000000 74657374`), 101);
    expect([packet.payloadLength, packet.malformed]).toEqual([4, '']);
    expect(summarisePacket(packet)).toContain('UDP, length 4');
  });

  it('ends at its own length, not at that of IP', () => {
    expect(over('11', '13881770 00090000 74657374').payloadLength).toBe(1);
  });

  it.each([
    ['a length below its header', '0007', 'UDP length below 8 bytes'],
    ['a length of zero in IPv4', '0000', 'UDP length below 8 bytes'],
    ['a length beyond the packet', '0040', 'UDP length goes beyond the IP packet'],
  ])('%s is malformed, and the ports stand', (_, length, problem) => {
    const packet = over('11', `13881770 ${length}0000 74657374`);
    expect([packet.malformed, packet.dstPort]).toEqual([problem, 6000]);
  });

  it('cut behind its ports gives them', () => {
    const bytes = ip('11', '13881770 000c0000 74657374');
    const packet = decode(bytes.subarray(0, 25), 101, bytes.length);
    expect([packet.dstPort, packet.truncatedIn, packet.payloadOffset]).toEqual([6000, 'udp', -1]);
    expect(summarisePacket(packet)).toBe('IP 10.9.1.2.5000 > 10.9.1.1.6000: udp [|udp]');
  });

  it('cut in its payload says how much is missing', () => {
    const bytes = ip('11', '13881770 000c0000 74657374');
    const packet = decode(bytes.subarray(0, 30), 101, bytes.length);
    expect([packet.truncatedIn, packet.payloadLength, packet.payloadCaptured]).toEqual(['payload', 4, 2]);
  });
});

describe('SCTP', () => {
  // IP 10.9.1.2.2905 > 10.9.1.1.2906: sctp (1) [COOKIE ECHO] , (2) [SACK] [cum ack 0] [a_rwnd 0] [#gap acks 0] [#dup tsns 0]
  it('gives ports and names its chunks, which are padded to four bytes', () => {
    const packet = over('84', `0b590b5a 00000000 00000099 0a00000a 636f6f6b6965 0000 03000014 ${'00'.repeat(16)}`);
    expect([packet.srcPort, packet.dstPort, packet.payloadLength]).toEqual([2905, 2906, 32]);
    expect(summarisePacket(packet)).toBe('IP 10.9.1.2.2905 > 10.9.1.1.2906: sctp (1) [COOKIE ECHO] (2) [SACK]');
  });

  it('stops at a chunk whose length cannot be, and after a few of many', () => {
    expect(summarisePacket(over('84', '0b590b5a 00000000 00000099 63000000 00000014'))).toContain('sctp (1) [chunk 99]');
    expect(summarisePacket(over('84', `0b590b5a 00000000 00000099 ${'0b000004'.repeat(300)}`))).toMatch(/\(8\) \[COOKIE ACK\]$/);
  });
});

describe('VXLAN', () => {
  const ARP = 'ffffffffffff 66 52 a9 8b 7f 0f 0806 0001 0800 06 04 0001 6652a98b7f0f 0a092a02 000000000000 0a092a01';
  const carried = (port: string, flags: string, frame: string) => {
    const length = 16 + fromHex(frame).length;
    return ip('11', `8a35 ${port} ${length.toString(16).padStart(4, '0')} 0000 ${flags}000000 00002a00 ${frame}`);
  };

  it.each([
    ['the assigned port', '12b5'],
    ["Linux' older port", '2118'],
  ])('on %s opens the frame inside', (_, port) => {
    const packet = decode(carried(port, '08', ARP), 101);
    expect([packet.innerKind, packet.vni, packet.inner?.arpOp]).toEqual([INNER_VXLAN, 42, 1]);
    expect(summarisePacket(packet)).toContain(': VXLAN vni 42: ARP, Request who-has 10.9.42.1 tell 10.9.42.2, length 28');
    expect(describeLayers(packet).map(({ name }) => name)).toEqual(['Frame', 'IPv4', 'UDP', 'VXLAN', 'carried Ethernet', 'carried ARP']);
  });

  it('without a valid network identifier, or from the port instead of to it, is plain UDP', () => {
    expect(decode(carried('12b5', '00', ARP), 101).innerKind).toBe(INNER_NONE);
    expect(over('11', `12b5 8a35 0018 0000 08000000 00002a00 ${'00'.repeat(8)}`).innerKind).toBe(INNER_NONE);
  });

  it('says of a carried frame that was cut off where', () => {
    const bytes = carried('12b5', '08', ARP);
    const packet = decode(bytes.subarray(0, bytes.length - 10), 101, bytes.length);
    expect([packet.truncatedIn, packet.inner?.truncatedIn]).toEqual(['payload', 'arp']);
  });

  it('in VXLAN in VXLAN in VXLAN is opened three deep and no deeper', () => {
    const wrap = (frame: string): string => `02420a090002 02420a090001 0800 ${Buffer.from(carried('12b5', '08', frame)).toString('hex')}`;
    const packet = decode(fromHex(wrap(wrap(wrap(wrap(wrap(ARP)))))), 1);
    const third = packet.inner?.inner?.inner;
    expect([packet.inner?.vni, third?.vni, third?.innerKind]).toEqual([42, 42, INNER_NONE]);
    expect(third?.dstPort).toBe(4789);
  });
});
