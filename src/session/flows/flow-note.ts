/** What the session keeps beside each flow: how its first packet looked, where its last one lies, and its verdict. */
import type { Direction, Flow } from '../../flow/flow.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Stage } from '../../trail/book.ts';
import type { FlowTraces } from '../state/flow-verdict.ts';
import type { EvidenceTrack, Witness } from '../verdicts/evidence.ts';
import type { LiveVerdict } from '../verdicts/live-verdict.ts';

/** Enough for all headers that a rule can look at, tags and tunnels included. */
const HEAD_BYTES = 160;

/** Facts have changed since it was made. */
export interface StaleVerdict {
  readonly reason: string;
  readonly sinceSec: number;
  /** When the first packet came that met the new ones, seconds since the epoch; absent before. */
  metSec?: number;
}

export interface FlowNote {
  readonly flow: Flow;
  /** The first bytes of the packet that the verdict is about: the first of the direction a→b, until then the first seen. */
  head: Uint8Array;
  headLinkType: number;
  headOriginalLength: number;
  headDirection: Direction;
  headSec: number;
  /** Sequence number in the packet ring of the flow's newest packet, -1 for none. */
  lastSequence: number;
  verdict: LiveVerdict | null;
  /** The generation of the facts that the verdict rests on; 0 before the first. */
  generation: number;
  queued: boolean;
  /** The facts changed after the flow's last packet: it is judged anew with its next one, since `sinceSec` and for this reason. */
  stale: StaleVerdict | null;
  /** The facts changed before the flow began and that was noticed later: the new verdict is about all of it. */
  wholly: boolean;
  /** From when on the deciding rule's counter speaks of this flow, seconds since the epoch. */
  countFromSec: number;
  /** The question rests on assumptions that a look at the kernel's connections may settle. */
  wantsConnections: boolean;
  /** The deciding rule, and what it had counted before the flow began. */
  counter: Witness | null;
  /** What has been seen since the verdict was made; null before. */
  track: EvidenceTrack | null;
  traced: FlowTraces;
  /** A comment to be written beside the flow's next packet in a saved session. */
  comment: string | null;
  /** The section of a saved session in which it had one last; 0 for none. */
  commentedIn: number;
  /** Names as they were known last: an address keeps its container's name when that is gone. */
  aName: string | null;
  bName: string | null;
  /** The row's words that do not change, for searching; null until asked for. */
  searchable: string | null;
  finished: boolean;
  /** Where several points are captured: what was seen of the flow at its own. */
  stage: Stage | null;
  /** False while it may still turn out to be a stage of another flow: nobody is told of it yet. */
  settled: boolean;
}

/** Whether the flow is a row of its own: the first stage of its conversation, once that is known. */
export const isRow = ({ stage, settled }: FlowNote): boolean => stage === null || (settled && stage.set.first === stage);

export const NOT_TRACED: FlowTraces = Object.freeze({ there: null, reply: null });

export const noteOf = (flow: Flow, packet: Packet, direction: Direction, heads: HeadStore): FlowNote => ({
  flow,
  head: heads.copy(packet),
  headLinkType: packet.linkType,
  headOriginalLength: packet.originalLength,
  headDirection: direction,
  headSec: packet.timeSec + packet.timeNsec / 1e9,
  lastSequence: -1,
  verdict: null,
  generation: 0,
  queued: false,
  stale: null,
  wholly: false,
  countFromSec: packet.timeSec + packet.timeNsec / 1e9,
  wantsConnections: false,
  counter: null,
  track: null,
  traced: NOT_TRACED,
  comment: null,
  commentedIn: 0,
  aName: null,
  bName: null,
  searchable: null,
  finished: false,
  stage: null,
  settled: true,
});

export const replaceHead = (note: FlowNote, packet: Packet, direction: Direction, heads: HeadStore): void => {
  note.head = heads.copy(packet);
  note.headLinkType = packet.linkType;
  note.headOriginalLength = packet.originalLength;
  note.headDirection = direction;
  note.headSec = packet.timeSec + packet.timeNsec / 1e9;
};

const SLAB_BYTES = 64 * 1024;

/** Heads side by side in larger buffers: a buffer of its own for each would cost more than what is in it. */
export class HeadStore {
  #slab = new Uint8Array(0);
  #used = 0;

  copy(packet: Packet): Uint8Array {
    const length = Math.min(packet.end - packet.start, HEAD_BYTES);
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const head = this.#slab.subarray(this.#used, this.#used + length);
    head.set(packet.bytes.subarray(packet.start, packet.start + length));
    this.#used += length;
    return head;
  }
}
