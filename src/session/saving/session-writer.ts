/**
 * Writes a session as pcapng while it runs: packets with their comments, the snapshots, names and statistics. Conventions in
 * docs/formats.md. What the disk refuses ends the saving, never the capture; what it is too slow for is counted.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { failure, messageOf } from '../../base/errors.ts';
import type { SnapshotDocument } from '../../host/snapshot.ts';
import type { Packet } from '../../packet/packet.ts';
import { PcapngAppender } from '../../pcap/appender.ts';
import type { NameRecord } from '../../pcap/events.ts';
import { encodeSnapshot } from '../../pcap/snapshot-block.ts';
import { interfaceDescription, interfaceStatistics, nameResolution, sectionHeader } from '../../pcap/writer.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { PacketSink } from '../capture-core.ts';
import { gapComment } from '../capture-gap.ts';
import type { CaptureGap } from '../state.ts';
import type { SessionTransform } from './transform.ts';

/** Where sessions are saved unless somebody says otherwise. */
export const DEFAULT_FOLDER = 'captures';
/** A kill loses at most what came in this time. */
const FLUSH_MS = 500;
/** Chunks that wait for the disk; beyond, packets are dropped from the file (not from the screen) and counted. */
const MAX_WAITING_BYTES = 96 * 1024 * 1024;

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

interface Output {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export class SessionWriter implements PacketSink {
  readonly path: string;
  packets = 0;
  bytes = 0;
  /** Packets that the disk was too slow for. */
  dropped = 0;
  error: string | null = null;
  readonly #output: Output;
  readonly #appender = new PcapngAppender();
  readonly #points: readonly CapturePoint[];
  readonly #noteOf: (point: number, linkType: number) => InterfaceNote;
  /** Interface ids in the file, by point and link type. */
  readonly #interfaces = new Map<number, number>();
  #interfaceCount = 0;
  /** By point: the interface that its next one continues. */
  readonly #left = new Map<number, number>();
  readonly #onTrouble: (message: string) => void;
  readonly #transform: SessionTransform | null;
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
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    path: string,
    output: Output,
    points: readonly CapturePoint[],
    noteOf: (point: number, linkType: number) => InterfaceNote,
    onTrouble: (message: string) => void,
    transform: SessionTransform | null,
  ) {
    this.path = path;
    this.#transform = transform;
    this.#output = output;
    this.#points = points;
    this.#noteOf = noteOf;
    this.#onTrouble = onTrouble;
    const words = { hardware: null, os: `${process.platform} ${process.arch}`, application: 'vethscope', comments: [] };
    const { hardware, os, application, comments } = transform?.section?.(words) ?? words;
    this.#appender.block(
      sectionHeader({ hardware: hardware ?? undefined, os: os ?? undefined, application: application ?? undefined, comments }),
    );
    this.#timer = setInterval(() => this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  /** Opens `path` for writing (mode 0600; an existing file is replaced, as tcpdump -w does), or standard output for `-`. */
  static async open(
    path: string,
    points: readonly CapturePoint[],
    noteOf: (point: number, linkType: number) => InterfaceNote,
    onTrouble: (message: string) => void,
    transform: SessionTransform | null = null,
  ): Promise<SessionWriter> {
    const output = path === '-' ? standardOutput() : await fileOutput(path);
    return new SessionWriter(path, output, points, noteOf, onTrouble, transform);
  }

  snapshot(document: SnapshotDocument, timeSec: number, timeNsec: number): void {
    const packed = gzipSync(JSON.stringify(this.#transform?.snapshot?.(document) ?? document));
    for (const block of encodeSnapshot({ timeSec, timeNsec, document: packed, packing: 'gzip' }, this.#snapshots)) this.#block(block);
    this.#snapshots++;
  }

  names(records: readonly NameRecord[]): void {
    const written = this.#transform?.names?.(records) ?? records;
    if (written.length > 0) this.#block(nameResolution(written));
  }

  packet(packet: Packet, comment: string | null): void {
    if (this.#closed || this.error !== null) return;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      if (this.dropped++ === 0) this.#onTrouble(`${this.path}: the disk is too slow; packets are missing from the file`);
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
    const changed = this.#transform?.packet;
    if (changed !== undefined) {
      const captured = packet.bytes.subarray(packet.start, packet.end);
      parts.bytes = changed(captured, packet.linkType, packet.originalLength) as Uint8Array<ArrayBuffer>;
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
    this.packets++;
    if (this.#appender.full) this.flush();
  }

  /** The interface id in the file of a capture point; its description block is written when it is first used. */
  interfaceIdOf(pointIndex: number, linkType: number): number {
    const key = pointIndex * 0x1_0000 + linkType;
    const known = this.#interfaces.get(key);
    if (known !== undefined) return known;
    const id = this.#interfaceCount++;
    const continued = this.#left.get(pointIndex);
    this.#left.delete(pointIndex);
    this.#interfaces.set(key, id);
    const point = this.#points[pointIndex];
    const note = this.#noteOf(pointIndex, linkType);
    const described = {
      name: point?.id ?? `interface ${pointIndex}`,
      description: descriptionOf(point),
      filter: note.filter,
      os: null,
      hardware: null,
      mac: null,
      comments: continued === undefined ? [] : [gapComment(continued, note.gap)],
    };
    const words = this.#transform?.interface?.(described) ?? described;
    this.#block(
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
    this.#block(
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

  /** Hands what has been collected to the disk. */
  flush(): void {
    const chunk = this.#appender.take();
    if (chunk === null) return;
    this.#waitingBytes += chunk.length;
    this.#writing = this.#writing.then(async () => {
      try {
        if (this.error === null) {
          await this.#output.write(chunk);
          this.bytes += chunk.length;
        }
      } catch (error) {
        this.error = messageOf(error);
        this.#onTrouble(`${this.path}: saving has stopped: ${this.error}. The capture goes on.`);
      } finally {
        this.#waitingBytes -= chunk.length;
        this.#appender.recycle(chunk);
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.flush();
    await this.#writing;
    try {
      await this.#output.close();
    } catch (error) {
      this.error ??= messageOf(error);
    }
  }

  #comment(text: string): string | null {
    const changed = this.#transform?.comment;
    return changed === undefined ? text : changed(text);
  }

  #block(bytes: Uint8Array): void {
    if (this.#closed || this.error !== null) return;
    this.#appender.block(bytes);
    if (this.#appender.full) this.flush();
  }
}

const descriptionOf = (point: CapturePoint | undefined): string => {
  if (point === undefined) return '';
  const who =
    point.container === null ? (point.network ?? '') : point.network === null ? point.container : `${point.container} (${point.network})`;
  return [who, point.sees].filter(Boolean).join(': ');
};

const fileOutput = async (path: string): Promise<Output> => {
  let handle: FileHandle;
  try {
    // The place where sessions go by default is made as needed; any other folder that is not there is a mistake in the name.
    if (dirname(path) === DEFAULT_FOLDER) await mkdir(DEFAULT_FOLDER, { recursive: true });
    handle = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
    // A capture is private also where the file was there before. FIFOs and devices keep what they have.
    if ((await handle.stat()).isFile()) await handle.chmod(0o600);
  } catch (error) {
    throw failure(`cannot save to ${path}`, {
      detail: messageOf(error),
      hint: 'choose a folder that is there and that you may write to',
      cause: error,
    });
  }
  return {
    write: async (bytes) => {
      let done = 0;
      while (done < bytes.length) done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
    },
    close: () => handle.close(),
  };
};

/** Standard output stays open: it is not this writer's. */
const standardOutput = (): Output => ({
  write: (bytes) =>
    new Promise((resolve, reject) => {
      process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
    }),
  close: async () => {},
});
