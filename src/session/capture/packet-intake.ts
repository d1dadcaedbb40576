/**
 * Takes a capture's packets in: each is counted, put to its flow and the note beside it, kept in the ring and saved. Most of them go a
 * short way: docs/decisions/0016-plain-packets.md.
 */
import { ORIGINAL } from '../../flow/flow.ts';
import type { FlowTable } from '../../flow/table.ts';
import { decodePacket } from '../../packet/decode.ts';
import { L3_NONE, L3_OTHER, LINKTYPE_ETHERNET, Packet } from '../../packet/packet.ts';
import { PlainHeaders } from '../../packet/plain.ts';
import type { RawPacket } from '../../pcap/reader.ts';
import type { FlowNote } from '../flows/flow-note.ts';
import type { FlowNotes } from '../flows/flow-notes.ts';
import type { FlowRows } from '../flows/flow-rows.ts';
import type { ProxiedHalves } from '../flows/proxied-halves.ts';
import type { Settling } from '../flows/settling.ts';
import type { PacketSink, SavedPacket } from '../saving/packet-sink.ts';
import type { VerdictQueue } from '../verdicts/verdict-queue.ts';
import type { CaptureCounts } from './capture-counts.ts';
import type { Observers } from './observers.ts';
import type { PacketRing } from './packet-ring.ts';

export interface PacketIntakeParts {
  readonly table: FlowTable;
  readonly notes: FlowNotes;
  readonly verdicts: VerdictQueue;
  readonly proxied: ProxiedHalves;
  readonly rows: FlowRows;
  readonly observers: Observers;
  readonly counts: CaptureCounts;
  readonly ring: PacketRing | null;
}

/** With a session being saved, new flows are judged before their first packet is written, as long as not more of them wait. */
const JUDGED_AT_ONCE = 32;
const NO_PACKET = -1;
/** Flows are numbered from 0 on. */
const NO_FLOW = -1;

export class PacketIntake {
  sink: PacketSink | null = null;
  /** Packets come faster than they are worked off: verdicts, and comments with them, can wait. */
  isHurried = false;
  /** Where packets are followed from point to point; null as long as there is one point only. */
  settling: Settling | null = null;

  readonly #table: FlowTable;
  readonly #notes: FlowNotes;
  readonly #verdicts: VerdictQueue;
  readonly #proxied: ProxiedHalves;
  readonly #rows: FlowRows;
  readonly #observers: Observers;
  readonly #counts: CaptureCounts;
  readonly #ring: PacketRing | null;
  readonly #packet = new Packet();
  readonly #headers = new PlainHeaders();

  constructor(parts: PacketIntakeParts) {
    this.#table = parts.table;
    this.#notes = parts.notes;
    this.#verdicts = parts.verdicts;
    this.#proxied = parts.proxied;
    this.#rows = parts.rows;
    this.#observers = parts.observers;
    this.#counts = parts.counts;
    this.#ring = parts.ring;
  }

  /** Takes one packet in. `raw` is the reader's and is not kept. */
  ingest(raw: RawPacket, interfaceId: number, linkType: number): void {
    if (linkType === LINKTYPE_ETHERNET && this.#takesPlain && this.#ingestPlain(raw, interfaceId)) return;
    const packet = this.#packet;
    decodePacket(packet, raw.bytes, raw.start, raw.end, raw.originalLength, linkType);
    packet.timeSec = raw.timeSec;
    packet.timeNsec = raw.timeNsec;
    packet.interfaceId = interfaceId;
    this.#counts.add(interfaceId, raw.originalLength);
    if (packet.l3 === L3_NONE || packet.l3 === L3_OTHER) this.#counts.undecoded++;
    const flow = this.#table.observe(packet);
    const direction = this.#table.lastDirection;
    let note = this.#notes.get(flow.id);
    this.#proxied.observe(flow, packet, direction, note === undefined);
    if (note === undefined) {
      note = this.#notes.begin(flow, packet, direction);
      this.#verdicts.add(note);
    } else if (direction === ORIGINAL && note.headDirection !== ORIGINAL) {
      this.#notes.replaceHead(note, packet, direction);
      this.#verdicts.add(note);
    }
    const inside = this.#insideNote(packet);
    const { settling } = this;
    if (settling !== null) {
      settling.trails.count(interfaceId, raw.timeSec);
      settling.follow(note, packet, direction, raw.timeSec, raw.timeNsec);
      if (inside !== null && packet.inner !== null)
        settling.follow(inside, packet.inner, this.#table.lastInnerDirection, raw.timeSec, raw.timeNsec);
      settling.settleOld();
    }
    if (note.stale !== null) {
      note.stale.metSec ??= raw.timeSec + raw.timeNsec / 1e9;
      this.#verdicts.add(note);
    } else if (note.headDirection === ORIGINAL && !this.#proxied.follows(flow.id)) this.#table.allowPlain();
    if (this.#ring !== null) {
      note.lastSequence = this.#ring.add(packet, note.lastSequence, flow.id, inside?.lastSequence);
      if (inside !== null) inside.lastSequence = note.lastSequence;
    }
    if (this.sink !== null) this.#save(this.sink, packet, note);
    this.#observers.packet(packet, flow, direction);
  }

  /** Counts and saves a packet without looking into it. */
  countOnly(raw: RawPacket, interfaceId: number, linkType: number): void {
    this.#counts.add(interfaceId, raw.originalLength);
    const packet = this.#packet;
    setRaw(packet, raw, interfaceId, linkType);
    this.#ring?.add(packet, NO_PACKET, NO_FLOW);
    this.sink?.prepare();
    this.sink?.packet(packet, null, null);
  }

  /** Whether nobody needs more of a packet than that it was counted and kept. */
  get #takesPlain(): boolean {
    return this.settling === null && !this.#observers.askForPackets;
  }

  /** Most packets only move their flow's counts on. False for those that do more, with nothing done. */
  #ingestPlain(raw: RawPacket, interfaceId: number): boolean {
    const headers = this.#headers;
    if (!headers.read(raw.bytes, raw.start, raw.end, raw.originalLength)) return false;
    if (!this.#table.observePlain(headers, interfaceId, raw.originalLength, raw.timeSec, raw.timeNsec)) return false;
    this.#counts.add(interfaceId, raw.originalLength);
    if (this.#ring !== null || this.sink !== null) this.#keepPlain(raw, interfaceId);
    return true;
  }

  #keepPlain(raw: RawPacket, interfaceId: number): void {
    const note = this.#notes.get(this.#table.lastPlainId);
    if (note === undefined) return;
    const packet = this.#packet;
    setRaw(packet, raw, interfaceId, LINKTYPE_ETHERNET);
    if (this.#ring !== null) note.lastSequence = this.#ring.add(packet, note.lastSequence, note.flow.id);
    if (this.sink !== null) this.#save(this.sink, packet, note);
  }

  #save(sink: PacketSink, packet: SavedPacket, note: FlowNote): void {
    // The comment belongs on the flow's first packet; under a flood of new flows it comes with a later one.
    if (note.queued && !this.isHurried && this.#verdicts.length <= JUDGED_AT_ONCE) this.#verdicts.judgeAll();
    const section = sink.prepare();
    if (note.commentedIn !== section) {
      note.commentedIn = section;
      note.comment ??= note.verdict === null ? null : this.#rows.comment(this.#rows.row(note));
    }
    sink.packet(packet, note.comment, note.flow);
    note.comment = null;
  }

  /** The note of the flow inside the tunnel that the last packet belonged to. */
  #insideNote({ inner: carried }: Packet): FlowNote | null {
    const flow = this.#table.lastInner;
    if (flow === null || carried === null) return null;
    return this.#notes.get(flow.id) ?? this.#notes.begin(flow, carried, this.#table.lastInnerDirection);
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
