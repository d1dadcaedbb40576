/** The notes beside all flows of a capture that are still known, by their flows' ids. */
import type { Direction, Flow } from '../../flow/flow.ts';
import type { Packet } from '../../packet/packet.ts';
import { type FlowNote, HeadStore, isRow, noteOf, replaceHead } from './flow-note.ts';

export class FlowNotes {
  readonly #notes = new Map<number, FlowNote>();
  readonly #heads = new HeadStore();

  get size(): number {
    return this.#notes.size;
  }

  get(flowId: number): FlowNote | undefined {
    return this.#notes.get(flowId);
  }

  has(flowId: number): boolean {
    return this.#notes.has(flowId);
  }

  all(): Iterable<FlowNote> {
    return this.#notes.values();
  }

  /** Those that are shown: of a conversation that was seen at several points, one. */
  *rows(): Iterable<FlowNote> {
    for (const note of this.#notes.values()) if (isRow(note)) yield note;
  }

  isRow(flowId: number): boolean {
    const note = this.#notes.get(flowId);
    return note !== undefined && isRow(note);
  }

  /** Whose verdict is asked for: a tunnel's packets are judged, not what is inside. */
  deciding(flowId: number): FlowNote | null {
    const note = this.#notes.get(flowId) ?? null;
    const tunnel = note?.flow.tunnel ?? null;
    return tunnel === null ? note : (this.#notes.get(tunnel.flowId) ?? null);
  }

  /** The flow has begun with this packet. */
  begin(flow: Flow, packet: Packet, direction: Direction): FlowNote {
    const note = noteOf(flow, packet, direction, this.#heads);
    this.#notes.set(flow.id, note);
    return note;
  }

  /** The packet that the verdict is to be about has come after all. */
  replaceHead(note: FlowNote, packet: Packet, direction: Direction): void {
    replaceHead(note, packet, direction, this.#heads);
  }

  forget(flowId: number): void {
    this.#notes.delete(flowId);
  }
}
