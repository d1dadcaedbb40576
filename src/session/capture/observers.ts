/** Who follows a capture: commands, and what saves selected flows. */
import type { Direction, Flow } from '../../flow/flow.ts';
import type { Packet } from '../../packet/packet.ts';
import type { SessionEvent } from '../state/capture-state.ts';
import type { CaptureObserver } from '../state/capture-view.ts';
import type { FlowRow } from '../state/flow-row.ts';

export class Observers {
  readonly #all = new Set<CaptureObserver>();
  #ofPackets = 0;

  /** Returns the way to stop. */
  add(observer: CaptureObserver): () => void {
    const asks = observer.packet === undefined ? 0 : 1;
    this.#all.add(observer);
    this.#ofPackets += asks;
    return () => {
      if (this.#all.delete(observer)) this.#ofPackets -= asks;
    };
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  /** Whether somebody asks for each packet. */
  get askForPackets(): boolean {
    return this.#ofPackets > 0;
  }

  packet(packet: Packet, flow: Flow, direction: Direction): void {
    for (const observer of this.#all) observer.packet?.(packet, flow, direction);
  }

  verdictChanged(row: FlowRow): void {
    for (const observer of this.#all) observer.verdictChanged?.(row);
  }

  flowJoined(flowId: number, rowId: number): void {
    for (const observer of this.#all) observer.flowJoined?.(flowId, rowId);
  }

  flowEnded(row: FlowRow): void {
    for (const observer of this.#all) observer.flowEnded?.(row);
  }

  event(event: SessionEvent): void {
    for (const observer of this.#all) observer.event?.(event);
  }
}
