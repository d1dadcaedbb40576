/** Reads of packet bytes against the platform's DataView. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyBytes, join16, join48, u8, u16be, u16le, u32be, u32le, u48be } from '../../src/base/bytes.ts';

describe('reads', () => {
  it('agree with DataView at every offset, also above 2^31', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 16 }), fc.nat(8), (bytes, offset) => {
        const at = Math.min(offset, bytes.length - 6);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        expect(u8(bytes, at)).toBe(view.getUint8(at));
        expect(u16be(bytes, at)).toBe(view.getUint16(at));
        expect(u16le(bytes, at)).toBe(view.getUint16(at, true));
        expect(u32be(bytes, at)).toBe(view.getUint32(at));
        expect(u32le(bytes, at)).toBe(view.getUint32(at, true));
        const wide = view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
        expect(u48be(bytes, at)).toBe(wide);
        expect(join16(u16be(bytes, at), u16be(bytes, at + 2))).toBe(view.getUint32(at));
        expect(join48(u16be(bytes, at), u16be(bytes, at + 2), u16be(bytes, at + 4))).toBe(wide);
      }),
    );
  });
});

it('copies the bytes of a Buffer, too', () => {
  const bytes = Buffer.from([1, 2, 3, 4]);
  const copy = copyBytes(bytes, 1, 3);
  bytes[1] = 9;
  expect([...copy]).toEqual([2, 3]);
});
