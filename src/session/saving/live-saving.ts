/**
 * Saves a capture while it runs: the facts and statistics that make each file a whole session, the change from one file to the next, and the
 * end where one was asked for.
 */
import { failure } from '../../base/errors.ts';
import type { SnapshotDocument } from '../../host/snapshot.ts';
import type { NameRecord } from '../../pcap/events.ts';
import { bytesText } from '../../report/time.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { SavingState, SessionEvent } from '../state/capture-state.ts';
import type { PacketSink, SavedPacket } from './packet-sink.ts';
import { type FileNames, fileNames, type Rotation, type RotationCause, rotationCause } from './rotation.ts';
import type { SaveOptions } from './save-options.ts';
import { type InterfaceNote, type PointStatistics, SessionWriter } from './session-writer.ts';

export interface SessionFacts {
  readonly document: SnapshotDocument;
  readonly names: { records(): readonly NameRecord[] };
}

export interface UsedPoint {
  readonly point: number;
  readonly linkType: number;
  readonly counts: PointStatistics;
}

/** What the capture tells whoever saves it. */
export interface SavingSource {
  readonly points: readonly CapturePoint[];
  noteOf(point: number, linkType: number): InterfaceNote;
  /** Null where nothing is known of the host. */
  facts(): SessionFacts | null;
  /** The points that listen or have listened, with what they have counted so far. */
  used(): readonly UsedPoint[];
  say(severity: SessionEvent['severity'], text: string): void;
  /** What was to be saved is saved. */
  over(reason: string): void;
}

export class LiveSaving implements PacketSink {
  readonly #source: SavingSource;
  readonly #options: SaveOptions;
  readonly #writer: SessionWriter;
  readonly #names: FileNames | null;
  #files = 1;
  #sinceMs: number;
  /** What the points had counted when the file began. */
  #baseline = new Map<number, PointStatistics>();
  #packets = 0;
  #isWriting = true;
  #isOver = false;

  private constructor(writer: SessionWriter, names: FileNames | null, sinceMs: number, source: SavingSource, options: SaveOptions) {
    this.#writer = writer;
    this.#names = names;
    this.#sinceMs = sinceMs;
    this.#source = source;
    this.#options = options;
    this.#noteBaseline();
  }

  static async open(path: string, source: SavingSource, options: SaveOptions = {}): Promise<LiveSaving> {
    const { rotation = null, transform = null } = options;
    const nowMs = Date.now();
    const names = rotation === null ? null : fileNames(path, rotation);
    const writer = await SessionWriter.open(names?.first(nowMs) ?? path, {
      points: source.points,
      noteOf: (point, linkType) => source.noteOf(point, linkType),
      say: (severity, text) => source.say(severity, text),
      transform,
      begun: (begun) => {
        writeFacts(begun, source, options);
        for (const { point, linkType } of source.used()) begun.interfaceIdOf(point, linkType);
      },
    });
    const limit = rotation?.sizeBytes ?? options.autostop?.bytes ?? null;
    // Every file carries the facts: one that they fill would have a packet each.
    if (limit !== null && writer.fileBytes * 2 > limit) {
      const needed = writer.fileBytes * 2;
      await writer.close();
      throw failure(`files of ${bytesText(limit)} are too small: what is known of the host takes ${bytesText(needed / 2)} in each`, {
        hint: `choose at least ${bytesText(needed)}`,
      });
    }
    return new LiveSaving(writer, names, nowMs, source, options);
  }

  get state(): SavingState {
    const { path, bytes, packets, error, notSaved } = this.#writer;
    return { path, bytes, packets, error, files: this.#files, notSaved: { ...notSaved } };
  }

  /** Called before a packet's comment is asked for: in a new section it has one again. */
  prepare(): number {
    if (!this.#isOver) {
      const cause = this.#due();
      if (cause !== null) this.#rotate(cause);
      this.#isWriting = this.#writer.prepare();
    }
    return this.#writer.section;
  }

  packet(packet: SavedPacket, comment: string | null): void {
    if (this.#isOver) return;
    const writer = this.#writer;
    if (!this.#isWriting) {
      writer.lose(packet);
      return;
    }
    writer.packet(packet, comment);
    this.#packets++;
    const { autostop = null } = this.#options;
    if (autostop === null) return;
    if (autostop.packets !== null && this.#packets >= autostop.packets) this.#end(`${autostop.packets} packets are saved`);
    else if (autostop.bytes !== null && writer.fileBytes >= autostop.bytes) this.#end(`the file has ${bytesText(writer.fileBytes)}`);
  }

  /** Time passes, with packets or without. */
  tick(): void {
    const { rotation = null } = this.#options;
    if (this.#isOver || rotation === null || this.#due() !== 'time') return;
    // tcpdump begins a file with a packet; that the last one is over needs none.
    if (rotation.kind === 'dumpcap' || this.#names?.isLast === true) this.#rotate('time');
  }

  /** The facts have changed. */
  facts(): void {
    if (!this.#isOver && this.#writer.error === null) writeFacts(this.#writer, this.#source, this.#options);
  }

  leave(point: number): void {
    this.#writer.leave(point);
  }

  describe(point: number, linkType: number): void {
    if (this.#writer.error === null) this.#writer.interfaceIdOf(point, linkType);
  }

  async close(): Promise<void> {
    this.#conclude();
    await this.#writer.close();
  }

  #due(): RotationCause | null {
    const { rotation = null } = this.#options;
    if (rotation === null) return null;
    // The next file of a ring takes the place of the oldest one: where the disk is full there is room again.
    if (isRing(rotation) && this.#writer.isRetryDue) return 'size';
    const { fileBytes: bytes, filePackets: packets } = this.#writer;
    return rotationCause(rotation, { bytes, packets, sinceMs: this.#sinceMs }, Date.now());
  }

  #rotate(cause: RotationCause): void {
    const { autostop = null } = this.#options;
    const filesLeft = autostop === null || autostop.files === null || this.#files < autostop.files;
    const nowMs = Date.now();
    const next = filesLeft ? (this.#names?.next(cause, nowMs) ?? null) : null;
    if (next === null) {
      this.#end(this.#files === 1 ? 'the file is written' : `${this.#files} files are written`);
      return;
    }
    this.#conclude();
    this.#files++;
    this.#sinceMs = nowMs;
    this.#noteBaseline();
    this.#writer.moveTo(next.path, next.removes);
  }

  #end(reason: string): void {
    this.#isOver = true;
    this.#source.over(reason);
  }

  /** What the file needs at its end: the last counters, and what was lost in its time. */
  #conclude(): void {
    if (this.#writer.error !== null) return;
    const nowMs = Date.now();
    writeFacts(this.#writer, this.#source, this.#options);
    for (const { point, linkType, counts } of this.#source.used()) {
      const since = statisticsSince(counts, this.#baseline.get(point));
      this.#writer.statistics(point, linkType, since, Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000);
    }
  }

  #noteBaseline(): void {
    // The first file counts from where its points began, as a session in one file does.
    if (this.#files > 1) for (const { point, counts } of this.#source.used()) this.#baseline.set(point, counts);
  }
}

const isRing = (rotation: Rotation): boolean =>
  rotation.kind === 'dumpcap' ? rotation.files !== null : rotation.count !== null && rotation.seconds === null;

const writeFacts = (writer: SessionWriter, source: SavingSource, options: SaveOptions): void => {
  const facts = source.facts();
  if (facts === null) return;
  const nowMs = Date.now();
  if (options.facts !== false) writer.snapshot(facts.document, Math.floor(nowMs / 1000), (nowMs % 1000) * 1_000_000);
  writer.names(facts.names.records());
};

const statisticsSince = (counts: PointStatistics, before: PointStatistics | undefined): PointStatistics => {
  const since = (now: number | null, then: number | null | undefined): number | null =>
    now === null ? null : Math.max(0, now - (then ?? 0));
  return {
    received: since(counts.received, before?.received),
    droppedByKernel: since(counts.droppedByKernel, before?.droppedByKernel),
    droppedByInterface: since(counts.droppedByInterface, before?.droppedByInterface),
  };
};
