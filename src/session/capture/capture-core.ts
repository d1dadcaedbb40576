/**
 * The part that live captures and opened files share: packets go in, flows, verdicts, rows and observers' calls come out. It joins the parts
 * that do this and lets time pass for them; where packets come from is the caller's business.
 */
import { randomInt } from 'node:crypto';
import { FlowTable } from '../../flow/table.ts';
import { decodePacket } from '../../packet/decode.ts';
import { Packet } from '../../packet/packet.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import { EndedFlows } from '../flows/ended-flows.ts';
import { FlowAnswers } from '../flows/flow-answers.ts';
import { type FlowNote, isRow } from '../flows/flow-note.ts';
import { FlowNotes } from '../flows/flow-notes.ts';
import { FlowRows } from '../flows/flow-rows.ts';
import { ProxiedHalves } from '../flows/proxied-halves.ts';
import { Settling } from '../flows/settling.ts';
import { type PointCondition, TrailKeeper } from '../flows/trail-keeper.ts';
import type { HostStore } from '../host-store.ts';
import type { SessionEvent } from '../state/capture-state.ts';
import { FlowJudge } from '../verdicts/flow-judge.ts';
import { VerdictQueue } from '../verdicts/verdict-queue.ts';
import { VerdictRenewal } from '../verdicts/verdict-renewal.ts';
import { CaptureCounts } from './capture-counts.ts';
import { Observers } from './observers.ts';
import { PacketIntake } from './packet-intake.ts';
import { DEFAULT_RING, PacketRing, ringOf } from './packet-ring.ts';

export interface CoreOptions {
  readonly store: HostStore;
  readonly points: readonly CapturePoint[];
  readonly keepPackets: boolean;
  readonly ringBytes?: number | undefined;
  /** What is known of a point, where there are several. */
  readonly conditionOf?: (point: number) => PointCondition;
  /** The capture filter as it is now. */
  readonly filter?: () => string;
  /** Flows that have ended stay in the table as long as there are not more than so many flows. */
  readonly maxFlows?: number;
  /** False where nobody asks for a flow after its end has been told: memory then depends on the flows that are open only. */
  readonly keepEnded?: boolean;
}

const MAX_FLOWS = 100_000;
const KEPT_EVENTS = 500;
const UNKNOWN_CONDITION: PointCondition = { sinceSec: null, lost: null, hasKernelStamps: false };

export class CaptureCore {
  readonly counts = new CaptureCounts();
  readonly observers = new Observers();
  readonly ring: PacketRing | null;
  readonly rows: FlowRows;
  readonly verdicts: VerdictQueue;
  readonly renewal: VerdictRenewal;
  readonly intake: PacketIntake;
  readonly answers: FlowAnswers;
  readonly events: SessionEvent[] = [];

  readonly #options: CoreOptions;
  readonly #table: FlowTable;
  readonly #notes = new FlowNotes();
  readonly #proxied: ProxiedHalves;
  readonly #ended: EndedFlows;

  constructor(options: CoreOptions) {
    this.#options = options;
    const { store, points, maxFlows = MAX_FLOWS, keepEnded = true } = options;
    const { counts, observers } = this;
    const notes = this.#notes;
    const settling = (): Settling | null => this.intake.settling;
    const table = new FlowTable({ maxFlows, hashSeed: randomInt(0x7fff_ffff) });
    const judge = new FlowJudge(store, points, (note, isFinal) => settling()?.trails.contradictionOf(note, isFinal) ?? null);
    const proxied = new ProxiedHalves(store);
    const ring = options.keepPackets ? new PacketRing(options.ringBytes === undefined ? DEFAULT_RING : ringOf(options.ringBytes)) : null;
    const rows = new FlowRows(
      store,
      (flowId) => notes.get(flowId) ?? null,
      (note) => (store.isHypothetical ? null : (settling()?.trails.trailOf(note) ?? null)),
      (note) => proxied.of(note.flow.id, (id) => notes.isRow(id)),
    );
    const verdicts = new VerdictQueue({
      store,
      judge,
      notes,
      counts,
      judged: (note, hasChanged) => {
        proxied.judged(note);
        if (hasChanged) this.#verdictChanged(note);
      },
    });
    this.ring = ring;
    this.rows = rows;
    this.verdicts = verdicts;
    this.renewal = new VerdictRenewal({ store, points, table, notes, judge, verdicts, rows, observers, counts });
    this.intake = new PacketIntake({ table, notes, verdicts, proxied, rows, observers, counts, ring });
    this.answers = new FlowAnswers({ store, notes, rows, judge, proxied, ring, counts });
    this.#table = table;
    this.#proxied = proxied;
    this.#ended = new EndedFlows({ table, notes, judge, verdicts, rows, proxied, observers, counts, settling, maxFlows, keepEnded });
    this.pointsChanged();
  }

  /** Conversations: the stages of one count once. */
  get flowCount(): number {
    return this.#ended.flowCount;
  }

  /** Flows that are not shown any more because there were too many. */
  get flowsEvicted(): number {
    return this.#ended.flowsEvicted;
  }

  event(event: SessionEvent): void {
    this.events.push(event);
    if (this.events.length > KEPT_EVENTS) this.events.shift();
    this.counts.revision++;
    this.observers.event(event);
  }

  /** From the second point on packets are looked for at all of them. */
  pointsChanged(): void {
    const { store, points, conditionOf = (): PointCondition => UNKNOWN_CONDITION, filter = (): string => '' } = this.#options;
    if (this.intake.settling !== null || points.length < 2) return;
    const trails = new TrailKeeper({ store, points, conditionOf, filter, noteOf: (flowId) => this.#notes.get(flowId) ?? null });
    const settling = new Settling(trails, (note) => this.#settled(note));
    this.intake.settling = settling;
    // A file tells of its points as their first packets come.
    const packet = new Packet();
    for (const note of this.#notes.all()) {
      decodePacket(packet, note.head, 0, note.head.length, note.headOriginalLength, note.headLinkType);
      const sec = Math.floor(note.headSec);
      settling.follow(note, packet, note.headDirection, sec, Math.round((note.headSec - sec) * 1e9));
    }
  }

  /** Lets flows age up to the given time and hands out those that ended. */
  advance(sec: number, nsec: number): void {
    const { settling } = this.intake;
    settling?.trails.advance(sec, nsec);
    settling?.settleOld();
    this.#table.advance(sec, nsec);
    this.#ended.take();
    this.#decideProxied(sec + nsec / 1e9);
  }

  /** Packets that have just been read passed so many milliseconds ago. */
  readLate(lagMs: number): void {
    this.intake.settling?.trails.readLate(lagMs * 1e6);
  }

  /** The input is over: all flows end. `atSec`: when the points stopped to listen, where that is known. */
  finishAll(atSec = Number.POSITIVE_INFINITY): void {
    const { settling } = this.intake;
    this.verdicts.judgeAll();
    if (settling !== null) settling.finish((atSec - settling.trails.book.baseSec) * 1e9);
    this.#decideProxied(Number.POSITIVE_INFINITY);
    this.#table.endAll();
    this.#ended.take();
  }

  /** A flow of several points is known as what it is: a row of its own, or a stage of another's. */
  #settled(note: FlowNote): void {
    const { stage } = note;
    if (stage === null) return;
    const { first } = stage.set;
    this.counts.revision++;
    if (first !== stage) this.observers.flowJoined(note.flow.id, first.flow.id);
    else if (note.verdict !== null && !this.observers.isEmpty) this.observers.verdictChanged(this.rows.row(note));
  }

  /** Halves of connections that docker-proxy carries, of which more is known now. */
  #decideProxied(nowSec: number): void {
    for (const flowId of this.#proxied.decide(nowSec)) {
      const note = this.#notes.get(flowId);
      if (note === undefined) continue;
      this.counts.revision++;
      if (note.verdict !== null && !note.finished && isRow(note)) this.#verdictChanged(note);
    }
  }

  /** What is told of a flow's verdict is something else than before: beside its next packet, too. */
  #verdictChanged(note: FlowNote): void {
    const { sink } = this.intake;
    if (sink === null && this.observers.isEmpty) return;
    const row = this.rows.row(note);
    if (sink !== null) note.comment = this.rows.comment(row);
    if (isRow(note)) this.observers.verdictChanged(row);
  }
}
