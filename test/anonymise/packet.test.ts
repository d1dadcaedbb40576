/** Packets: every address exchanged, checksums as right or wrong as before, nothing kept of what is carried. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAnonymiser } from '../../src/anonymise/anonymiser.ts';
import { rewriteFrame } from '../../src/anonymise/frame.ts';
import { Maps } from '../../src/anonymise/maps.ts';
import { type IpAddress, ipv4 } from '../../src/base/ip-address.ts';
import { dstIp, srcIp } from '../../src/packet/addresses.ts';
import { decodePacket } from '../../src/packet/decode.ts';
import { INNER_NONE, L3_ARP, L3_IPV4, L3_IPV6, LINKTYPE_ETHERNET, Packet } from '../../src/packet/packet.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { checksumsOf } from './checksums.ts';
import { KEY } from './sameness.ts';

interface Frame {
  readonly bytes: Uint8Array;
  readonly linkType: number;
  readonly originalLength: number;
}

const framesOf = (path: string): readonly Frame[] => {
  const reader = new CaptureReader();
  reader.push(readFileSync(path));
  reader.end();
  const frames: Frame[] = [];
  for (let event = reader.next(); event !== null; event = reader.next()) {
    if (event.kind !== 'packet') continue;
    const { bytes, start, end, linkType, originalLength } = event.packet;
    frames.push({ bytes: bytes.slice(start, end), linkType, originalLength });
  }
  return frames;
};

const decoded = ({ bytes, linkType, originalLength }: Frame): Packet => {
  const packet = new Packet();
  decodePacket(packet, bytes, 0, bytes.length, originalLength, linkType);
  return packet;
};

const PCAPS = ['cooked', 'cooked2', 'crafted', 'ethernet', 'loop', 'null', 'raw', 'raw-ipv4', 'raw-ipv6'].map(
  (name) => `test/fixtures/packet/${name}.pcap`,
);
const SAMPLES = ['isolation-drop-20.10', 'masquerade-28.5', 'published-port-26.1'].map((name) => `captures/samples/${name}.pcapng`);

const headers = (packet: Packet, maps: Maps | null): unknown => {
  const address = (ip: IpAddress | null): IpAddress | null => (maps === null || ip === null ? ip : maps.addresses.ip(ip));
  const mac = (value: number): number => (maps === null || value < 0 ? value : maps.addresses.mac(value));
  const { l3 } = packet;
  const isIp = l3 === L3_IPV4 || l3 === L3_IPV6;
  return {
    l3,
    macs: [mac(packet.srcMac), mac(packet.dstMac)],
    vlans: [packet.vlanCount, packet.vlanOuter, packet.vlanInner],
    ...(isIp
      ? { src: address(srcIp(packet)), dst: address(dstIp(packet)), protocol: packet.protocol, ttl: packet.ttl, id: packet.ipId }
      : {}),
    ports: [packet.srcPort, packet.dstPort],
    tcp: [packet.tcpFlags, packet.tcpSeq, packet.tcpAck],
    icmp: [packet.icmpType, packet.icmpCode],
    payloadLength: packet.payloadLength,
    arp: l3 === L3_ARP ? [mac(packet.arpSenderMac), mac(packet.arpTargetMac)] : null,
    inner: packet.innerKind !== INNER_NONE && packet.inner !== null ? headers(packet.inner, maps) : null,
  };
};

describe.each([...PCAPS, ...SAMPLES])('%s', (path) => {
  const frames = framesOf(path);

  it('decodes to the same headers with other addresses', () => {
    expect(frames.length).toBeGreaterThan(0);
    const maps = new Maps(KEY);
    for (const frame of frames) {
      const before = decoded(frame);
      if (before.malformed !== '') continue;
      const { bytes, end } = rewriteFrame(frame.bytes, frame.linkType, maps);
      const after = decoded({ ...frame, bytes: bytes.subarray(0, end) });
      expect(after.malformed).toBe('');
      expect(headers(after, null)).toEqual(headers(before, maps));
    }
  });

  it('has checksums as right or wrong as before', () => {
    const maps = new Maps(KEY);
    for (const frame of frames) {
      const before = checksumsOf(decoded(frame));
      const { bytes } = rewriteFrame(frame.bytes, frame.linkType, maps);
      expect(checksumsOf(decoded({ ...frame, bytes }))).toEqual(before);
    }
  });
});

describe('a packet', () => {
  it('never grows, never throws, and leaves its original alone, whatever its bytes', () => {
    const anonymiser = createAnonymiser(KEY);
    const samples = PCAPS.flatMap(framesOf);
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        fc.nat(),
        (pick, changes, cut) => {
          const frame = samples[pick % samples.length] as Frame;
          const bytes = frame.bytes.slice(0, 1 + (cut % frame.bytes.length));
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const copy = bytes.slice();
          const written = anonymiser.packet(bytes, frame.linkType);
          expect(written.length).toBeLessThanOrEqual(bytes.length);
          expect(bytes).toEqual(copy);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('of an unknown link type keeps nothing', () => {
    expect(createAnonymiser(KEY).packet(Uint8Array.of(1, 2, 3, 4), 147).length).toBe(0);
  });

  it('keeps nothing of what TCP carries', () => {
    const secret = new TextEncoder().encode('GET /secret HTTP/1.1\r\nHost: shop.example\r\n\r\n');
    const frame = tcpFrame(secret);
    const written = createAnonymiser(KEY).packet(frame, LINKTYPE_ETHERNET);
    expect(written.length).toBe(14 + 20 + 20);
  });

  it('of DNS keeps its form, with names and addresses exchanged for the ones that are used elsewhere', () => {
    const maps = new Maps(KEY);
    const label = (text: string): number[] => [text.length, ...new TextEncoder().encode(text)];
    const question = [...label('web1'), ...label('shop'), ...label('local'), 0, 0, 1, 0, 1];
    const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 172, 17, 0, 2];
    const message = Uint8Array.from([0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, ...question, ...answer]);
    const frame = udpFrame(53, 40_000, message);
    const { bytes, end } = rewriteFrame(frame, LINKTYPE_ETHERNET, maps);
    expect(end).toBe(frame.length);
    const text = String.fromCharCode(...bytes.subarray(42));
    expect(text).toContain(`\x04${maps.names.name('web1')}\x04${maps.names.name('shop')}\x05local`);
    expect([...bytes.subarray(end - 4)]).toEqual([24, 16, 8, 0].map((shift) => (maps.addresses.ipv4(0xac11_0002) >>> shift) & 255));
    expect(text).not.toContain('web1');
  });
});

const ipFrame = (protocol: number, body: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(14 + 20 + body.length);
  frame.set([
    0x02,
    0x42,
    172,
    17,
    0,
    3,
    0x02,
    0x42,
    172,
    17,
    0,
    2,
    8,
    0,
    0x45,
    0,
    0,
    0,
    0,
    1,
    0,
    0,
    64,
    protocol,
    0,
    0,
    172,
    17,
    0,
    2,
    172,
    17,
    0,
    3,
  ]);
  frame[16] = (20 + body.length) >>> 8;
  frame[17] = (20 + body.length) & 255;
  frame.set(body, 34);
  return frame;
};

const tcpFrame = (payload: Uint8Array): Uint8Array => {
  const body = new Uint8Array(20 + payload.length);
  body.set([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff]);
  body.set(payload, 20);
  return ipFrame(6, body);
};

const udpFrame = (from: number, to: number, payload: Uint8Array): Uint8Array => {
  const body = new Uint8Array(8 + payload.length);
  body.set([from >>> 8, from & 255, to >>> 8, to & 255, 0, 8 + payload.length, 0x12, 0x34]);
  body.set(payload, 8);
  return ipFrame(17, body);
};

it('an address of the facts stays the same in packets', () => {
  const anonymiser = createAnonymiser(KEY);
  const written = anonymiser.packet(tcpFrame(new Uint8Array(0)), LINKTYPE_ETHERNET);
  const after = decoded({ bytes: written, linkType: LINKTYPE_ETHERNET, originalLength: written.length });
  expect(srcIp(after)).toEqual(new Maps(KEY).addresses.ip(ipv4(0xac11_0002)));
});
