import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Packet } from '../../../src/packet/packet.ts';
import { PacketRing } from '../../../src/session/capture/packet-ring.ts';

const packetOf = (length: number, fill: number): Packet => {
  const packet = new Packet();
  packet.bytes = new Uint8Array(length + 4).fill(fill);
  packet.start = 2;
  packet.end = length + 2;
  packet.originalLength = length;
  packet.timeSec = fill;
  return packet;
};

describe('PacketRing', () => {
  it('gives back what was put in, newest kept, oldest overwritten, never a mixture', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 1, maxLength: 200 }), (lengths) => {
        const ring = new PacketRing({ bytes: 256, packets: 16 });
        lengths.forEach((length, index) => {
          expect(ring.add(packetOf(length, index & 255), -1, 0)).toBe(index);
          expect(ring.get(index)?.bytes).toEqual(new Uint8Array(length).fill(index & 255));
          for (let sequence = ring.oldest; sequence < ring.next; sequence++) {
            const kept = ring.get(sequence);
            expect(kept?.bytes).toEqual(new Uint8Array(lengths[sequence] as number).fill(sequence & 255));
          }
        });
        expect(ring.size).toBeLessThanOrEqual(16);
      }),
    );
  });

  it('keeps as many packets as there is room for', () => {
    const ring = new PacketRing({ bytes: 100, packets: 16 });
    for (let i = 0; i < 20; i++) ring.add(packetOf(10, i), -1, 0);
    expect(ring.size).toBe(10);
    expect(ring.get(9)).toBeNull();
    expect(ring.get(10)?.timeSec).toBe(10);
  });

  it('finds the last packets of a flow by their chain, oldest first, and stops where the ring has forgotten', () => {
    const ring = new PacketRing({ bytes: 100, packets: 16 });
    let last = -1;
    for (let i = 0; i < 30; i++) {
      const sequence = ring.add(packetOf(10, i), i % 3 === 0 ? last : -1, i % 3);
      if (i % 3 === 0) last = sequence;
    }
    expect(ring.chain(last, 10, 0).map((packet) => packet.timeSec)).toEqual([21, 24, 27]);
    expect(ring.chain(last, 2, 0).map((packet) => packet.timeSec)).toEqual([24, 27]);
  });
});
