/** Reads a whole capture, in pieces of the test's choice, into plain values that can be compared. */
import { CaptureReader, type ReaderEvent } from '../../src/pcap/reader.ts';

export interface PlainPacket {
  readonly kind: 'packet';
  readonly data: readonly number[];
  readonly originalLength: number;
  readonly time: string;
  readonly interfaceId: number;
  readonly section: number;
  readonly linkType: number;
  readonly flags: number;
  readonly dropCount: number;
  readonly offset: number;
  readonly comments: readonly string[];
}

type WithoutBlock<Event> = Event extends unknown ? Omit<Event, 'block'> : never;

/** Without the events' own blocks: what passes those on has tests of its own. */
export type PlainEvent = PlainPacket | WithoutBlock<Exclude<ReaderEvent, { kind: 'packet' }>>;

const plain = (event: ReaderEvent): PlainEvent => {
  if (event.kind !== 'packet') {
    const { block: _block, ...rest } = { block: null, ...event };
    return rest;
  }
  const { packet } = event;
  return {
    kind: 'packet',
    data: Array.from(packet.bytes.subarray(packet.start, packet.end)),
    originalLength: packet.originalLength,
    time: packet.timed ? `${packet.timeSec}.${String(packet.timeNsec).padStart(9, '0')}` : 'none',
    interfaceId: packet.interfaceId,
    section: packet.section,
    linkType: packet.linkType,
    flags: packet.flags,
    dropCount: packet.dropCount,
    offset: packet.offset,
    comments: [...packet.comments],
  };
};

/**
 * Pushes the bytes cut at the given places; after each chunk its memory is overwritten, as a reused read buffer would be. `plainFirst`: what
 * `nextPlain` takes is taken from it.
 */
export const eventsOf = (bytes: Uint8Array, cuts: readonly number[] = [], plainFirst = false): PlainEvent[] => {
  const reader = new CaptureReader();
  const events: PlainEvent[] = [];
  const drain = (): void => {
    for (;;) {
      while (plainFirst && reader.nextPlain()) events.push(plain({ kind: 'packet', packet: reader.packet }));
      const event = reader.next();
      if (event === null) return;
      events.push(plain(event));
    }
  };
  const places = [...new Set(cuts.map((cut) => Math.min(cut, bytes.length)))].sort((x, y) => x - y);
  let from = 0;
  for (const place of [...places, bytes.length]) {
    // A Buffer, as streams of Node give them.
    const chunk = Buffer.from(bytes.subarray(from, place));
    reader.push(chunk);
    drain();
    chunk.fill(0xee);
    from = place;
  }
  reader.end();
  drain();
  return events;
};

export const packetsOf = (events: readonly PlainEvent[]): PlainPacket[] => events.filter((event) => event.kind === 'packet');

export const problemsOf = (events: readonly PlainEvent[]): string[] =>
  events.filter((event) => event.kind === 'problem').map((event) => `${event.offset}: ${event.message}`);

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};
