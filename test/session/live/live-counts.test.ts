/** Losses of several engines, or of one engine's sections, put together: what one of them does not know, the sum does not know. */
import { describe, expect, it } from 'vitest';
import { total } from '../../../src/session/live/live-point.ts';

const lost = (...counts: (number | null)[]): number | null => total(counts, (count) => count);

describe('the sum of what was lost', () => {
  it('is known where each part is', () => {
    expect(lost(0)).toBe(0);
    expect(lost(3, 0, 4)).toBe(7);
  });

  it('is unknown where one part is, wherever it stands, and where there is none', () => {
    expect([lost(null, 5), lost(5, null), lost(1, null, 2), lost(null, null, 3), lost()]).toEqual([null, null, null, null, null]);
  });
});
