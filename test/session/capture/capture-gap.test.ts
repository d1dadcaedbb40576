import { describe, expect, it } from 'vitest';
import { gapComment, parseGapComment } from '../../../src/session/capture/capture-gap.ts';

describe('the comment of an interface that continues another one', () => {
  it('reads as what it was written from', () => {
    const gap = { from: 1795230847.125, to: 1795230849.5 };
    expect(gapComment(3, gap)).toBe('continues interface 3; nothing captured from 1795230847.125000000 to 1795230849.500000000');
    expect(parseGapComment(gapComment(3, gap))).toEqual({ interfaceId: 3, gap });
    expect(parseGapComment(gapComment(0, null))).toEqual({ interfaceId: 0, gap: null });
  });

  it('is no other comment', () => {
    for (const text of [
      'time stamps: kernel',
      'continues interface',
      'continues interface 1; nothing captured from 1 to 2',
      'x continues interface 1',
    ])
      expect(parseGapComment(text)).toBeNull();
  });
});
