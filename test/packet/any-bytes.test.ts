/** What holds for every frame, good, cut short or hostile: nothing throws, nothing points outside, nothing is left of the frame before. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '../../src/base/printable.ts';
import { decodePacket } from '../../src/packet/decode.ts';
import { dnsOf } from '../../src/packet/dns-view.ts';
import { hexDump } from '../../src/packet/hex.ts';
import { describeLayers } from '../../src/packet/layers.ts';
import { INNER_NONE, Packet } from '../../src/packet/packet.ts';
import { summarisePacket } from '../../src/packet/summary.ts';
import { captureNames, chain, decode, readCapture } from './fixtures.ts';

const LINK_TYPES = [0, 1, 101, 108, 113, 228, 229, 276, 147];

const recorded = captureNames.flatMap((name) => {
  const { linkType, frames } = readCapture(name);
  return frames.map((frame) => ({ linkType, frame }));
});

const expectSane = (packet: Packet): void => {
  for (const layer of chain(packet)) {
    const { start, end } = layer;
    expect(start).toBeLessThanOrEqual(end);
    expect(end).toBeLessThanOrEqual(layer.bytes.length);
    expect(layer.originalLength).toBeGreaterThanOrEqual(end - start);
    for (const offset of [layer.l3Offset, layer.l4Offset, layer.payloadOffset]) {
      if (offset === -1) continue;
      expect(offset).toBeGreaterThanOrEqual(start);
      expect(offset).toBeLessThanOrEqual(end);
    }
    expect(layer.payloadCaptured).toBeLessThanOrEqual(layer.payloadLength);
    if (layer.payloadOffset >= 0) expect(layer.payloadOffset + layer.payloadCaptured).toBeLessThanOrEqual(end);
    if (layer.payloadOffset < 0) expect(layer.payloadCaptured).toBe(0);
  }
  expect(chain(packet).length).toBeLessThanOrEqual(4);
  const line = summarisePacket(packet);
  expect(line.length).toBeGreaterThan(0);
  expect(line.length).toBeLessThanOrEqual(200);
  expect(printable(line)).toBe(line);
  for (const view of describeLayers(packet)) {
    expect(view.start).toBeGreaterThanOrEqual(packet.start);
    expect(view.end).toBeGreaterThanOrEqual(view.start);
    expect(view.end).toBeLessThanOrEqual(packet.end);
    for (const { value } of view.fields) expect(printable(value)).toBe(value);
  }
  dnsOf(packet);
  hexDump(packet.bytes, packet.start, packet.end);
};

/** All decoded fields, without the buffer and without an inner packet that is not valid. */
const fieldsOf = (packet: Packet): unknown => {
  const { bytes: _bytes, inner, timeSec: _sec, timeNsec: _nsec, ...fields } = packet;
  return { ...fields, inner: packet.innerKind === INNER_NONE || inner === null ? null : fieldsOf(inner) };
};

/** A recorded frame with a few of its bytes overwritten: it gets past the first checks, which random bytes seldom do. */
const damagedFrame = fc
  .record({
    index: fc.nat(recorded.length - 1),
    changes: fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 6 }),
    cut: fc.option(fc.nat(200), { freq: 3 }),
  })
  .map(({ index, changes, cut }) => {
    const { linkType, frame } = recorded[index] ?? { linkType: 1, frame: new Uint8Array(0) };
    const bytes = Uint8Array.from(frame);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return { linkType, bytes: bytes.subarray(0, cut ?? bytes.length), originalLength: bytes.length };
  });

describe('any bytes', () => {
  it('decode to something sane under every link type', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...LINK_TYPES), fc.nat(300), (bytes, linkType, originalLength) => {
        expectSane(decode(bytes, linkType, originalLength));
      }),
      { numRuns: 2000 },
    );
  });

  it('decode to something sane when a real frame is damaged', () => {
    fc.assert(
      fc.property(damagedFrame, ({ linkType, bytes, originalLength }) => expectSane(decode(bytes, linkType, originalLength))),
      { numRuns: 4000 },
    );
  });

  it('decode alike into a fresh Packet and into one that held another frame', () => {
    const used = new Packet();
    fc.assert(
      fc.property(damagedFrame, damagedFrame, (before, after) => {
        decodePacket(used, before.bytes, 0, before.bytes.length, before.originalLength, before.linkType);
        decodePacket(used, after.bytes, 0, after.bytes.length, after.originalLength, after.linkType);
        expect(fieldsOf(used)).toEqual(fieldsOf(decode(after.bytes, after.linkType, after.originalLength)));
      }),
      { numRuns: 2000 },
    );
  });

  it('decode alike wherever they lie in a larger buffer, and never look beyond their end', () => {
    fc.assert(
      fc.property(damagedFrame, fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (frame, before, behind) => {
        const buffer = new Uint8Array([...before, ...frame.bytes, ...behind]);
        const packet = new Packet();
        const start = before.length;
        decodePacket(packet, buffer, start, start + frame.bytes.length, frame.originalLength, frame.linkType);
        const alone = decode(frame.bytes, frame.linkType, frame.originalLength);
        expect(summarisePacket(packet)).toBe(summarisePacket(alone));
        expect(describeLayers(packet).map(({ name, fields }) => ({ name, fields }))).toEqual(
          describeLayers(alone).map(({ name, fields }) => ({ name, fields })),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('survive bounds that lie outside their buffer', () => {
    const packet = new Packet();
    for (const [start, end] of [
      [0, 10],
      [9, 3],
      [7, 7],
    ] as const) {
      decodePacket(packet, new Uint8Array(5), start, end, 60, 1);
      expectSane(packet);
    }
  });
});

describe('a recorded packet cut at any length', () => {
  it.each(captureNames)('of %s.pcap is told to be truncated, and is never called malformed', (name) => {
    const { linkType, frames } = readCapture(name);
    for (const frame of frames) {
      const whole = decode(frame, linkType);
      expect(whole.truncatedIn).toBe('');
      expect(whole.malformed).toBe('');
      for (let length = 0; length < frame.length; length++) {
        const packet = decode(frame.subarray(0, length), linkType, frame.length);
        expect(packet.truncatedIn).not.toBe('');
        expect(packet.malformed).toBe('');
        if (length % 7 === 0) expectSane(packet);
      }
    }
  });

  it.each(captureNames)('of %s.pcap keeps what was read of the layers before the cut', (name) => {
    const { linkType, frames } = readCapture(name);
    for (const frame of frames) {
      const whole = decode(frame, linkType);
      for (let length = 0; length < Math.min(frame.length, 120); length++) {
        const packet = decode(frame.subarray(0, length), linkType, frame.length);
        if (packet.l3Offset >= 0) {
          expect([packet.l3, packet.etherType, packet.srcA, packet.dstA, packet.ttl]).toEqual([
            whole.l3,
            whole.etherType,
            packet.arpOp >= 0 && packet.arpSenderMac < 0 ? 0 : whole.srcA,
            packet.arpOp >= 0 && packet.arpSenderMac < 0 ? 0 : whole.dstA,
            whole.ttl,
          ]);
        }
        if (packet.srcPort >= 0)
          expect([packet.srcPort, packet.dstPort, packet.protocol]).toEqual([whole.srcPort, whole.dstPort, whole.protocol]);
        if (packet.payloadOffset >= 0)
          expect([packet.payloadOffset, packet.payloadLength]).toEqual([whole.payloadOffset, whole.payloadLength]);
      }
    }
  });
});
