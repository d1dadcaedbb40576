/**
 * Saves what the memory ring still holds: the moment that nobody had foreseen. The facts go with it as they were then, each version before
 * the packets that it was true of.
 */
import { failure } from '../../base/errors.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { CaptureCore } from '../capture/capture-core.ts';
import type { PacketRing } from '../capture/packet-ring.ts';
import type { CaptureGap } from '../state/capture-state.ts';
import type { RingSelection, StoredPacket } from '../state/capture-view.ts';
import type { FlowRow } from '../state/flow-row.ts';
import type { HeldFacts } from './facts-history.ts';
import type { UsedPoint } from './live-saving.ts';
import { SessionWriter } from './session-writer.ts';

export interface RingSource {
  readonly core: CaptureCore;
  readonly points: readonly CapturePoint[];
  /** By point, oldest first. */
  readonly gaps: readonly (readonly CaptureGap[])[];
  readonly facts: (fromSec: number, toSec: number) => readonly HeldFacts[];
  readonly used: () => readonly UsedPoint[];
  readonly filter: string;
  readonly stamps: (point: number) => string;
}

/** How many packets are written before others have their turn: the capture goes on meanwhile. */
const PACKETS_A_TURN = 2_000;

/** Rejects where anything of it could not be saved. */
export const saveRing = async (
  path: string,
  source: RingSource,
  { lastMs = null, flows = null, only = null, transform = null }: RingSelection = {},
): Promise<number> => {
  const { ring } = source.core;
  if (ring === null) throw failure('this capture keeps no packets in memory', { hint: 'save from the beginning with -w FILE' });
  let trouble: string | null = null;
  const gaps = new GapWalk(source.gaps);
  const writer = await SessionWriter.open(path, {
    points: source.points,
    noteOf: (point, linkType) => ({ linkType, filter: source.filter, timeStampSource: source.stamps(point), gap: gaps.last(point) }),
    say: (severity, text) => {
      if (severity === 'error') trouble ??= text;
    },
    transform,
  });
  try {
    const end = ring.next;
    const first = firstWithin(ring, lastMs, end);
    const facts = new FactsWalk(writer, source.facts(timeOf(ring.get(first)), timeOf(ring.get(end - 1))));
    const flowsOf = new FlowChoice(source.core, only, flows);
    await writePackets(ring, first, end, (stored, flowId) => {
      if (!flowsOf.has(flowId)) return;
      const sec = timeOf(stored);
      facts.upTo(sec);
      for (const point of gaps.passed(sec)) writer.leave(point);
      write(writer, stored, flowId === null ? null : flowsOf.comment(flowId));
    });
    facts.upTo(Number.POSITIVE_INFINITY);
    writeStatistics(writer, source);
  } finally {
    await writer.close();
  }
  if (trouble !== null || writer.notSaved.packets > 0) throw failure(trouble ?? `${path}: not all could be saved`);
  return writer.packets;
};

const timeOf = (stored: StoredPacket | null): number => (stored === null ? 0 : stored.timeSec + stored.timeNsec / 1e9);

/** The oldest packet of the last `lastMs`, counted back from the newest one. */
const firstWithin = (ring: PacketRing, lastMs: number | null, end: number): number => {
  if (lastMs === null) return ring.oldest;
  const fromSec = timeOf(ring.get(end - 1)) - lastMs / 1000;
  let low = ring.oldest;
  let high = end;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (timeOf(ring.get(middle)) < fromSec) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** What is overwritten while this goes on has been passed already: the ring's oldest only moves forward. */
const writePackets = async (
  ring: PacketRing,
  first: number,
  end: number,
  take: (stored: StoredPacket, flowId: number | null) => void,
): Promise<void> => {
  for (let sequence = first; sequence < end; sequence++) {
    const stored = ring.get(sequence);
    if (stored !== null) take(stored, ring.tagOf(sequence));
    if ((sequence - first + 1) % PACKETS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
};

const write = (writer: SessionWriter, stored: StoredPacket, comment: string | null): void => {
  const { bytes, timeSec, timeNsec, interfaceId, linkType, originalLength } = stored;
  writer.prepare();
  writer.packet({ bytes, start: 0, end: bytes.length, timeSec, timeNsec, interfaceId, linkType, originalLength }, comment);
};

const writeStatistics = (writer: SessionWriter, { used }: RingSource): void => {
  const nowMs = Date.now();
  for (const { point, linkType, counts } of used())
    writer.statistics(point, linkType, counts, Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000);
};

/** Which flows are wanted, and the comment that each one's first packet gets. */
class FlowChoice {
  readonly #core: CaptureCore;
  readonly #only: ((row: FlowRow) => boolean) | null;
  readonly #ids: ReadonlySet<number> | null;
  readonly #known = new Map<number, boolean>();
  readonly #commented = new Set<number>();

  constructor(core: CaptureCore, only: ((row: FlowRow) => boolean) | null, ids: readonly number[] | null) {
    this.#core = core;
    this.#only = only;
    this.#ids = ids === null ? null : new Set(ids);
  }

  has(flowId: number | null): boolean {
    if (this.#only === null && this.#ids === null) return true;
    if (flowId === null) return false;
    const known = this.#known.get(flowId);
    if (known !== undefined) return known;
    // At several points a conversation is several flows, and one row.
    const row = this.#core.answers.rowOfFlow(flowId);
    const isNamed = this.#ids === null || this.#ids.has(flowId) || (row !== null && this.#ids.has(row.flow.id));
    const chosen = isNamed && (this.#only === null || (row !== null && this.#only(row)));
    this.#known.set(flowId, chosen);
    return chosen;
  }

  comment(flowId: number): string | null {
    if (this.#commented.has(flowId)) return null;
    this.#commented.add(flowId);
    return this.#core.answers.commentOf(flowId);
  }
}

/** Writes each version of the facts when its time has come. */
class FactsWalk {
  readonly #writer: SessionWriter;
  readonly #facts: readonly HeldFacts[];
  #next = 0;

  constructor(writer: SessionWriter, facts: readonly HeldFacts[]) {
    this.#writer = writer;
    this.#facts = facts;
  }

  upTo(sec: number): void {
    while (this.#next < this.#facts.length) {
      const facts = this.#facts[this.#next] as HeldFacts;
      // The first one holds from the beginning: nothing older is known.
      if (this.#next > 0 && facts.sinceSec > sec) return;
      this.#next++;
      const since = Math.floor(facts.sinceSec);
      this.#writer.snapshot(facts.document, since, Math.round((facts.sinceSec - since) * 1e9));
      this.#writer.names(facts.names);
    }
  }
}

/** Passes through the gaps of all points as the packets do. */
class GapWalk {
  readonly #gaps: readonly (readonly CaptureGap[])[];
  readonly #passed: number[];

  constructor(gaps: readonly (readonly CaptureGap[])[]) {
    this.#gaps = gaps;
    this.#passed = gaps.map(() => 0);
  }

  /** The points that came back since it was last asked, up to then. */
  passed(sec: number): readonly number[] {
    return this.#gaps.flatMap((gaps, point) => {
      const before = this.#passed[point] ?? 0;
      const now = gaps.filter(({ to }) => to <= sec).length;
      this.#passed[point] = now;
      return now > before ? [point] : [];
    });
  }

  last(point: number): CaptureGap | null {
    return this.#gaps[point]?.[(this.#passed[point] ?? 0) - 1] ?? null;
  }
}
