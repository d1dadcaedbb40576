/** Which packets get into a session that is for some flows only, and in which order. */
import { describe, expect, it } from 'vitest';
import type { Flow } from '../../../src/flow/flow.ts';
import type { PacketSink, SavedPacket } from '../../../src/session/saving/packet-sink.ts';
import { SelectedSink } from '../../../src/session/saving/selected-sink.ts';
import type { FlowRow } from '../../../src/session/state/flow-row.ts';

const flowOf = (id: number): Flow => ({ id }) as Flow;
const rowOf = (id: number, outcome: string): FlowRow => ({ flow: flowOf(id), outcome }) as FlowRow;
const packetOf = (byte: number): SavedPacket => ({
  bytes: Uint8Array.of(byte),
  start: 0,
  end: 1,
  timeSec: byte,
  timeNsec: 0,
  interfaceId: 0,
  linkType: 1,
  originalLength: 1,
});

/** A capture whose verdicts come when the test says so. */
class World implements PacketSink {
  section = 1;
  readonly written: string[] = [];
  readonly outcomes = new Map<number, string>();
  readonly sink = new SelectedSink(this, (row) => row.outcome === 'DROP', {
    rowOfFlow: (id) => rowOf(id, this.outcomes.get(id) ?? ''),
    commentOf: (id) => `${this.outcomes.get(id)}`,
    isUndecided: (id) => !this.outcomes.has(id),
  });

  prepare(): number {
    return this.section;
  }

  packet({ bytes }: SavedPacket, comment: string | null): void {
    this.written.push(`${bytes[0]}${comment === null ? '' : ` ${comment}`}`);
  }

  take(flow: number, byte: number): void {
    const packet = packetOf(byte);
    this.sink.packet(packet, null, flowOf(flow));
    // The reader uses its buffer again.
    packet.bytes.fill(0xee);
  }

  decide(flow: number, outcome: string): void {
    this.outcomes.set(flow, outcome);
    this.sink.observer.verdictChanged?.(rowOf(flow, outcome));
  }
}

describe('a session of some flows', () => {
  it('keeps packets back until the verdict of their flow is known, and keeps their order', () => {
    const world = new World();
    world.take(1, 10);
    world.decide(2, 'DROP');
    world.take(2, 20);
    world.take(1, 11);
    expect(world.written).toEqual([]);
    world.decide(1, 'DROP');
    expect(world.written).toEqual(['10 DROP', '20 DROP', '11']);
  });

  it('leaves out flows that are not chosen, and takes them in from where their verdict changes', () => {
    const world = new World();
    world.decide(1, 'ACCEPT');
    world.take(1, 10);
    world.decide(1, 'DROP');
    world.take(1, 11);
    expect(world.written).toEqual(['11 DROP']);
  });

  it('gives the first packet of a flow in each section its verdict', () => {
    const world = new World();
    world.decide(1, 'DROP');
    world.take(1, 10);
    world.take(1, 11);
    world.section = 2;
    world.take(1, 12);
    expect(world.written).toEqual(['10 DROP', '11', '12 DROP']);
  });

  it('keeps no more back than it has room for, and nothing at the end', () => {
    const world = new World();
    world.decide(2, 'DROP');
    world.take(1, 1);
    for (let i = 0; i < 20_010; i++) world.take(2, 2);
    expect(world.written.length).toBeGreaterThan(0);
    const before = world.written.length;
    world.take(1, 3);
    world.take(2, 4);
    world.sink.finish();
    expect(world.written.length).toBe(before + 1);
  });
});
