/**
 * Writes a saved session, or any capture, anew: some of its packets, with the facts, names and statistics that belong to them. Blocks are
 * passed on as they are where nothing in them is to change. docs/formats.md, "Rewriting".
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { failure, messageOf } from '../../base/errors.ts';
import type { Flow } from '../../flow/flow.ts';
import { parseSnapshot } from '../../host/read-snapshot.ts';
import type { SnapshotDocument } from '../../host/snapshot.ts';
import { PcapngAppender } from '../../pcap/appender.ts';
import type { PacketChange } from '../../pcap/changed-packet.ts';
import { CaptureCopier } from '../../pcap/copier.ts';
import type { RawPacket, ReaderEvent } from '../../pcap/events.ts';
import { encodeSnapshot, SnapshotCollector } from '../../pcap/snapshot-block.ts';
import { nameResolution } from '../../pcap/writer.ts';
import type { FileTap } from '../files/file-capture.ts';
import type { PacketFilter } from '../files/packet-filter.ts';
import type { HostVersion } from '../host-store.ts';
import { openOutput, type SessionOutput } from './file-output.ts';
import type { PacketSink } from './packet-sink.ts';
import { type CopyTarget, Rebuilder } from './rebuild.ts';
import type { SessionTransform } from './transform.ts';

export interface RewriteOptions {
  /** Packets that it refuses are left out; null for none. */
  readonly packetFilter: PacketFilter | null;
  /** Only packets of these flows, by the ids that they have in a capture of this file; null for all. */
  readonly flows: ReadonlySet<number> | null;
  readonly packetLimit: number | null;
  readonly transform: SessionTransform | null;
  /** Facts that take the place of the file's own, and whose verdicts take the place of those in it; null for none. */
  readonly host: HostVersion | null;
}

const VERDICT_COMMENT = /^vethscope: /;
/** So many flows may wait for a packet that is kept; most that are left out never have one. */
const MAX_MOVED = 100_000;
const MAX_SNAPSHOT_BYTES = 512 * 1024 * 1024;

export class FileRewriter implements FileTap, PacketSink {
  packets = 0;
  bytes = 0;
  leftOut = 0;
  /** Why it could not be written to its end; null while all is well. */
  error: string | null = null;
  readonly #options: RewriteOptions;
  readonly #output: SessionOutput;
  readonly #out = new PcapngAppender();
  readonly #target: CopyTarget;
  readonly #rebuilder: Rebuilder | null;
  readonly #snapshots = new SnapshotCollector();
  #snapshotCount = 0;
  /** Of the packet that is being read. */
  #flowId: number | null = null;
  #verdict: string | null = null;
  /** Verdicts that packets carried which were left out, by flow: its next packet carries them. */
  readonly #moved = new Map<number, string>();

  private constructor(output: SessionOutput, options: RewriteOptions) {
    this.#output = output;
    this.#options = options;
    const { transform } = options;
    const isRebuilt = transform !== null && (transform.interface ?? transform.section ?? transform.dropsForeignBlocks ?? false) !== false;
    this.#rebuilder = isRebuilt ? new Rebuilder(this.#out, transform) : null;
    this.#target = this.#rebuilder ?? new CaptureCopier(this.#out, { application: 'vethscope', withoutPrivate: this.#isChanged });
  }

  static async open(path: string, options: RewriteOptions): Promise<FileRewriter> {
    return new FileRewriter(await openOutput(path), options);
  }

  get #isChanged(): boolean {
    const { packetFilter, flows, packetLimit, transform, host } = this.#options;
    return packetFilter !== null || flows !== null || packetLimit !== null || transform !== null || host !== null;
  }

  prepare(): number {
    return 1;
  }

  /** Told of each packet that belongs to a flow, before the packet itself comes by `read`. */
  packet(_packet: unknown, comment: string | null, flow: Flow): void {
    this.#flowId = flow.id;
    this.#verdict = comment;
  }

  event(event: Exclude<ReaderEvent, { kind: 'packet' }>): void {
    const { host, transform } = this.#options;
    if (event.kind === 'custom') {
      this.#custom(event);
      return;
    }
    if (event.kind === 'names' && host === null && transform?.names !== undefined && this.#rebuilder === null) {
      const records = transform.names(event.records);
      if (records.length > 0) this.#target.own(nameResolution(records, event.comments));
      return;
    }
    this.#target.event(event);
    if (event.kind === 'section' && host !== null) {
      this.#snapshot(host.document, Number(host.document.takenAt));
      const records = host.names.records();
      const written = transform?.names?.(records) ?? records;
      if (written.length > 0) this.#target.own(nameResolution(written));
    }
  }

  /** Returns false once no more packets are wanted. */
  read(raw: RawPacket): boolean {
    const flowId = this.#flowId;
    const verdict = this.#verdict;
    this.#flowId = null;
    this.#verdict = null;
    const { packetFilter, flows, packetLimit, host } = this.#options;
    const isWanted = (packetFilter === null || packetFilter.accepts(raw)) && (flows === null || (flowId !== null && flows.has(flowId)));
    const carried = raw.comments.findLast((comment) => VERDICT_COMMENT.test(comment)) ?? null;
    const said = host === null ? carried : verdict;
    if (!isWanted) {
      if (said !== null && flowId !== null) this.#move(flowId, said);
      return true;
    }
    const moved = flowId === null ? null : (this.#moved.get(flowId) ?? null);
    if (moved !== null && flowId !== null) this.#moved.delete(flowId);
    this.#write(raw, said ?? moved);
    this.packets++;
    return packetLimit === null || this.packets < packetLimit;
  }

  /** Gives the disk what has been collected. */
  async drained(): Promise<void> {
    const chunk = this.#out.take();
    if (chunk === null || this.error !== null) return;
    const { kept, error } = await this.#output.write(chunk);
    this.bytes += kept;
    this.error = error;
    this.#out.recycle(chunk);
    if (error !== null) throw failure(`writing stopped after ${this.bytes} bytes: ${error}`, { hint: 'what is there can be read' });
  }

  async close(): Promise<void> {
    try {
      if (this.error === null) await this.drained();
    } finally {
      this.leftOut += this.#rebuilder?.leftOut ?? 0;
      await this.#output.close();
    }
  }

  #move(flowId: number, verdict: string): void {
    this.#moved.set(flowId, verdict);
    if (this.#moved.size > MAX_MOVED) this.#moved.delete(this.#moved.keys().next().value as number);
  }

  #write(raw: RawPacket, verdict: string | null): void {
    const { transform, host } = this.#options;
    const others = host === null ? raw.comments : raw.comments.filter((comment) => !VERDICT_COMMENT.test(comment));
    const all = verdict === null || others.includes(verdict) ? others : [...others, verdict];
    const comment = transform?.comment;
    const comments = comment === undefined ? all : all.flatMap((text) => comment(text) ?? []);
    const isSame = comments.length === raw.comments.length && comments.every((text, index) => text === raw.comments[index]);
    const captured = raw.bytes.subarray(raw.start, raw.end);
    const data = transform?.packet?.(captured, raw.linkType, raw.originalLength) ?? captured;
    const change: PacketChange = { ...(isSame ? {} : { comments }), ...(data === captured ? {} : { data }) };
    this.#target.packet(raw, change);
  }

  #custom(event: Extract<ReaderEvent, { kind: 'custom' }>): void {
    const { host, transform } = this.#options;
    const isPassedOn = host === null && transform?.snapshot === undefined && this.#rebuilder === null;
    if (isPassedOn) {
      this.#target.event(event);
      return;
    }
    const result = this.#snapshots.add(event);
    if (result.kind === 'foreign') this.#target.event(event);
    else if (result.kind === 'snapshot' && host === null) {
      const { document, packing, timeSec, timeNsec } = result.snapshot;
      const text = packing === 'gzip' ? gunzipSync(document, { maxOutputLength: MAX_SNAPSHOT_BYTES }) : document;
      try {
        this.#snapshot(parseSnapshot(new TextDecoder().decode(text)), timeSec + timeNsec / 1e9);
      } catch (error) {
        // Passing on what cannot be read could pass on what was to be changed.
        throw failure('a snapshot in the file cannot be read, so it cannot be changed', { detail: messageOf(error) });
      }
    }
  }

  #snapshot(document: SnapshotDocument, sinceSec: number): void {
    const written = this.#options.transform?.snapshot?.(document) ?? document;
    const timeSec = Math.floor(sinceSec);
    const snapshot = { timeSec, timeNsec: Math.round((sinceSec - timeSec) * 1e9), packing: 'gzip' as const };
    const packed = gzipSync(JSON.stringify(written));
    for (const block of encodeSnapshot({ ...snapshot, document: packed }, this.#snapshotCount)) this.#target.own(block);
    this.#snapshotCount++;
  }
}
