/**
 * Flows of a capture with several points that may still turn out to be stages of one conversation: nobody is told of them until then.
 * docs/decisions/0010-trails.md.
 */
import type { Direction } from '../../flow/flow.ts';
import type { Packet } from '../../packet/packet.ts';
import type { FlowNote } from './flow-note.ts';
import type { TrailKeeper } from './trail-keeper.ts';

/** So long at least a flow may turn out to be a stage of another: on a busy machine the engines' packets come a good while apart. */
const SETTLE_NS = 4e8;

export class Settling {
  readonly trails: TrailKeeper;
  readonly #settled: (note: FlowNote) => void;
  /** In the order in which they began. */
  #waiting: FlowNote[] = [];

  /** `settled` gets each flow once, when it is known as what it is. */
  constructor(trails: TrailKeeper, settled: (note: FlowNote) => void) {
    this.trails = trails;
    this.#settled = settled;
  }

  /** A packet of the flow was seen; its time is the carrier's for what came in a tunnel. */
  follow(note: FlowNote, packet: Packet, direction: Direction, sec: number, nsec: number): void {
    if (note.stage === null) {
      note.stage = this.trails.open(note.flow);
      note.settled = false;
      this.#waiting.push(note);
    }
    this.trails.saw(note.stage, packet, direction, sec, nsec);
  }

  /** Settles the flows that are old enough. */
  settleOld(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    const { trails } = this;
    const until = trails.nowNs - Math.max(SETTLE_NS, 2 * trails.lagNs);
    let done = 0;
    while (done < waiting.length) {
      const note = waiting[done] as FlowNote;
      const { firstSec, firstNsec } = note.flow;
      if (trails.book.timeOf(firstSec, firstNsec) > until) break;
      done++;
      this.settle(note);
    }
    if (done > 0) this.#waiting = waiting.slice(done);
  }

  /** No more packets will come: at `endNs` of the book the points stopped to listen, or a file is over (infinite). */
  finish(endNs: number): void {
    this.trails.finish(endNs);
    for (const note of this.#waiting.splice(0)) this.settle(note);
  }

  settle(note: FlowNote): void {
    if (note.settled) return;
    note.settled = true;
    const { stage } = note;
    if (stage === null) return;
    if (stage.set.first === stage) stage.set.isTold = true;
    this.#settled(note);
  }
}
