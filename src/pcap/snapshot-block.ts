/**
 * Host snapshots inside a capture file: custom blocks (draft-ietf-opsawg-pcapng section 4.7). This project has no enterprise
 * number of its own; it uses 32473, which RFC 5612 reserves for examples, and marks its data by a magic text. A snapshot
 * longer than one part is split over several blocks, which carry its number and their place. The JSON may be packed by gzip
 * (RFC 1952); packing and unpacking are the caller's. Layout, all big-endian:
 *
 *     0  16 bytes  "vethscope snap 1", or "vethscope snapz1" for gzip
 *    16  u32       number of the snapshot in the file
 *    20  u32, u32  which part this is (from 0), how many there are
 *    28  u32, u32  seconds since the epoch, high and low word
 *    36  u32       nanoseconds
 *    40  u32       bytes of the whole document as it stands here
 *    44  u32       bytes of this part
 *    48            the part: UTF-8 JSON, or a piece of the gzip stream
 */
import { u32be } from '../base/bytes.ts';
import type { CustomEvent } from './events.ts';
import { customBlock } from './writer.ts';

/** RFC 5612: "Example Enterprise Number for Documentation Use". */
export const PEN_EXAMPLE = 32_473;
const MAGIC_PLAIN = 'vethscope snap 1';
const MAGIC_GZIP = 'vethscope snapz1';
const MAGIC_BYTES = 16;
const HEADER_BYTES = 48;
const DEFAULT_PART_BYTES = 1024 * 1024;
/** Snapshots that are begun and not complete; more than that is damage. */
const MAX_OPEN = 8;

export interface CapturedSnapshot {
  /** When the snapshot became valid for the packets that follow. */
  readonly timeSec: number;
  readonly timeNsec: number;
  /** The JSON document that host/read-snapshot reads, in UTF-8; packed where `packing` says so. */
  readonly document: Uint8Array;
  readonly packing: 'none' | 'gzip';
}

/** `serial` tells the snapshots of one file apart: count up from 0. */
export const encodeSnapshot = (snapshot: CapturedSnapshot, serial: number, partBytes = DEFAULT_PART_BYTES): Uint8Array[] => {
  const { document } = snapshot;
  const magic = snapshot.packing === 'gzip' ? MAGIC_GZIP : MAGIC_PLAIN;
  const parts = Math.max(1, Math.ceil(document.length / partBytes));
  const blocks: Uint8Array[] = [];
  for (let part = 0; part < parts; part++) {
    const from = part * partBytes;
    const piece = document.subarray(from, Math.min(from + partBytes, document.length));
    const data = new Uint8Array(HEADER_BYTES + piece.length);
    for (let i = 0; i < MAGIC_BYTES; i++) data[i] = magic.charCodeAt(i);
    const words = [
      serial,
      part,
      parts,
      Math.floor(snapshot.timeSec / 0x1_0000_0000),
      snapshot.timeSec % 0x1_0000_0000,
      snapshot.timeNsec,
      document.length,
      piece.length,
    ];
    const view = new DataView(data.buffer);
    words.forEach((word, index) => {
      view.setUint32(MAGIC_BYTES + index * 4, word);
    });
    data.set(piece, HEADER_BYTES);
    blocks.push(customBlock(PEN_EXAMPLE, data));
  }
  return blocks;
};

interface Open {
  readonly parts: (Uint8Array | null)[];
  missing: number;
  readonly totalBytes: number;
}

export type SnapshotResult =
  /** A custom block of someone else. */
  | { readonly kind: 'foreign' }
  /** More parts are needed. */
  | { readonly kind: 'partial' }
  | { readonly kind: 'snapshot'; readonly snapshot: CapturedSnapshot }
  | { readonly kind: 'problem'; readonly message: string };

/** Puts the parts of snapshots together, in whatever order the blocks come. */
export class SnapshotCollector {
  readonly #open = new Map<string, Open>();

  /** How many snapshots have been begun and never completed. */
  get incomplete(): number {
    return this.#open.size;
  }

  add(event: Pick<CustomEvent, 'pen' | 'section' | 'data'>): SnapshotResult {
    const { data } = event;
    const packing = event.pen === PEN_EXAMPLE ? packingOf(data) : null;
    if (packing === null) return { kind: 'foreign' };
    if (data.length < HEADER_BYTES) return problem('a snapshot block is shorter than its header');
    const [serial, part, parts, high, low, timeNsec, totalBytes, partBytes] = [16, 20, 24, 28, 32, 36, 40, 44].map((at) =>
      u32be(data, at),
    ) as [number, number, number, number, number, number, number, number];
    if (partBytes > data.length - HEADER_BYTES) {
      return problem(`part ${part} of a snapshot claims ${partBytes} bytes, its block has ${data.length - HEADER_BYTES}`);
    }
    if (part >= parts || parts > Math.max(1, totalBytes)) return problem(`a snapshot block says it is part ${part} of ${parts}`);
    const timeSec = high * 0x1_0000_0000 + low;
    const key = `${packing}/${event.section}/${serial}/${timeSec}/${timeNsec}/${parts}/${totalBytes}`;
    const open = this.#open.get(key) ?? this.#begin(key, parts, totalBytes);
    if (open === null) return problem(`more than ${MAX_OPEN} snapshots are begun and none of them is complete`);
    if ((open.parts[part] ?? null) === null) open.missing--;
    open.parts[part] = data.subarray(HEADER_BYTES, HEADER_BYTES + partBytes);
    if (open.missing > 0) return { kind: 'partial' };
    this.#open.delete(key);
    return join(open, timeSec, timeNsec, packing);
  }

  #begin(key: string, parts: number, totalBytes: number): Open | null {
    if (this.#open.size >= MAX_OPEN) return null;
    // Sparse: a claimed number of parts costs nothing until the parts are there.
    const open: Open = { parts: [], missing: parts, totalBytes };
    this.#open.set(key, open);
    return open;
  }
}

const join = (open: Open, timeSec: number, timeNsec: number, packing: CapturedSnapshot['packing']): SnapshotResult => {
  const parts = open.parts.filter((part) => part !== null);
  const sum = parts.reduce((bytes, part) => bytes + part.length, 0);
  if (sum !== open.totalBytes) return problem(`a snapshot of ${open.totalBytes} bytes came as ${sum} bytes`);
  const document = new Uint8Array(sum);
  let at = 0;
  for (const part of parts) {
    document.set(part, at);
    at += part.length;
  }
  return { kind: 'snapshot', snapshot: { timeSec, timeNsec, document, packing } };
};

const problem = (message: string): SnapshotResult => ({ kind: 'problem', message });

const packingOf = (data: Uint8Array): CapturedSnapshot['packing'] | null => {
  if (data.length < MAGIC_BYTES) return null;
  const magic = String.fromCharCode(...data.subarray(0, MAGIC_BYTES));
  return magic === MAGIC_PLAIN ? 'none' : magic === MAGIC_GZIP ? 'gzip' : null;
};
