/**
 * Lets only the packets of some flows into a saved session. Which flows is known with their verdicts: until then a flow's first packets
 * wait, and those behind them, so that all stay in their order. Nothing waits without a bound.
 */
import { copyBytes } from '../../base/bytes.ts';
import type { Flow } from '../../flow/flow.ts';
import type { CaptureObserver } from '../state/capture-view.ts';
import type { FlowRow } from '../state/flow-row.ts';
import type { PacketSink, SavedPacket } from './packet-sink.ts';

/** Beyond either, the oldest that waits is decided by what is known of its flow by then. */
const MAX_WAITING_PACKETS = 20_000;
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** What the selection asks of the capture. */
export interface SelectionSource {
  rowOfFlow(flowId: number): FlowRow | null;
  commentOf(flowId: number): string | null;
  /** Whether its first verdict is still to come. */
  isUndecided(flowId: number): boolean;
}

interface Waiting {
  readonly packet: SavedPacket;
  readonly comment: string | null;
  readonly flow: Flow;
}

export class SelectedSink implements PacketSink {
  /** To be told of verdicts and ends. */
  readonly observer: CaptureObserver = {
    verdictChanged: (row) => this.#verdictChanged(row),
    flowEnded: (row) => this.#flowEnded(row),
  };
  readonly #inner: PacketSink;
  readonly #only: (row: FlowRow) => boolean;
  readonly #source: SelectionSource;
  readonly #chosen = new Map<number, boolean>();
  /** By flow: the section in which it has had a comment. */
  readonly #sections = new Map<number, number>();
  #waiting: Waiting[] = [];
  #waitingBytes = 0;

  constructor(inner: PacketSink, only: (row: FlowRow) => boolean, source: SelectionSource) {
    this.#inner = inner;
    this.#only = only;
    this.#source = source;
  }

  /** Sections begin with packets that are chosen: comments are seen to when one is. */
  prepare(): number {
    return 1;
  }

  packet(packet: SavedPacket, comment: string | null, flow: Flow | null): void {
    // Whether it is one of those that are wanted, nobody has looked.
    if (flow === null) return;
    if (this.#waiting.length === 0 && this.#isKnown(flow.id)) {
      this.#pass(packet, comment, flow);
      return;
    }
    const bytes = copyBytes(packet.bytes, packet.start, packet.end);
    const { timeSec, timeNsec, interfaceId, linkType, originalLength } = packet;
    const copy = { bytes, start: 0, end: bytes.length, timeSec, timeNsec, interfaceId, linkType, originalLength };
    this.#waiting.push({ packet: copy, comment, flow });
    this.#waitingBytes += bytes.length;
    this.#passKnown();
  }

  /** No more packets will come: what waits is decided now. */
  finish(): void {
    for (const { packet, comment, flow } of this.#waiting.splice(0)) this.#pass(packet, comment, flow);
    this.#waitingBytes = 0;
  }

  #verdictChanged(row: FlowRow): void {
    this.#chosen.set(row.flow.id, this.#only(row));
    this.#passKnown();
  }

  #flowEnded({ flow }: FlowRow): void {
    this.#passKnown();
    this.#chosen.delete(flow.id);
    this.#sections.delete(flow.id);
  }

  #isKnown(flowId: number): boolean {
    return this.#chosen.has(flowId) || !this.#source.isUndecided(flowId);
  }

  #passKnown(): void {
    const waiting = this.#waiting;
    let done = 0;
    for (; done < waiting.length; done++) {
      const { packet, comment, flow } = waiting[done] as Waiting;
      const isFull = waiting.length - done > MAX_WAITING_PACKETS || this.#waitingBytes > MAX_WAITING_BYTES;
      if (!isFull && !this.#isKnown(flow.id)) break;
      this.#waitingBytes -= packet.end;
      this.#pass(packet, comment, flow);
    }
    if (done > 0) this.#waiting = waiting.slice(done);
  }

  #pass(packet: SavedPacket, comment: string | null, flow: Flow): void {
    if (!this.#isChosen(flow.id)) return;
    const section = this.#inner.prepare();
    const isNew = this.#sections.get(flow.id) !== section;
    if (isNew) this.#sections.set(flow.id, section);
    this.#inner.packet(packet, comment ?? (isNew ? this.#source.commentOf(flow.id) : null), flow);
  }

  #isChosen(flowId: number): boolean {
    const known = this.#chosen.get(flowId);
    if (known !== undefined) return known;
    const row = this.#source.rowOfFlow(flowId);
    const chosen = row !== null && this.#only(row);
    // Without a verdict it may yet be another one.
    if (!this.#source.isUndecided(flowId)) this.#chosen.set(flowId, chosen);
    return chosen;
  }
}
