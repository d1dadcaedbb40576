/** Names and moments of rotation: tcpdump(8) -C, -G, -W; dumpcap(1) -b. */
import { describe, expect, it } from 'vitest';
import { fileNames, type RotationCause, rotationCause, type TcpdumpRotation } from '../../../src/session/saving/rotation.ts';
import { strftime } from '../../../src/session/saving/strftime.ts';

const T0 = new Date(2026, 10, 21, 3, 14, 5).getTime();

const namesOf = (path: string, rotation: Parameters<typeof fileNames>[1], causes: readonly RotationCause[]): (string | null)[] => {
  const names = fileNames(path, rotation);
  return [names.first(T0), ...causes.map((cause, index) => names.next(cause, T0 + (index + 1) * 10_000)?.path ?? null)];
};
const tcpdump = (rotation: Partial<TcpdumpRotation>): TcpdumpRotation => ({
  kind: 'tcpdump',
  sizeBytes: null,
  seconds: null,
  count: null,
  ...rotation,
});

describe('files as tcpdump names them', () => {
  it('with -C: the first has no number', () => {
    expect(namesOf('x', tcpdump({ sizeBytes: 1 }), ['size', 'size'])).toEqual(['x', 'x1', 'x2']);
  });

  it.each([
    [3, ['x0', 'x1', 'x2', 'x0', 'x1']],
    [10, ['x0', 'x1', 'x2', 'x3', 'x4']],
    [11, ['x00', 'x01', 'x02', 'x03', 'x04']],
    [1, ['x', 'x', 'x', 'x', 'x']],
  ])('with -C and -W %i: a ring, with as many zeros as its last number needs', (count, expected) => {
    expect(namesOf('x', tcpdump({ sizeBytes: 1, count }), ['size', 'size', 'size', 'size'])).toEqual(expected);
  });

  it('with -G: the time of each in its name, or the same name again', () => {
    expect(namesOf('x-%H%M%S', tcpdump({ seconds: 10 }), ['time', 'time'])).toEqual(['x-031405', 'x-031415', 'x-031425']);
    expect(namesOf('x', tcpdump({ seconds: 10 }), ['time'])).toEqual(['x', 'x']);
  });

  it('with -G and -W: an end after so many', () => {
    expect(namesOf('x-%S', tcpdump({ seconds: 10, count: 2 }), ['time', 'time'])).toEqual(['x-05', 'x-15', null]);
    expect(fileNames('x', tcpdump({ seconds: 10, count: 1 })).isLast).toBe(true);
  });

  it('with -C and -G: a number that begins anew with each time', () => {
    const causes: RotationCause[] = ['size', 'size', 'time', 'size'];
    expect(namesOf('x-%S', tcpdump({ sizeBytes: 1, seconds: 10 }), causes)).toEqual(['x-05', 'x-051', 'x-052', 'x-35', 'x-351']);
  });

  it('with all three: -W only shapes the name', () => {
    const causes: RotationCause[] = ['size', 'size', 'time', 'time', 'time'];
    expect(namesOf('x', tcpdump({ sizeBytes: 1, seconds: 10, count: 2 }), causes)).toEqual(['x0', 'x1', 'x2', 'x0', 'x0', 'x0']);
  });

  it('goes on beyond the size, or with the second that makes the time full', () => {
    const progress = { bytes: 1000, packets: 3, sinceMs: T0 };
    expect(rotationCause(tcpdump({ sizeBytes: 1000 }), progress, T0)).toBeNull();
    expect(rotationCause(tcpdump({ sizeBytes: 999 }), progress, T0)).toBe('size');
    // A file is never left without a packet because what it begins with is large.
    expect(rotationCause(tcpdump({ sizeBytes: 999 }), { ...progress, packets: 0 }, T0)).toBeNull();
    expect(rotationCause(tcpdump({ seconds: 2 }), progress, T0 + 1_999)).toBeNull();
    expect(rotationCause(tcpdump({ seconds: 2 }), progress, T0 + 2_000)).toBe('time');
  });
});

describe('files as dumpcap names them', () => {
  const ring = { kind: 'dumpcap', durationMs: null, sizeBytes: 1000, packets: null, intervalSec: null, files: 2 } as const;

  it('have a number and a time before their suffix, and the oldest of a ring is removed', () => {
    const names = fileNames('dir.d/out.pcapng', ring);
    expect(names.first(T0)).toBe('dir.d/out_00001_20261121031405.pcapng');
    expect(names.next('size', T0 + 1000)).toEqual({ path: 'dir.d/out_00002_20261121031406.pcapng', removes: null });
    expect(names.next('size', T0 + 2000)).toEqual({
      path: 'dir.d/out_00003_20261121031407.pcapng',
      removes: 'dir.d/out_00001_20261121031405.pcapng',
    });
    expect(fileNames('dir.d/out', ring).first(T0)).toBe('dir.d/out_00001_20261121031405');
  });

  it('go on when any criterion is met', () => {
    const progress = { bytes: 999, packets: 3, sinceMs: T0 };
    expect(rotationCause(ring, progress, T0)).toBeNull();
    expect(rotationCause(ring, { ...progress, bytes: 1000 }, T0)).toBe('size');
    expect(rotationCause({ ...ring, packets: 3 }, progress, T0)).toBe('size');
    expect(rotationCause({ ...ring, durationMs: 500 }, progress, T0 + 499)).toBeNull();
    expect(rotationCause({ ...ring, durationMs: 500 }, progress, T0 + 500)).toBe('time');
    // Exact multiples of the interval: 03:14:05 to 03:14:10.
    expect(rotationCause({ ...ring, intervalSec: 10 }, progress, T0 + 4_999)).toBeNull();
    expect(rotationCause({ ...ring, intervalSec: 10 }, progress, T0 + 5_000)).toBe('time');
  });
});

describe('times in names', () => {
  it('are those of strftime in the C locale', () => {
    expect(strftime('%Y-%m-%d %H:%M:%S %y %j %a %A %b %B %e %I%p %F %T %R %u %w %C%%', new Date(T0))).toBe(
      '2026-11-21 03:14:05 26 325 Sat Saturday Nov November 21 03AM 2026-11-21 03:14:05 03:14 6 6 20%',
    );
    expect(strftime('%s', new Date(T0))).toBe(String(T0 / 1000));
  });

  it('that are not known are refused, by name', () => {
    expect(() => strftime('x-%Q', new Date(T0))).toThrow('%Q in a file name');
    expect(() => strftime('x-%', new Date(T0))).toThrow('% in a file name');
  });
});
