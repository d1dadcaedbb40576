/**
 * The part that live captures and opened files share: packets go in, flows, verdicts, rows and observers' calls come out. It
 * owns the flow table, the packet ring and the notes beside the flows; where packets come from is the caller's business.
 */

import { randomInt } from 'node:crypto';
import { type Flow, ORIGINAL } from '../flow/flow.ts';
import { FlowTable } from '../flow/table.ts';
import { decodePacket } from '../packet/decode.ts';
import { L3_NONE, L3_OTHER, LINKTYPE_ETHERNET, Packet } from '../packet/packet.ts';
import { PlainHeaders } from '../packet/plain.ts';
import type { Verdict } from '../path/verdict.ts';
import type { RawPacket } from '../pcap/reader.ts';
import type { CapturePoint } from '../topology/topology.ts';
import { diagnosisOf } from './diagnose-flow.ts';
import { FlowJudge } from './flow-judge.ts';
import { type FlowNote, HeadStore, isRow, NOT_TRACED, noteOf, replaceHead } from './flow-note.ts';
import { FlowRows } from './flow-rows.ts';
import type { HostStore } from './host-store.ts';
import { DEFAULT_RING, PacketRing, ringOf } from './packet-ring.ts';
import { ProxiedHalves } from './proxied-halves.ts';
import { Settling } from './settling.ts';
import type { CaptureObserver, FlowPage, FlowQuery, FlowQuestion, FlowRow, FlowTraced, SessionEvent, StoredPacket } from './state.ts';
import { type PointCondition, TrailKeeper } from './trail-keeper.ts';

/** What is saved of a packet. */
export type SavedPacket = Pick<Packet, 'bytes' | 'start' | 'end' | 'interfaceId' | 'linkType' | 'timeSec' | 'timeNsec' | 'originalLength'>;

/** Where packets and comments go while a session is saved. */
export interface PacketSink {
  /** Asked before each packet: the number of the section that it will be in. In each one a flow's first packet has a comment. */
  prepare(): number;
  /** `flow` is null for a packet that there was no time to look into. */
  packet(packet: SavedPacket, comment: string | null, flow: Flow | null): void;
}

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
/** How long one turn may spend on verdicts while packets are coming in, in milliseconds. */
const JUDGE_BUDGET_MS = 12;
/** With a session being saved, new flows are judged before their first packet is written, as long as not more of them wait. */
const JUDGED_AT_ONCE = 32;
/** So many flows may wait for a look at the connections; more of them keep their assumptions. */
const MAX_WANTING = 2_000;
/** Forgotten flows that may stand in the queue for verdicts. */
const FORGOTTEN_AT_ONCE = 1_000;
const KEPT_EVENTS = 500;
const NO_PACKET = -1;
/** Flows are numbered from 0 on. */
const NO_FLOW = -1;
const UNKNOWN_CONDITION: PointCondition = { sinceSec: null, lost: null, hasKernelStamps: false };
/** A flow's trail is looked at for so long after its last packet. */
const LOOKED_AT_SEC = 6;
/** How long a look at the trails may take after each reading of the counters, in milliseconds. */
const TRAIL_BUDGET_MS = 12;

export class CaptureCore {
  readonly ring: PacketRing | null;
  readonly rows: FlowRows;
  sink: PacketSink | null = null;
  /** Packets come faster than they are worked off: verdicts, and comments with them, can wait. */
  isHurried = false;
  packets = 0;
  bytes = 0;
  undecoded = 0;
  revision = 0;
  readonly events: SessionEvent[] = [];
  /** Packets by capture point. */
  readonly packetsByPoint: number[] = [];

  readonly #store: HostStore;
  readonly #table: FlowTable;
  readonly #judge: FlowJudge;
  readonly #proxied: ProxiedHalves;
  readonly #points: readonly CapturePoint[];
  readonly #packet = new Packet();
  readonly #headers = new PlainHeaders();
  readonly #heads = new HeadStore();
  readonly #notes = new Map<number, FlowNote>();
  readonly #ended = new Map<number, Flow>();
  readonly #maxFlows: number;
  readonly #observers = new Set<CaptureObserver>();
  /** How many of them ask for each packet. */
  #packetObservers = 0;
  readonly #options: CoreOptions;
  /** Null as long as there is one point only. */
  #settling: Settling | null = null;
  #queue: FlowNote[] = [];
  readonly #wanting = new Set<FlowNote>();
  #reason = '';
  #droppedEnded = 0;
  /** Ended flows that nobody was to ask for again. */
  #forgotten = 0;

  constructor(options: CoreOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#maxFlows = options.maxFlows ?? MAX_FLOWS;
    this.#table = new FlowTable({ maxFlows: this.#maxFlows, hashSeed: randomInt(0x7fff_ffff) });
    this.#judge = new FlowJudge(
      options.store,
      options.points,
      (note, isFinal) => this.#settling?.trails.contradictionOf(note, isFinal) ?? null,
    );
    this.#points = options.points;
    this.#proxied = new ProxiedHalves(options.store);
    this.ring = options.keepPackets ? new PacketRing(options.ringBytes === undefined ? DEFAULT_RING : ringOf(options.ringBytes)) : null;
    this.rows = new FlowRows(
      options.store,
      (flowId) => this.#notes.get(flowId) ?? null,
      (note) => (options.store.isHypothetical ? null : (this.#settling?.trails.trailOf(note) ?? null)),
      (note) => this.#proxied.of(note.flow.id, (id) => this.#isRow(id)),
    );
    this.pointsChanged();
  }

  /** Conversations: the stages of one count once. */
  get flowCount(): number {
    return this.#keptFlows + this.#forgotten;
  }

  get #keptFlows(): number {
    return this.#table.size + this.#ended.size - (this.#settling?.trails.book.hidden ?? 0);
  }

  /** Flows that are not shown any more because there were too many. */
  get flowsEvicted(): number {
    return this.#table.untaken + this.#droppedEnded;
  }

  observe(observer: CaptureObserver): () => void {
    const asks = observer.packet === undefined ? 0 : 1;
    this.#observers.add(observer);
    this.#packetObservers += asks;
    return () => {
      if (this.#observers.delete(observer)) this.#packetObservers -= asks;
    };
  }

  /** From the second point on packets are looked for at all of them. */
  pointsChanged(): void {
    if (this.#settling !== null || this.#points.length < 2) return;
    const { store, points, conditionOf = (): PointCondition => UNKNOWN_CONDITION, filter = (): string => '' } = this.#options;
    const trails = new TrailKeeper({ store, points, conditionOf, filter, noteOf: (flowId) => this.#notes.get(flowId) ?? null });
    this.#settling = new Settling(trails, (note) => this.#settled(note));
    // A file tells of its points as their first packets come.
    for (const note of this.#notes.values()) {
      decodePacket(this.#packet, note.head, 0, note.head.length, note.headOriginalLength, note.headLinkType);
      const sec = Math.floor(note.headSec);
      this.#settling.follow(note, this.#packet, note.headDirection, sec, Math.round((note.headSec - sec) * 1e9));
    }
  }

  /** Takes one packet in. `raw` is the reader's and is not kept. */
  ingest(raw: RawPacket, interfaceId: number, linkType: number): void {
    if (linkType === LINKTYPE_ETHERNET && this.#takesPlain && this.#ingestPlain(raw, interfaceId)) return;
    const packet = this.#packet;
    decodePacket(packet, raw.bytes, raw.start, raw.end, raw.originalLength, linkType);
    packet.timeSec = raw.timeSec;
    packet.timeNsec = raw.timeNsec;
    packet.interfaceId = interfaceId;
    this.packets++;
    this.bytes += raw.originalLength;
    this.packetsByPoint[interfaceId] = (this.packetsByPoint[interfaceId] ?? 0) + 1;
    if (packet.l3 === L3_NONE || packet.l3 === L3_OTHER) this.undecoded++;
    const flow = this.#table.observe(packet);
    const direction = this.#table.lastDirection;
    let note = this.#notes.get(flow.id);
    this.#proxied.observe(flow, packet, direction, note === undefined);
    if (note === undefined) {
      note = noteOf(flow, packet, direction, this.#heads);
      this.#notes.set(flow.id, note);
      this.#enqueue(note);
    } else if (direction === ORIGINAL && note.headDirection !== ORIGINAL) {
      replaceHead(note, packet, direction, this.#heads);
      this.#enqueue(note);
    }
    const inside = this.#insideNote(packet);
    const settling = this.#settling;
    if (settling !== null) {
      settling.trails.count(interfaceId, raw.timeSec);
      settling.follow(note, packet, direction, raw.timeSec, raw.timeNsec);
      if (inside !== null && packet.inner !== null)
        settling.follow(inside, packet.inner, this.#table.lastInnerDirection, raw.timeSec, raw.timeNsec);
      settling.settleOld();
    }
    if (note.stale !== null) {
      note.stale.metSec ??= raw.timeSec + raw.timeNsec / 1e9;
      this.#enqueue(note);
    } else if (note.headDirection === ORIGINAL && !this.#proxied.follows(flow.id)) this.#table.allowPlain();
    if (this.ring !== null) {
      note.lastSequence = this.ring.add(packet, note.lastSequence, flow.id, inside?.lastSequence);
      if (inside !== null) inside.lastSequence = note.lastSequence;
    }
    this.revision++;
    if (this.sink !== null) this.#save(this.sink, packet, note);
    for (const observer of this.#observers) observer.packet?.(packet, flow, direction);
  }

  #save(sink: PacketSink, packet: SavedPacket, note: FlowNote): void {
    // The comment belongs on the flow's first packet; under a flood of new flows it comes with a later one.
    if (note.queued && !this.isHurried && this.#queue.length <= JUDGED_AT_ONCE) this.judgeAll();
    const section = sink.prepare();
    if (note.commentedIn !== section) {
      note.commentedIn = section;
      note.comment ??= note.verdict === null ? null : this.rows.comment(this.rows.row(note));
    }
    sink.packet(packet, note.comment, note.flow);
    note.comment = null;
  }

  /** Counts and saves a packet without looking into it. */
  countOnly(raw: RawPacket, interfaceId: number, linkType: number): void {
    this.packets++;
    this.bytes += raw.originalLength;
    this.packetsByPoint[interfaceId] = (this.packetsByPoint[interfaceId] ?? 0) + 1;
    this.revision++;
    const packet = this.#packet;
    setRaw(packet, raw, interfaceId, linkType);
    this.ring?.add(packet, NO_PACKET, NO_FLOW);
    this.sink?.prepare();
    this.sink?.packet(packet, null, null);
  }

  /** Whether nobody needs more of a packet than that it was counted and kept. */
  get #takesPlain(): boolean {
    return this.#settling === null && this.#packetObservers === 0;
  }

  /** Most packets only move their flow's counts on. False for those that do more, with nothing done. */
  #ingestPlain(raw: RawPacket, interfaceId: number): boolean {
    const headers = this.#headers;
    if (!headers.read(raw.bytes, raw.start, raw.end, raw.originalLength)) return false;
    if (!this.#table.observePlain(headers, interfaceId, raw.originalLength, raw.timeSec, raw.timeNsec)) return false;
    this.packets++;
    this.bytes += raw.originalLength;
    this.packetsByPoint[interfaceId] = (this.packetsByPoint[interfaceId] ?? 0) + 1;
    this.revision++;
    if (this.ring !== null || this.sink !== null) this.#keepPlain(raw, interfaceId);
    return true;
  }

  #keepPlain(raw: RawPacket, interfaceId: number): void {
    const note = this.#notes.get(this.#table.lastPlainId);
    if (note === undefined) return;
    const packet = this.#packet;
    setRaw(packet, raw, interfaceId, LINKTYPE_ETHERNET);
    if (this.ring !== null) note.lastSequence = this.ring.add(packet, note.lastSequence, note.flow.id);
    if (this.sink !== null) this.#save(this.sink, packet, note);
  }

  /** Lets flows age up to the given time and hands out those that ended. */
  advance(sec: number, nsec: number): void {
    this.#settling?.trails.advance(sec, nsec);
    this.#settling?.settleOld();
    this.#table.advance(sec, nsec);
    for (const flow of this.#table.takeEnded()) this.#finish(flow);
    this.#decideProxied(sec + nsec / 1e9);
  }

  /** Packets that have just been read passed so many milliseconds ago. */
  readLate(lagMs: number): void {
    this.#settling?.trails.readLate(lagMs * 1e6);
  }

  /** The input is over: all flows end. `atSec`: when the points stopped to listen, where that is known. */
  finishAll(atSec = Number.POSITIVE_INFINITY): void {
    this.judgeAll();
    if (this.#settling !== null) this.#settling.finish((atSec - this.#settling.trails.book.baseSec) * 1e9);
    this.#decideProxied(Number.POSITIVE_INFINITY);
    this.#table.endAll();
    for (const flow of this.#table.takeEnded()) this.#finish(flow);
  }

  /** Judges what waits, for at most the budget. Returns whether everything is done. */
  judgeSome(): boolean {
    return this.#drain(JUDGE_BUDGET_MS);
  }

  judgeAll(): void {
    this.#drain(Number.POSITIVE_INFINITY);
  }

  /**
   * The facts are others than before, since `atSec`: every flow that goes on is judged anew with its next packet, and `reason` is said
   * where its verdict changes. What began after `unchangedSec` may have met the new ones already: where the old verdict cannot be, the
   * new facts are asked.
   */
  rejudge(reason: string, atSec: number, unchangedSec: number): void {
    this.#reason = reason;
    const links = this.#store.version?.facts.self.links ?? null;
    const isGone = this.#points.map(
      (point) => point.netns === null && links !== null && !links.some((link) => link.name === point.interface),
    );
    for (const note of this.#notes.values()) {
      if (isGone[note.flow.interfaceId] || note.headSec <= unchangedSec || !this.#judge.isContradicted(note)) continue;
      note.stale = { reason, sinceSec: atSec };
      note.wholly = true;
      this.#enqueue(note);
    }
    this.#table.forbidPlain();
    for (const flow of this.#table.all()) {
      const note = this.#notes.get(flow.id);
      if (note === undefined) continue;
      note.searchable = null;
      // What was decided while the interface was there stays true of the packets that were seen.
      if (isGone[flow.interfaceId] && note.verdict !== null) continue;
      if (note.verdict === null || note.wantsConnections) this.#enqueue(note);
      // What passed was decided by the rules of then. The new ones decide about the flow's next packet.
      else if (!isOver(flow)) note.stale ??= { reason, sinceSec: atSec };
    }
  }

  /** True where a look at the kernel's connections may settle what a verdict had to assume. */
  get wantsConnections(): boolean {
    return this.#wanting.size > 0;
  }

  /** The kernel's connections have been read: the flows that wanted that are judged anew, once. */
  connectionsRead(): void {
    this.#reason = 'the connection was looked up in conntrack';
    for (const note of this.#wanting) if (!note.finished) this.#enqueue(note);
    this.#wanting.clear();
  }

  /** New counters were read: evidence is looked at again. */
  recount(): void {
    const until = performance.now() + TRAIL_BUDGET_MS;
    for (const note of this.#notes.values()) {
      const before = note.verdict?.contradiction ?? null;
      if (note.finished || !isRow(note)) continue;
      const hasMoved = this.#judge.recount(note);
      if (!(this.#looksAtTrail(note, until) && this.#judge.lookAtTrail(note, false)) && !hasMoved) continue;
      this.revision++;
      if (before !== null || (note.verdict?.contradiction ?? null) === null) continue;
      const row = this.rows.row(note);
      for (const observer of this.#observers) observer.verdictChanged?.(row);
    }
  }

  event(event: SessionEvent): void {
    this.events.push(event);
    if (this.events.length > KEPT_EVENTS) this.events.shift();
    this.revision++;
    for (const observer of this.#observers) observer.event?.(event);
  }

  page(query: FlowQuery): FlowPage {
    return this.rows.page(() => this.#allNotes(), this.#notes.size, query, this.revision);
  }

  row(id: number): FlowRow | null {
    const note = this.#notes.get(id);
    return note === undefined ? null : this.rows.row(note);
  }

  packetsOf(flowId: number, limit: number): readonly StoredPacket[] {
    const note = this.#notes.get(flowId);
    return note === undefined || this.ring === null ? [] : this.ring.chain(note.lastSequence, limit, flowId);
  }

  /** Which flow a packet of the ring belongs to, null where it is forgotten. */
  flowOfPacket(sequence: number): number | null {
    return this.ring?.tagOf(sequence) ?? null;
  }

  commentOf(flowId: number): string | null {
    const row = this.row(flowId);
    return row === null ? null : this.rows.comment(row);
  }

  /** The row that a flow belongs to: its own, or that of the conversation which it is a stage of. */
  rowOfFlow(flowId: number): FlowRow | null {
    const stage = this.#notes.get(flowId)?.stage ?? null;
    return this.row(stage === null ? flowId : stage.set.first.flow.id);
  }

  /** Whether its first verdict is still to come. */
  isUndecided(flowId: number): boolean {
    const note = this.#notes.get(flowId);
    return note !== undefined && note.verdict === null && note.queued;
  }

  explain(flowId: number): { readonly verdict: Verdict; readonly reply: Verdict | null } | null {
    const note = this.#decidingNote(flowId);
    return note === null ? null : this.#judge.explain(note);
  }

  question(flowId: number): FlowQuestion | null {
    const note = this.#decidingNote(flowId);
    return note === null || !this.#judge.isJudged(note.flow) ? null : this.#judge.question(note);
  }

  noteTrace(flowId: number, direction: 'there' | 'reply', traced: FlowTraced): void {
    const note = this.#notes.get(flowId);
    if (note === undefined) return;
    note.traced = { ...note.traced, [direction]: traced };
    this.revision++;
  }

  why(flowId: number): readonly string[] {
    const note = this.#decidingNote(flowId);
    const version = this.#store.version;
    if (note === null || version === null || note.verdict === null) return [];
    const halves = this.#proxied.tell(note.flow.id, (id) => this.#isRow(id));
    return [...diagnosisOf(version, note, this.#judge.question(note)), ...halves];
  }

  /** Whose verdict is asked for: a tunnel's packets are judged, not what is inside. */
  #decidingNote(flowId: number): FlowNote | null {
    const note = this.#notes.get(flowId) ?? null;
    const tunnel = note?.flow.tunnel ?? null;
    return tunnel === null ? note : (this.#notes.get(tunnel.flowId) ?? null);
  }

  /** The note of the flow inside the tunnel that the last packet belonged to. */
  #insideNote({ inner: carried }: Packet): FlowNote | null {
    const flow = this.#table.lastInner;
    if (flow === null || carried === null) return null;
    const known = this.#notes.get(flow.id);
    if (known !== undefined) return known;
    const note = noteOf(flow, carried, this.#table.lastInnerDirection, this.#heads);
    this.#notes.set(flow.id, note);
    return note;
  }

  *#allNotes(): Iterable<FlowNote> {
    if (this.#settling === null) yield* this.#notes.values();
    else for (const note of this.#notes.values()) if (isRow(note)) yield note;
  }

  /** A flow of several points is known as what it is: a row of its own, or a stage of another's. */
  #settled(note: FlowNote): void {
    const { stage } = note;
    if (stage === null) return;
    const { first } = stage.set;
    this.revision++;
    if (first !== stage) {
      for (const observer of this.#observers) observer.flowJoined?.(note.flow.id, first.flow.id);
      return;
    }
    if (note.verdict === null || this.#observers.size === 0) return;
    const row = this.rows.row(note);
    for (const observer of this.#observers) observer.verdictChanged?.(row);
  }

  /** Flows that have been silent for long have been looked at. */
  #looksAtTrail(note: FlowNote, untilMs: number): boolean {
    return note.stage !== null && this.#store.readAtSec < note.flow.lastSec + LOOKED_AT_SEC && performance.now() < untilMs;
  }

  #isRow(flowId: number): boolean {
    const note = this.#notes.get(flowId);
    return note !== undefined && isRow(note);
  }

  /** Halves of connections that docker-proxy carries, of which more is known now. */
  #decideProxied(nowSec: number): void {
    for (const flowId of this.#proxied.decide(nowSec)) {
      const note = this.#notes.get(flowId);
      if (note === undefined) continue;
      this.revision++;
      if (note.verdict === null || note.finished || !this.#isRow(flowId)) continue;
      const row = this.rows.row(note);
      if (this.sink !== null) note.comment = this.rows.comment(row);
      for (const observer of this.#observers) observer.verdictChanged?.(row);
    }
  }

  #enqueue(note: FlowNote): void {
    if (note.queued || !this.#judge.isJudged(note.flow)) return;
    note.queued = true;
    this.#queue.push(note);
  }

  #drain(budgetMs: number): boolean {
    if (this.#queue.length === 0 || this.#store.version === null) return true;
    const until = performance.now() + budgetMs;
    const queue = this.#queue;
    let done = 0;
    while (done < queue.length) {
      this.#judgeOne(queue[done++] as FlowNote);
      if ((done & 15) === 0 && performance.now() > until) break;
    }
    this.#queue = done === queue.length ? [] : queue.slice(done);
    return this.#queue.length === 0;
  }

  #judgeOne(note: FlowNote): void {
    note.queued = false;
    const isFirst = note.verdict === null;
    const changed = this.#judge.judge(note, note.stale?.reason ?? this.#reason, note.stale?.metSec ?? note.flow.lastSec);
    this.#proxied.judged(note);
    if (isFirst && note.wantsConnections && isWanted(note) && this.#wanting.size < MAX_WANTING) this.#wanting.add(note);
    this.revision++;
    if (!changed) return;
    // What was traced was another decision.
    note.traced = NOT_TRACED;
    if (this.sink === null && this.#observers.size === 0) return;
    const row = this.rows.row(note);
    if (this.sink !== null) note.comment = this.rows.comment(row);
    if (!isRow(note)) return;
    for (const observer of this.#observers) observer.verdictChanged?.(row);
  }

  #finish(flow: Flow): void {
    this.#announceEnd(flow);
    if (this.#mayForget(flow)) {
      this.#forget(flow);
      return;
    }
    this.#ended.set(flow.id, flow);
    while (this.#keptFlows > this.#maxFlows && this.#ended.size > 0) {
      const oldest = this.#ended.keys().next().value as number;
      const note = this.#notes.get(oldest);
      this.#ended.delete(oldest);
      this.#notes.delete(oldest);
      this.#proxied.forget(oldest);
      if (note === undefined || isRow(note)) this.#droppedEnded++;
      if (note !== undefined && note.stage !== null) this.#settling?.trails.book.forget(note.stage);
    }
  }

  /** Not what other flows still refer to: stages of conversations, a tunnel's own flow, halves of a proxy's connection. */
  #mayForget(flow: Flow): boolean {
    if (this.#options.keepEnded !== false || this.#settling !== null || (flow.carries ?? null) !== null) return false;
    return !this.#proxied.follows(flow.id);
  }

  #forget(flow: Flow): void {
    this.#notes.delete(flow.id);
    this.#forgotten++;
    // Where no facts are known, nothing takes the flows off the queue.
    if (this.#queue.length > FORGOTTEN_AT_ONCE + 2 * this.#notes.size)
      this.#queue = this.#queue.filter((note) => this.#notes.has(note.flow.id));
  }

  #announceEnd(flow: Flow): void {
    const note = this.#notes.get(flow.id);
    if (note === undefined || note.finished) return;
    this.revision++;
    this.#settling?.settle(note);
    if (!isRow(note)) {
      note.finished = true;
      return;
    }
    if (this.#observers.size === 0) {
      // Nobody waits: its verdict, where it still has none, comes with its turn in the queue.
      note.finished = true;
      return;
    }
    if (note.queued) this.#judgeOne(note);
    this.#judge.recount(note);
    if (note.stage !== null) this.#judge.lookAtTrail(note, true);
    note.finished = true;
    const row = this.rows.row(note);
    for (const observer of this.#observers) observer.flowEnded?.(row);
  }
}

/** What rings and files take of a packet; its layers stay those of an earlier one. */
const setRaw = (packet: Packet, raw: RawPacket, interfaceId: number, linkType: number): void => {
  packet.bytes = raw.bytes;
  packet.start = raw.start;
  packet.end = raw.end;
  packet.originalLength = raw.originalLength;
  packet.timeSec = raw.timeSec;
  packet.timeNsec = raw.timeNsec;
  packet.interfaceId = interfaceId;
  packet.linkType = linkType;
};

/** A stage whose conversation was seen nearer to its sender has a better witness there. */
const isWanted = ({ stage }: FlowNote): boolean => stage === null || stage.set.first === stage;

/** Nothing more will be asked about it: rules that change now do not concern it. */
const isOver = (flow: Flow): boolean => flow.ended || flow.tcp?.phase === 'closed' || flow.tcp?.phase === 'reset';
