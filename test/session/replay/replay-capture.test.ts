/** A saved session with a cursor: at each moment it shows what reading up to that moment shows, however the cursor came there. */
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileCapture } from '../../../src/session/files/file-capture.ts';
import { HostStore } from '../../../src/session/host-store.ts';
import { type Reading, ReplayCapture } from '../../../src/session/replay/replay-capture.ts';
import { Pace } from '../../../src/session/replay/replay-pace.ts';
import { RuleHits } from '../../../src/session/rules/rule-hits.ts';
import type { CaptureView } from '../../../src/session/state/capture-view.ts';
import type { RuleCounting } from '../../../src/session/state/rule-counting.ts';

const path = (name: string): string => fileURLToPath(new URL(`../../../captures/samples/${name}.pcapng`, import.meta.url));

const opener = (name: string): ((pace: Pace) => Reading) => {
  const store = new HostStore(false);
  return (pace) => {
    store.rewind();
    const capture = new FileCapture({
      path: path(name),
      store,
      hasOwnFacts: false,
      filter: '',
      packetFilter: null,
      keepPackets: true,
      packetLimit: null,
      pace,
    });
    return { capture, rules: new RuleHits(store, capture, false) };
  };
};

const shown = (view: CaptureView, rules: RuleCounting): unknown => {
  const { rows } = view.flows({ sort: 'first', descending: false, search: '', offset: 0, limit: 100 });
  return {
    packets: view.getState().packets,
    rules: rules.uses(),
    rows: rows.map(({ flow, state, outcome, by }) => [flow.id, ...flow.packets, state, outcome, by]),
  };
};

/** The file read up to a moment, by itself. */
const readUpTo = async (name: string, atSec: number): Promise<unknown> => {
  const pace = new Pace(atSec);
  const { capture, rules } = opener(name)(pace);
  await Promise.race([pace.reached(), capture.finished]);
  const seen = shown(capture, rules);
  pace.free();
  await capture.stop();
  return seen;
};

const opened = async (name: string): Promise<ReplayCapture> => {
  const replay = new ReplayCapture(opener(name));
  await replay.finished;
  await expect.poll(() => replay.span, { timeout: 15_000 }).not.toBeNull();
  return replay;
};

const goTo = async (replay: ReplayCapture, atSec: number): Promise<void> => {
  replay.seek(atSec);
  const { startSec, endSec } = replay.span as NonNullable<ReplayCapture['span']>;
  const wanted = Math.max(startSec, Math.min(endSec, atSec));
  await expect.poll(() => replay.position.atSec, { timeout: 15_000, interval: 2 }).toBe(wanted);
};

describe('the cursor of a saved session', () => {
  it.each(['isolation-drop-28.5', 'published-port-26.1'])('shows each moment as reading up to it does: %s', async (name) => {
    const replay = await opened(name);
    const { startSec, endSec } = replay.span as NonNullable<ReplayCapture['span']>;
    const whole = shown(replay, replay.rules);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 4 }), async (shares) => {
        const moments = shares.map((share) => startSec + share * (endSec - startSec));
        for (const moment of moments) await goTo(replay, moment);
        expect(shown(replay, replay.rules)).toEqual(await readUpTo(name, moments.at(-1) as number));
      }),
      { numRuns: 8 },
    );
    await goTo(replay, endSec);
    expect(shown(replay, replay.rules)).toEqual(whole);
    await replay.stop();
  });

  it('goes from packet to packet, and to what was dropped', async () => {
    const replay = await opened('isolation-drop-28.5');
    const { startSec } = replay.span as NonNullable<ReplayCapture['span']>;
    await goTo(replay, startSec);
    expect(replay.getState().packets).toBe(1);
    expect(replay.jump('packet', 1)).toBe(true);
    await expect.poll(() => replay.getState().packets, { timeout: 15_000 }).toBe(2);
    expect(replay.jump('drop', 1)).toBe(true);
    await expect.poll(() => replay.getState().packets, { timeout: 15_000 }).toBe(3);
    const { rows } = replay.flows({ sort: 'first', descending: false, search: '', offset: 0, limit: 9 });
    expect(rows.at(-1)).toMatchObject({ outcome: 'DROP', flow: { packets: [1, 0] } });
    expect(replay.jump('drop', -1)).toBe(false);
    expect(replay.jump('packet', -1)).toBe(false);
    await replay.stop();
  });

  it('plays to the end at its speed, and pauses there', async () => {
    const replay = await opened('isolation-drop-28.5');
    for (let i = 0; i < 10; i++) replay.setSpeed(1);
    expect(replay.position).toMatchObject({ isAtEnd: true, isPlaying: false, speed: 3600 });
    replay.toggle();
    expect(replay.position.isPlaying).toBe(true);
    await expect.poll(() => replay.position, { timeout: 15_000 }).toMatchObject({ isAtEnd: true, isPlaying: false });
    expect(replay.getState().packets).toBe(25);
    await replay.stop();
  });

  it('counts every packet in some column of its bar, and marks what was dropped', async () => {
    const replay = await opened('isolation-drop-28.5');
    for (const count of [1, 40, 98]) {
      const columns = replay.columns(count);
      expect(columns).toHaveLength(count);
      expect(columns.reduce((sum, { packets }) => sum + packets, 0)).toBe(25);
      expect(columns.some(({ isDropped }) => isDropped)).toBe(true);
    }
    await replay.stop();
  });

  it('is closed while it is waiting', async () => {
    const replay = await opened('isolation-drop-28.5');
    const { startSec } = replay.span as NonNullable<ReplayCapture['span']>;
    await goTo(replay, startSec + 1);
    replay.seek(startSec);
    await replay.stop();
    expect(replay.position.isPlaying).toBe(false);
  });
});
