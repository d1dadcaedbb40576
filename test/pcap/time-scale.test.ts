/** Stamps as seconds and nanoseconds: both ways of splitting them say the same, at the ends of seconds and of words too. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeScale } from '../../src/pcap/time-scale.ts';

const split = (stamp: bigint, exponent: number): string => {
  const units = 10n ** BigInt(exponent);
  return `${stamp / units}.${String(((stamp % units) * 1_000_000_000n) / units).padStart(9, '0')}`;
};

const NEAR = [0n, 1n, 999_999n, 1_000_000n, 999_999_999n, 1_000_000_000n, 0xffff_ffffn, 0x1_0000_0000n, 0x1_ffff_ffffn, -1n];

describe('a stamp', () => {
  it('is split alike whether or not its second is the one before', () => {
    // Whole seconds of more than 53 bits are no time.
    const stamps = fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 50n }), fc.array(fc.constantFrom(...NEAR), { maxLength: 20, size: 'max' }));
    let known = 0;
    fc.assert(
      fc.property(stamps, fc.constantFrom(0, 6, 9), fc.constantFrom(0n, 0xffff_ff00n, 0x8000_0000n), ([start, steps], exponent, low) => {
        const scale = new TimeScale(10, exponent, 0);
        const out = { timeSec: 0, timeNsec: 0 };
        const base = (((start << (exponent === 0 ? 0n : 11n)) >> 32n) << 32n) | low;
        for (const step of steps) {
          const stamp = base + step < 0n ? 0n : base + step;
          const words = [Number(stamp >> 32n), Number(stamp & 0xffff_ffffn)] as const;
          if (scale.splitKnown(words[0] | 0, words[1] | 0, out)) known++;
          else scale.split(...words, out);
          expect(`${out.timeSec}.${String(out.timeNsec).padStart(9, '0')}`).toBe(split(stamp, exponent));
        }
      }),
      { numRuns: 400 },
    );
    expect(known).toBeGreaterThan(500);
  });
});
