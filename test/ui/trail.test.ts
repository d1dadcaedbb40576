/** Where a packet was last seen, in the column of the flows and in the table of the path screen, as narrow as they may be. */
import { describe, expect, it } from 'vitest';
import type { FlowRow } from '../../src/session/state/flow-row.ts';
import type { DirectionTrail } from '../../src/session/state/flow-verdict.ts';
import type { Place } from '../../src/trail/places.ts';
import type { Trail, TrailStop } from '../../src/trail/trail.ts';
import { flowColumns } from '../../src/ui/flow-columns.ts';
import { trailSection } from '../../src/ui/trail-section.ts';
import { numberedRow } from './fixtures/flows.ts';

const place = (device: string, netns: string | null, words: string): Place => ({
  id: netns === null ? device : `${netns}/${device}`,
  netns,
  device,
  words,
  isExpected: true,
  between: netns === null ? 'routing and FORWARD' : '',
});

const stop = (at: Place): TrailStop => ({
  place: at,
  sight: 'seen',
  reason: null,
  packets: 4,
  first: { sec: 100, nsec: 0 },
  afterNs: 30_000,
  hop: { count: 4, meanNs: 12_000, minNs: 1_000, maxNs: 44_000 },
  stages: [],
});

const INSIDE = place('eth0', '4026', 'eth0 in web2');
const UPLINK = place('eth0', null, 'eth0 (uplink)');

const directionAt = (...places: readonly Place[]): DirectionTrail => {
  const trail: Trail = {
    stops: places.map(stop),
    lastSeen: places.length - 1,
    nextExpected: -1,
    agrees: null,
    kind: null,
    recognised: 4,
    ambiguous: 0,
  };
  return { trail, words: null };
};

describe('the column LAST SEEN', () => {
  const column = flowColumns('standard', 100, true).find(({ title }) => title === 'LAST SEEN');
  const textAt = (at: Place, width: number): string | undefined => {
    const row: FlowRow = { ...numberedRow(1), trail: { there: directionAt(at), reply: null, stamps: 'kernel' } };
    return column?.text(row, width);
  };

  it("tells a container's eth0 from the host's", () => {
    expect(textAt(INSIDE, 18)).toBe('eth0 in web2');
    expect(textAt(UPLINK, 18)).toBe('eth0');
  });

  it('keeps the container where there is no room for both', () => {
    expect(textAt(INSIDE, 10)).toBe('in web2');
  });
});

describe('the table of a trail', () => {
  const lastLine = (columns: number, at = 2): string => {
    const line = trailSection(directionAt(INSIDE, UPLINK), columns)[at] ?? [];
    return line.map((span) => (typeof span === 'string' ? span : span[0])).join('');
  };

  it('says how long the hop took at least and at most where there is room', () => {
    expect(lastLine(140)).toMatch(/4 packets, hop \+12 µs \(\+1 µs to \+44 µs\) · behind routing and FORWARD$/);
  });

  it('leaves that out before it cuts off what lies between the places', () => {
    expect(lastLine(100)).toMatch(/4 packets, hop \+12 µs · behind routing and FORWARD$/);
  });

  it('gives that a line of its own where there is no room for it', () => {
    expect(lastLine(72)).toMatch(/4 packets, hop \+12 µs$/);
    expect(lastLine(72, 3)).toBe('      behind routing and FORWARD');
  });
});
