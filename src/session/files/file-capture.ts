/** A saved session, or any pcap or pcapng file, opened again: the snapshots inside it say what the host was when. */
import { gunzipSync } from 'node:zlib';
import { describeChanges, summariseChanges } from '../../agent/changes.ts';
import { failure, messageOf } from '../../base/errors.ts';
import { parseSnapshot } from '../../host/read-snapshot.ts';
import { CaptureReader, type RawPacket, type ReaderEvent } from '../../pcap/reader.ts';
import { type CapturedSnapshot, SnapshotCollector, type SnapshotResult } from '../../pcap/snapshot-block.ts';
import { pointName } from '../../topology/points.ts';
import { CaptureBase } from '../capture/capture-base.ts';
import { gapWords, parseGapComment } from '../capture/capture-gap.ts';
import type { PointCondition } from '../flows/trail-keeper.ts';
import type { HostStore } from '../host-store.ts';
import type { Pace } from '../replay/replay-pace.ts';
import type { UsedPoint } from '../saving/live-saving.ts';
import type { PacketSink } from '../saving/packet-sink.ts';
import type { LostCounts, SavingState } from '../state/capture-state.ts';
import { ASSUMED_HOST } from '../what-if.ts';
import { captureChunks, DamagedInput } from './file-input.ts';
import { pointOfInterface } from './file-points.ts';
import type { PacketFilter } from './packet-filter.ts';

/** Who writes the file anew while it is read. */
export interface FileTap extends PacketSink {
  /** Each event that is no packet, before it is taken in. */
  event(event: Exclude<ReaderEvent, { kind: 'packet' }>): void;
  /** Each packet, when its flow has been told. Returns false once no more are wanted. */
  read(raw: RawPacket): boolean;
  /** Called between chunks: nothing is read before it has settled. */
  drained(): Promise<void>;
}

export interface FileCaptureOptions {
  readonly path: string;
  readonly store: HostStore;
  /** True where the facts come from elsewhere (`--host`), so that those in the file are passed over. */
  readonly hasOwnFacts: boolean;
  readonly filter: string;
  /** Compiles `filter` for a link type; null for all packets. */
  readonly packetFilter: PacketFilter | null;
  readonly keepPackets: boolean;
  readonly keepEnded?: boolean;
  readonly packetLimit: number | null;
  /** How far it may be read, where that is not to its end at once. */
  readonly pace?: Pace;
  readonly tap?: FileTap;
}

/** A file with a damaged header may have a problem a packet. */
const TOLD_PROBLEMS = 20;
/** A packed snapshot that grows beyond this is no snapshot. */
const MAX_SNAPSHOT_BYTES = 512 * 1024 * 1024;

const READ_HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'is the name right? captures/ is where sessions are saved by default',
  EACCES: 'files are read with your own rights, also under sudo: sudo chown "$USER" FILE, or sudo cat FILE | vethscope read -',
};

export class FileCapture extends CaptureBase {
  readonly finished: Promise<void>;
  readonly #options: FileCaptureOptions;
  readonly #reader = new CaptureReader();
  readonly #snapshots = new SnapshotCollector();
  /** Which of our points the interfaces of the current section are. */
  #interfaces: { readonly point: number; readonly linkType: number }[] = [];
  /** By point: what its interfaces' blocks say of lost packets, and whether the kernel stamped its packets. */
  readonly #losses = new Map<number, number>();
  readonly #hasKernelStamps: boolean[] = [];
  readonly #abort = new AbortController();
  readonly #statistics = new Map<number, { kernel: number | null; engine: number | null }>();
  #problems = 0;
  #hasFacts: boolean;
  #wantsMore = true;
  /** The reader's packet waits for its time. */
  #isHeld = false;
  #lastSec = 0;

  constructor(options: FileCaptureOptions) {
    super([], { ...options, startedAt: 0 });
    this.#options = options;
    this.#hasFacts = options.hasOwnFacts;
    this.core.intake.sink = options.tap ?? null;
    this.finished = this.#read();
    // Whoever does not await `finished` hears of a failure through the events and the points' state.
    this.finished.catch(() => {});
  }

  protected lost(): LostCounts {
    let kernel: number | null = null;
    let engine: number | null = null;
    for (const counts of this.#statistics.values()) {
      if (counts.kernel !== null) kernel = (kernel ?? 0) + counts.kernel;
      if (counts.engine !== null) engine = (engine ?? 0) + counts.engine;
    }
    // Nothing lies between a file and its reader; what is damaged in it is told as an event.
    return { kernel, engine, pipe: 0 };
  }

  protected saving(): SavingState | null {
    return null;
  }

  protected fileName(): string {
    return this.#options.path;
  }

  /** A file does not say when its points began: they are taken to have listened from its first packet on. */
  protected conditionOf(point: number): PointCondition {
    return {
      sinceSec: this.startedAt,
      lost: this.#losses.get(point) ?? null,
      hasKernelStamps: this.#hasKernelStamps[point] ?? false,
    };
  }

  /** What a file counted as lost is about all of it, not about what memory still holds. */
  protected usedPoints(): readonly UsedPoint[] {
    return [];
  }

  protected stampsOf(point: number): string {
    return this.#hasKernelStamps[point] === true ? 'kernel' : 'as in the session that this was saved from';
  }

  async setFilter(): Promise<void> {
    throw failure('the filter of an opened file is chosen when it is opened', {
      hint: '/ filters what is shown; or open the file again with a filter',
    });
  }

  async startSaving(): Promise<void> {
    throw failure('this is a saved session already', { hint: `it is ${this.#options.path}` });
  }

  async stopSaving(): Promise<void> {}

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.finished.catch(() => {});
    this.notifier.close();
  }

  async #read(): Promise<void> {
    const { path } = this.#options;
    // Whoever opened the file observes it from the next turn on.
    await new Promise((resolve) => setImmediate(resolve));
    const { signal } = this.#abort;
    try {
      for await (const chunk of captureChunks(path, signal)) {
        this.#reader.push(chunk);
        this.#wantsMore = await this.#drainPaced(signal);
        await this.#options.tap?.drained();
        // What cannot be read further need not be unpacked further: little may unpack to much.
        if (!this.#wantsMore || this.#reader.isOver) break;
        this.#assumeHost();
        this.core.verdicts.judgeAll();
        this.measureRate();
        this.notifier.touch();
      }
      this.#reader.end();
      if (this.#wantsMore) await this.#drainPaced(signal);
    } catch (error) {
      // What was unpacked before has been read; that the capture ends inside a block then needs no words of its own.
      if (error instanceof DamagedInput) this.say('error', `${path}: ${error.message}`);
      else if (!this.#abort.signal.aborted) throw this.#failed(error);
    } finally {
      const untold = this.#problems - TOLD_PROBLEMS;
      if (untold > 0) this.say('error', `${path}: ${untold} more problems in it`);
      this.history?.close();
      this.#assumeHost();
      this.core.finishAll();
      this.isFinished = true;
      this.core.counts.revision++;
      this.notifier.touch();
    }
  }

  /** Packets have come and no snapshot before them: rules that were given are all that can judge them. */
  #assumeHost(): void {
    if (this.store.version !== null || this.core.counts.packets === 0 || !this.store.assume()) return;
    this.say('info', `${this.#options.path} brings no snapshot: ${ASSUMED_HOST}`);
  }

  #failed(error: unknown): Error {
    const { path } = this.#options;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) return error instanceof Error ? error : failure(messageOf(error));
    const hint = READ_HINTS[code];
    return failure(`cannot read ${path}`, {
      detail: messageOf(error),
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }

  /** Works off what the reader has, and waits where it is not to go further yet. */
  async #drainPaced(signal: AbortSignal): Promise<boolean> {
    let wantsMore = this.#drain();
    while (this.#isHeld) {
      const { timeSec, timeNsec } = this.#reader.packet;
      this.#assumeHost();
      this.core.verdicts.judgeAll();
      this.core.counts.revision++;
      this.notifier.touch();
      await this.#options.pace?.hold(timeSec, timeNsec);
      signal.throwIfAborted();
      this.#isHeld = false;
      wantsMore = this.#packet() && this.#drain();
    }
    return wantsMore;
  }

  /** Works off what the reader has. Returns false at the packet limit. */
  #drain(): boolean {
    const reader = this.#reader;
    for (;;) {
      while (reader.nextPlain()) if (!this.#packet()) return false;
      const event = reader.next();
      if (event === null) return true;
      if (event.kind !== 'packet') this.#other(event);
      else if (!this.#packet()) return false;
    }
  }

  #packet(): boolean {
    const raw = this.#reader.packet;
    const { packetFilter, pace = null } = this.#options;
    if (pace !== null && !pace.allows(raw.timeSec, raw.timeNsec)) {
      this.#isHeld = true;
      return false;
    }
    if (packetFilter !== null && !packetFilter.accepts(raw)) return true;
    if (this.startedAt === 0) this.startedAt = raw.timeSec + raw.timeNsec / 1e9;
    const target = this.#interfaces[raw.interfaceId];
    const tap = this.#options.tap ?? null;
    if (target === undefined) return tap === null || tap.read(raw);
    this.core.intake.ingest(raw, target.point, target.linkType);
    if (raw.timeSec > this.#lastSec) {
      this.core.advance(raw.timeSec, raw.timeNsec);
      this.#lastSec = raw.timeSec;
    }
    return !this.isAtLimit && (tap === null || tap.read(raw));
  }

  #other(event: Exclude<ReaderEvent, { kind: 'packet' }>): void {
    this.#options.tap?.event(event);
    switch (event.kind) {
      case 'section':
        this.#interfaces = [];
        return;
      case 'interface':
        this.#interface(event);
        return;
      case 'statistics':
        this.#statistics.set(event.section * 0x1_0000 + event.interfaceId, { kernel: event.droppedByOs, engine: event.droppedByInterface });
        this.#noteLosses(event);
        this.core.counts.revision++;
        return;
      case 'custom':
        this.#custom(this.#snapshots.add(event));
        return;
      case 'problem':
        this.#problems++;
        if (this.#problems <= TOLD_PROBLEMS) this.say('error', `${this.#options.path}: at byte ${event.offset}: ${event.message}`);
        return;
      case 'names':
        this.core.rows.told.add(event.records);
        return;
      case 'unknown':
        return;
    }
  }

  #noteLosses({ interfaceId, droppedByOs, droppedByInterface }: Extract<ReaderEvent, { kind: 'statistics' }>): void {
    const point = this.#interfaces[interfaceId]?.point;
    if (point === undefined || droppedByOs === null) return;
    this.#losses.set(point, (this.#losses.get(point) ?? 0) + droppedByOs + (droppedByInterface ?? 0));
  }

  #interface(event: Extract<ReaderEvent, { kind: 'interface' }>): void {
    const point = pointOfInterface(event, this.store.version);
    const goesOn = event.comments.map(parseGapComment).find((parsed) => parsed !== null);
    // What was followed while it was captured is one point, whatever its interface was called.
    let index =
      (goesOn === undefined ? undefined : this.#interfaces[goesOn.interfaceId]?.point) ??
      this.points.findIndex((known) => known.id === point.id);
    if (index < 0) {
      index = this.points.push(point) - 1;
      this.statuses.push({ point, status: 'file', engine: null, linkType: event.linkType, message: event.description, gaps: [] });
    } else {
      this.points[index] = point;
      this.setPoint(index, { point });
    }
    if (goesOn?.gap != null) {
      this.setPoint(index, { gaps: [...(this.statuses[index]?.gaps ?? []), goesOn.gap] });
      this.core.event({ at: goesOn.gap.to, severity: 'info', text: `${pointName(point)}: ${gapWords(goesOn.gap)}` });
    }
    this.#interfaces[event.interfaceId] = { point: index, linkType: event.linkType };
    this.#hasKernelStamps[index] = event.comments.includes('time stamps: kernel');
    this.core.pointsChanged();
    this.core.counts.revision++;
  }

  #custom(result: SnapshotResult): void {
    if (result.kind === 'problem') this.say('warning', `${this.#options.path}: ${result.message}`);
    if (result.kind !== 'snapshot' || this.#options.hasOwnFacts) return;
    // What was captured so far is judged by the facts that held then.
    this.core.verdicts.judgeAll();
    const before = this.#hasFacts ? (this.store.version?.document ?? null) : null;
    let found: readonly string[] = [];
    try {
      const document = parseSnapshot(unpack(result.snapshot));
      if (before !== null) found = describeChanges(before, document);
      this.store.replace(document, found.length === 0 ? 'the facts were read from the file' : summariseChanges([], found));
    } catch (error) {
      this.say('warning', `${this.#options.path}: the snapshot in it cannot be read: ${messageOf(error)}`);
      return;
    }
    for (const [index, point] of this.points.entries()) {
      const known = this.store.version?.topology.points.find((candidate) => candidate.id === point.id);
      if (known === undefined) continue;
      this.points[index] = known;
      this.setPoint(index, { point: known });
    }
    // The last snapshot of a session has the last counters, and seldom anything else that is new.
    if (found.length > 0) {
      const reason = summariseChanges([], found);
      const at = Number(this.store.version?.document.takenAt ?? 0);
      this.core.event({ at, severity: 'info', text: reason });
      this.core.renewal.rejudge(reason, at, Math.max(this.store.unchangedAtSec, at - NOTICED_WITHIN_SEC));
    }
    this.core.renewal.recount();
    this.#hasFacts = true;
  }
}

/** A saved session does not say when its rules were last read unchanged; a capture reads them about once a second. */
const NOTICED_WITHIN_SEC = 2;

const unpack = ({ document, packing }: CapturedSnapshot): string =>
  new TextDecoder().decode(packing === 'gzip' ? gunzipSync(document, { maxOutputLength: MAX_SNAPSHOT_BYTES }) : document);
