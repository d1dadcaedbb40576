/**
 * Writes a session as pcapng: packets with their comments, the snapshots, names and statistics; conventions in docs/formats.md. Each section
 * is whole in itself: one begins with every file, and where saving goes on after the disk had refused something.
 */
import { gzipSync } from 'node:zlib';
import type { SnapshotDocument } from '../../host/snapshot.ts';
import { PcapngAppender } from '../../pcap/appender.ts';
import type { NameRecord } from '../../pcap/events.ts';
import { encodeSnapshot } from '../../pcap/snapshot-block.ts';
import { interfaceDescription, interfaceStatistics, nameResolution, sectionHeader } from '../../pcap/writer.ts';
import { countText } from '../../report/time.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import { gapComment } from '../capture/capture-gap.ts';
import type { CaptureGap, SessionEvent } from '../state/capture-state.ts';
import { openOutput, type SessionOutput } from './file-output.ts';
import type { SavedPacket } from './packet-sink.ts';
import type { SessionTransform } from './transform.ts';
import { type Chunk, type NotSaved, WriteQueue } from './write-queue.ts';

/** A kill loses at most what came in this time. */
const FLUSH_MS = 500;

/** What a point's interface block says beside its name. */
export interface InterfaceNote {
  readonly linkType: number;
  readonly filter: string;
  readonly timeStampSource: string;
  /** What was missed before, where another interface of the file is continued; null for nothing. */
  readonly gap: CaptureGap | null;
}

export interface PointStatistics {
  readonly received: number | null;
  readonly droppedByKernel: number | null;
  readonly droppedByInterface: number | null;
}

export interface WriterOptions {
  readonly points: readonly CapturePoint[];
  readonly noteOf: (point: number, linkType: number) => InterfaceNote;
  readonly say: (severity: SessionEvent['severity'], text: string) => void;
  readonly transform?: SessionTransform | null | undefined;
  /** Called at the beginning of every section, to write what it needs to be whole. */
  readonly begun?: (writer: SessionWriter) => void;
}

export class SessionWriter {
  /** Counts the sections up from 1: each flow's first packet in one carries its verdict. */
  section = 0;
  /** Packets of the current file, written or on their way. */
  filePackets = 0;
  readonly #queue: WriteQueue;
  readonly #options: WriterOptions;
  readonly #appender = new PcapngAppender();
  /** Interface ids in the section, by point and link type. */
  readonly #interfaces = new Map<number, number>();
  #interfaceCount = 0;
  /** By point: the interface that its next one continues. */
  readonly #left = new Map<number, number>();
  readonly #comments: string[] = [''];
  readonly #parts = {
    interfaceId: 0,
    timeSec: 0,
    timeNsec: 0,
    bytes: new Uint8Array(0),
    start: 0,
    end: 0,
    originalLength: 0,
    comments: undefined as readonly string[] | undefined,
  };
  readonly #timer: NodeJS.Timeout;
  #snapshots = 0;
  /** The packed form of the newest document, which may be written into several files. */
  #packed: { readonly document: SnapshotDocument; readonly bytes: Uint8Array } | null = null;
  /** Bytes of the current file that have been handed over. */
  #handedBytes = 0;
  #pendingPackets = 0;
  #pendingPacketBytes = 0;
  #startsSection = false;
  #tooSlow = false;
  #closed = false;

  private constructor(path: string, output: SessionOutput, options: WriterOptions) {
    this.#options = options;
    const { say } = options;
    this.#queue = new WriteQueue(path, output, {
      refused: (file, reason) => say('error', `${file}: saving has stopped: ${reason}. The capture goes on; what is not saved is counted.`),
      resumed: (file, missing) => say('warning', `${file}: saving goes on; ${countText(missing, 'packet')} missing before`),
      deleted: (file, packets) =>
        say(
          'error',
          `${file} was deleted, and ${countText(packets, 'packet')} with it. The capture goes on; the file is made anew if it can be.`,
        ),
      notRemoved: (file, reason) => say('warning', `${file}: the oldest file of the ring could not be removed: ${reason}`),
      written: (chunk) => this.#appender.recycle(chunk.bytes),
    });
    this.#begin();
    this.#timer = setInterval(() => {
      this.flush();
      this.#queue.check();
    }, FLUSH_MS);
    this.#timer.unref();
  }

  /** Opens `path` for writing (mode 0600; an existing file is replaced, as tcpdump -w does), or standard output for `-`. */
  static async open(path: string, options: WriterOptions): Promise<SessionWriter> {
    return new SessionWriter(path, await openOutput(path), options);
  }

  get path(): string {
    return this.#queue.path;
  }

  /** Packets and bytes that are in files. */
  get packets(): number {
    return this.#queue.packets;
  }

  get bytes(): number {
    return this.#queue.bytes;
  }

  get notSaved(): Readonly<NotSaved> {
    return this.#queue.notSaved;
  }

  get error(): string | null {
    return this.#queue.error;
  }

  /** Bytes of the current file, written or on their way. */
  get fileBytes(): number {
    return this.#handedBytes + this.#appender.pendingBytes;
  }

  /** Whether one more attempt is due after the disk refused something. */
  get isRetryDue(): boolean {
    return this.#queue.error !== null && this.#queue.wants() === 'section';
  }

  /** False where the next packet would be in vain. Begins a new section where the next packet needs one. */
  prepare(): boolean {
    if (this.#closed) return false;
    const wanted = this.#queue.wants();
    if (wanted === 'section') {
      this.flush();
      this.#begin();
    }
    return wanted !== 'drop';
  }

  snapshot(document: SnapshotDocument, timeSec: number, timeNsec: number): void {
    if (this.#packed?.document !== document) {
      const written = this.#options.transform?.snapshot?.(document) ?? document;
      this.#packed = { document, bytes: gzipSync(JSON.stringify(written)) };
    }
    const { bytes } = this.#packed;
    for (const block of encodeSnapshot({ timeSec, timeNsec, document: bytes, packing: 'gzip' }, this.#snapshots)) this.block(block);
    this.#snapshots++;
  }

  names(records: readonly NameRecord[]): void {
    const written = this.#options.transform?.names?.(records) ?? records;
    if (written.length > 0) this.block(nameResolution(written));
  }

  /** To be called after `prepare()`, with the packet's point as its interfaceId. */
  packet(packet: SavedPacket, comment: string | null): void {
    const captured = packet.end - packet.start;
    if (this.#queue.isOverfull) {
      this.#queue.lose(1, captured);
      if (!this.#tooSlow) this.#options.say('error', `${this.path}: the disk is too slow; packets are missing from the file`);
      this.#tooSlow = true;
      return;
    }
    const parts = this.#parts;
    parts.interfaceId = this.interfaceIdOf(packet.interfaceId, packet.linkType);
    parts.timeSec = packet.timeSec;
    parts.timeNsec = packet.timeNsec;
    parts.bytes = packet.bytes as Uint8Array<ArrayBuffer>;
    parts.start = packet.start;
    parts.end = packet.end;
    parts.originalLength = packet.originalLength;
    const changed = this.#options.transform?.packet;
    if (changed !== undefined) {
      parts.bytes = changed(
        packet.bytes.subarray(packet.start, packet.end),
        packet.linkType,
        packet.originalLength,
      ) as Uint8Array<ArrayBuffer>;
      parts.start = 0;
      parts.end = parts.bytes.length;
    }
    const written = comment === null ? null : this.#comment(comment);
    if (written === null) parts.comments = undefined;
    else {
      this.#comments[0] = written;
      parts.comments = this.#comments;
    }
    this.#appender.packet(parts);
    this.filePackets++;
    this.#pendingPackets++;
    this.#pendingPacketBytes += parts.end - parts.start;
    if (this.#appender.full) this.flush();
  }

  /** A packet that was meant for the file and could not be given to it. */
  lose(packet: SavedPacket): void {
    this.#queue.lose(1, packet.end - packet.start);
  }

  /** The interface id in the section of a capture point; its description block is written when it is first used. */
  interfaceIdOf(pointIndex: number, linkType: number): number {
    const key = pointIndex * 0x1_0000 + linkType;
    const known = this.#interfaces.get(key);
    if (known !== undefined) return known;
    const id = this.#interfaceCount++;
    const continued = this.#left.get(pointIndex);
    this.#left.delete(pointIndex);
    this.#interfaces.set(key, id);
    const point = this.#options.points[pointIndex];
    const note = this.#options.noteOf(pointIndex, linkType);
    const described = {
      name: point?.id ?? `interface ${pointIndex}`,
      description: descriptionOf(point),
      filter: note.filter,
      os: null,
      hardware: null,
      mac: null,
      comments: continued === undefined ? [] : [gapComment(continued, note.gap)],
    };
    const words = this.#options.transform?.interface?.(described) ?? described;
    this.block(
      interfaceDescription({
        linkType: note.linkType,
        snapLength: 0,
        name: words.name ?? undefined,
        description: words.description ?? undefined,
        filter: words.filter ?? undefined,
        timeStampSource: note.timeStampSource,
        comments: words.comments,
      }),
    );
    return id;
  }

  /** From here on the point is another interface: its next packet begins with a description of its own. */
  leave(pointIndex: number): void {
    for (const [key, id] of this.#interfaces) {
      if (Math.floor(key / 0x1_0000) !== pointIndex) continue;
      this.#interfaces.delete(key);
      this.#left.set(pointIndex, id);
    }
  }

  statistics(pointIndex: number, linkType: number, counts: PointStatistics, timeSec: number, timeNsec: number): void {
    this.block(
      interfaceStatistics({
        interfaceId: this.interfaceIdOf(pointIndex, linkType),
        timeSec,
        timeNsec,
        received: counts.received,
        droppedByOs: counts.droppedByKernel,
        droppedByInterface: counts.droppedByInterface,
      }),
    );
  }

  /** A whole block of pcapng. */
  block(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#appender.block(bytes);
    if (this.#appender.full) this.flush();
  }

  /** Goes on in another file. `removes`: a file of ours whose time is over. */
  moveTo(path: string, removes: string | null): void {
    this.flush();
    this.#queue.moveTo(path, removes);
    this.#handedBytes = 0;
    this.filePackets = 0;
    this.#begin();
  }

  /** Hands what has been collected to the disk. */
  flush(): void {
    const bytes = this.#appender.take();
    if (bytes === null) return;
    const chunk: Chunk = {
      bytes,
      packets: this.#pendingPackets,
      packetBytes: this.#pendingPacketBytes,
      startsSection: this.#startsSection,
    };
    this.#handedBytes += bytes.length;
    this.#pendingPackets = 0;
    this.#pendingPacketBytes = 0;
    this.#startsSection = false;
    this.#queue.push(chunk);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.flush();
    await this.#queue.close();
  }

  #begin(): void {
    this.section++;
    this.#startsSection = true;
    this.#interfaces.clear();
    this.#left.clear();
    this.#interfaceCount = 0;
    const { transform, begun } = this.#options;
    const missing = this.#queue.notSaved.packets;
    const remarks = missing === 0 ? [] : [`${countText(missing, 'packet')} of the capture until here could not be saved`];
    const words = { hardware: null, os: `${process.platform} ${process.arch}`, application: 'vethscope', comments: remarks };
    const { hardware, os, application, comments } = transform?.section?.(words) ?? words;
    this.#appender.block(
      sectionHeader({ hardware: hardware ?? undefined, os: os ?? undefined, application: application ?? undefined, comments }),
    );
    begun?.(this);
  }

  #comment(text: string): string | null {
    const changed = this.#options.transform?.comment;
    return changed === undefined ? text : changed(text);
  }
}

const descriptionOf = (point: CapturePoint | undefined): string => {
  if (point === undefined) return '';
  const who =
    point.container === null ? (point.network ?? '') : point.network === null ? point.container : `${point.container} (${point.network})`;
  return [who, point.sees].filter(Boolean).join(': ');
};
