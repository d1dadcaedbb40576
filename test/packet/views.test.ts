/** What people see of packets: lines, layers, hex dumps, names. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../src/base/ip-address.ts';
import { dstIp, srcIp } from '../../src/packet/addresses.ts';
import { hexDump } from '../../src/packet/hex.ts';
import { describeLayers } from '../../src/packet/layers.ts';
import type { Packet } from '../../src/packet/packet.ts';
import { portWords, protocolName, protocolNumber } from '../../src/packet/protocols.ts';
import { summarisePacket } from '../../src/packet/summary.ts';
import { captureNames, decode, fromHex, readCapture } from './fixtures.ts';

const SYN =
  '02420a090002 02420a090001 0800 4500003c 00074000 40060000 0a090102 0a090101 9c4001bb 00000007 00000000 a002faf0 12340000 020405b4 0402080a 00000001 00000000 01030307';

const page = (packet: Packet): string =>
  describeLayers(packet)
    .flatMap(({ name, fields, start, end }) => [`${name} [${start}-${end}]`, ...fields.map(({ label, value }) => `  ${label}: ${value}`)])
    .join('\n');

describe('describeLayers', () => {
  it('tells a SYN layer by layer', () => {
    expect(page(decode(fromHex(SYN)))).toMatchInlineSnapshot(`
      "Frame [0-74]
        length on the wire: 74 bytes
      Ethernet [0-14]
        source: 02:42:0a:09:00:01
        destination: 02:42:0a:09:00:02
        type: IPv4 (0x0800)
      IPv4 [14-34]
        source: 10.9.1.2
        destination: 10.9.1.1
        protocol: tcp (6)
        TTL: 64
        total length: 60
        header length: 20
        DSCP: 0, not ECN-capable (0x00)
        identification: 7 (0x0007)
        flags: don't fragment
        header checksum: 0x0000
      TCP [34-74]
        source port: 40000
        destination port: 443 (https)
        flags: SYN (0x02)
        sequence: 7
        acknowledgement: 0
        window: 64240 (scale offered: 7)
        header length: 40
        checksum: 0x1234
        option: mss 1460
        option: sackOK
        option: TS val 1 ecr 0
        option: wscale 7
        payload: 0 bytes"
    `);
  });

  it('tells a rejected segment with the packet that the error quotes', () => {
    const bytes = fromHex(
      '45c00058 f5ec0000 40010000 0a090101 0a090102 030d3d86 00000000 4500003c 698f4000 3f060000 0a090102 0a090202 b03e0052 98822ee2 00000000 a002faf0 17440000 020405b4 0402080a 418e3be0 00000000 0103030a',
    );
    expect(page(decode(bytes, 101))).toMatchInlineSnapshot(`
      "Frame [0-88]
        length on the wire: 88 bytes
      IPv4 [0-20]
        source: 10.9.1.1
        destination: 10.9.1.2
        protocol: icmp (1)
        TTL: 64
        total length: 88
        header length: 20
        DSCP: 48, not ECN-capable (0xc0)
        identification: 62956 (0xf5ec)
        flags: none
        header checksum: 0x0000
      ICMP [20-28]
        message: communication administratively prohibited
        type: 3
        code: 13
        checksum: 0x3d86
        quotes: 60 bytes of the packet it reports on
      quoted IPv4 [28-48]
        source: 10.9.1.2
        destination: 10.9.2.2
        protocol: tcp (6)
        TTL: 63
        total length: 60
        header length: 20
        DSCP: 0, not ECN-capable (0x00)
        identification: 27023 (0x698f)
        flags: don't fragment
        header checksum: 0x0000
      quoted TCP [48-88]
        source port: 45118
        destination port: 82
        flags: SYN (0x02)
        sequence: 2558668514
        acknowledgement: 0
        window: 64240 (scale offered: 10)
        header length: 40
        checksum: 0x1744
        option: mss 1460
        option: sackOK
        option: TS val 1099840480 ecr 0
        option: wscale 10
        payload: 0 bytes"
    `);
  });

  it('tells what was cut off and what is wrong', () => {
    const bytes = fromHex(SYN);
    expect(page(decode(bytes.subarray(0, 40), 1, 74))).toMatchInlineSnapshot(`
      "Frame [0-40]
        length on the wire: 74 bytes
        captured: 40 bytes
        cut off in: tcp
      Ethernet [0-14]
        source: 02:42:0a:09:00:01
        destination: 02:42:0a:09:00:02
        type: IPv4 (0x0800)
      IPv4 [14-34]
        source: 10.9.1.2
        destination: 10.9.1.1
        protocol: tcp (6)
        TTL: 64
        total length: 60
        header length: 20
        DSCP: 0, not ECN-capable (0x00)
        identification: 7 (0x0007)
        flags: don't fragment
        header checksum: 0x0000
      TCP [34-40]
        source port: 40000
        destination port: 443 (https)"
    `);
    expect(describeLayers(decode(fromHex('4400'.repeat(10)), 101))[0]?.fields).toContainEqual({
      label: 'malformed',
      value: 'IPv4 header length below 20 bytes',
    });
  });

  it.each(captureNames)('covers every byte of each packet of %s.pcap, Ethernet padding aside, once and in order', (name) => {
    const { linkType, frames } = readCapture(name);
    for (const frame of frames) {
      const packet = decode(frame, linkType);
      const [whole, ...layers] = describeLayers(packet);
      expect([whole?.start, whole?.end]).toEqual([0, frame.length]);
      let at = 0;
      for (const { start, end } of layers) {
        expect(start).toBe(at);
        expect(end).toBeGreaterThan(start);
        at = end;
      }
      const padding = frame.length - at;
      expect(padding === 0 || frame.length <= 60).toBe(true);
    }
  });
});

describe('summarisePacket', () => {
  it('cuts a line at 200 characters', () => {
    const label = `3f${'61'.repeat(63)}`;
    const dns = `0001 0100 0001 0000 0000 0000 ${label.repeat(3)} 00 0001 0001`;
    const length = fromHex(dns).length;
    const packet = decode(
      fromHex(
        `4500 ${(28 + length).toString(16).padStart(4, '0')} 0000 0000 40 11 0000 0a090102 0a090101 c184 0035 ${(8 + length).toString(16).padStart(4, '0')} 0000 ${dns}`,
      ),
      101,
    );
    const line = summarisePacket(packet);
    expect([line.length, line.endsWith('…')]).toEqual([200, true]);
  });

  it('is silent about a payload that was cut off, and tells a header that was', () => {
    const bytes = fromHex(SYN);
    expect(summarisePacket(decode(bytes, 1, bytes.length + 100))).not.toContain('|');
    expect(summarisePacket(decode(bytes.subarray(0, 60), 1, bytes.length))).toContain(' [|tcp]');
    expect(summarisePacket(decode(bytes.subarray(0, 30), 1, bytes.length))).toBe('IPv4, length 74 [|ipv4]');
    expect(summarisePacket(decode(bytes.subarray(0, 5), 1, bytes.length))).toBe('frame, length 74 [|ethernet]');
  });
});

describe('hexDump', () => {
  it('shows offset, bytes and ASCII, control characters as dots', () => {
    expect(hexDump(fromHex('4500001b5b33316d41424344454647487f80ff20'), 0, 20)).toEqual([
      '0000  45 00 00 1b 5b 33 31 6d  41 42 43 44 45 46 47 48  E...[31mABCDEFGH',
      '0010  7f 80 ff 20                                       ... ',
    ]);
  });

  it('counts from the start that was asked for, and stays inside the buffer', () => {
    expect(hexDump(fromHex('00014142'), 2, 99)).toEqual([`0000  41 42${' '.repeat(45)}AB`]);
    expect(hexDump(fromHex('0001'), 5, 9)).toEqual([]);
    expect(hexDump(new Uint8Array(0), 0, 0)).toEqual([]);
  });

  it('shows every byte, in plain ASCII', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const lines = hexDump(bytes, 0, bytes.length);
        expect(lines.map((line) => line.slice(6, 54).replace(/ /g, '')).join('')).toBe(Buffer.from(bytes).toString('hex'));
        for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]+$/);
      }),
    );
  });
});

describe('addresses', () => {
  const addresses = (packet: Packet): (string | null)[] => [srcIp(packet), dstIp(packet)].map((ip) => ip && formatIp(ip));

  it('are those of IP and of ARP', () => {
    expect(addresses(decode(fromHex(SYN)))).toEqual(['10.9.1.2', '10.9.1.1']);
    const arp = 'ffffffffffff 02420a090001 0806 0001 0800 06 04 0001 02420a090001 0a090102 000000000000 0a090101';
    expect(addresses(decode(fromHex(arp)))).toEqual(['10.9.1.2', '10.9.1.1']);
  });

  it('are null where there are none', () => {
    expect(addresses(decode(fromHex('02420a090002 02420a090001 88cc 00')))).toEqual([null, null]);
    expect(addresses(decode(fromHex(SYN).subarray(0, 30), 1, 74))).toEqual([null, null]);
    const otherArp = `ffffffffffff 02420a090001 0806 0020 0800 08 04 0001 ${'00'.repeat(24)}`;
    expect(addresses(decode(fromHex(otherArp)))).toEqual([null, null]);
  });

  it('outlive the packet that is used again', () => {
    const packet = decode(fromHex(SYN));
    const source = srcIp(packet);
    packet.srcA = 0;
    expect(source && formatIp(source)).toBe('10.9.1.2');
  });
});

describe('protocol names', () => {
  it('are read as they are written, for every number', () => {
    for (let number = 0; number < 256; number++) expect(protocolNumber(protocolName(number))).toBe(number);
  });

  it.each([
    ['tcp', 6],
    ['TCP', 6],
    ['icmpv6', 58],
    ['ipv6-icmp', 58],
    ['132', 132],
    ['256', null],
    ['', null],
    ['-1', null],
    ['constructor', null],
  ])('%s is %s', (name, number) => {
    expect(protocolNumber(name)).toBe(number);
  });

  it('stand beside well-known ports', () => {
    expect([portWords(443), portWords(40000)]).toEqual(['443 (https)', '40000']);
  });
});
