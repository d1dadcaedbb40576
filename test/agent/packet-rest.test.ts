import { describe, expect, it } from 'vitest';
import { PacketRest } from '../../src/agent/engine/packet-rest.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How long it slept after each of `turns`, in every one of which `perTurn` packets came within 10 ms. */
const restsAt = async (perTurn: number, turns: number): Promise<number[]> => {
  const rests: number[] = [];
  const rest = new PacketRest((ms) => rests.push(ms));
  for (let at = 1; at <= turns; at++) {
    for (let packet = 0; packet < perTurn; packet++) rest.packet(at * 10 + (10 * packet) / perTurn);
    await turn();
  }
  return rests;
};

describe('rests of the capture engine', () => {
  it('never come while packets are few', async () => {
    expect(await restsAt(200, 5)).toEqual([]);
  });

  it('come once a turn on a busy interface, for some tens of packets', async () => {
    const rests = await restsAt(1_000, 5);
    expect(rests.length).toBe(4);
    for (const ms of rests) expect(ms * 100).toBeCloseTo(64, 0);
  });

  it('last a millisecond at most', async () => {
    const rests = await restsAt(400, 5);
    expect(rests.length).toBeGreaterThan(0);
    for (const ms of rests) expect(ms).toBe(1);
  });

  it('end when packets become few again', async () => {
    const rests: number[] = [];
    const rest = new PacketRest((ms) => rests.push(ms));
    for (let packet = 0; packet < 3_000; packet++) rest.packet(10 + packet / 100);
    await turn();
    expect(rests.length).toBe(1);
    rest.packet(60);
    await turn();
    rests.length = 0;
    for (const atMs of [80, 100]) {
      rest.packet(atMs);
      await turn();
    }
    expect(rests).toEqual([]);
  });
});
