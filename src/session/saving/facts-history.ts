/**
 * What the host was as long as the packets in memory go back: a session that is saved later needs the facts that held then. Versions that
 * no packet needs any more are forgotten.
 */
import { gunzipSync, gzip } from 'node:zlib';
import type { SnapshotDocument } from '../../host/snapshot.ts';
import type { NameRecord } from '../../pcap/events.ts';
import type { HostStore } from '../host-store.ts';

export interface HeldFacts {
  /** Since when they hold, seconds since the epoch. */
  readonly sinceSec: number;
  readonly document: SnapshotDocument;
  readonly names: readonly NameRecord[];
}

/** More versions than this are not kept, whatever the packets need: the oldest go. */
const MAX_VERSIONS = 64;

interface Past {
  readonly sinceSec: number;
  readonly names: readonly NameRecord[];
  /** The document as it was last, until it is packed. */
  document: SnapshotDocument | null;
  packed: Uint8Array | null;
}

export class FactsHistory {
  readonly #store: HostStore;
  readonly #oldestNeededSec: () => number;
  readonly #past: Past[] = [];
  readonly #stop: () => void;
  #generation = 0;
  #sinceSec = 0;
  #newest: { readonly document: SnapshotDocument; readonly names: readonly NameRecord[] } | null = null;
  /** How many versions were forgotten though packets of their time were kept. */
  forgotten = 0;

  constructor(store: HostStore, oldestNeededSec: () => number) {
    this.#store = store;
    this.#oldestNeededSec = oldestNeededSec;
    this.#look();
    this.#stop = store.subscribe(() => this.#look());
  }

  /** The versions that held at any time between the two, oldest first; the first may have begun earlier. */
  between(fromSec: number, toSec: number): readonly HeldFacts[] {
    const all: HeldFacts[] = this.#past.map((past) => ({
      sinceSec: past.sinceSec,
      names: past.names,
      get document() {
        return documentOf(past);
      },
    }));
    if (this.#newest !== null) all.push({ sinceSec: this.#sinceSec, ...this.#newest });
    return all.filter(({ sinceSec }, index) => {
      const endSec = all[index + 1]?.sinceSec ?? Number.POSITIVE_INFINITY;
      return endSec > fromSec && (sinceSec <= toSec || index === 0);
    });
  }

  close(): void {
    this.#stop();
  }

  #look(): void {
    const { version } = this.#store;
    if (version === null) return;
    const isNew = version.generation !== this.#generation;
    if (isNew && this.#newest !== null) this.#retire();
    if (isNew) {
      this.#generation = version.generation;
      this.#sinceSec = Number(version.document.takenAt);
    }
    this.#newest = { document: version.document, names: isNew || this.#newest === null ? version.names.records() : this.#newest.names };
    this.#forget();
  }

  #retire(): void {
    const newest = this.#newest;
    if (newest === null) return;
    const past: Past = { sinceSec: this.#sinceSec, names: newest.names, document: newest.document, packed: null };
    this.#past.push(past);
    gzip(JSON.stringify(newest.document), (error, packed) => {
      // Where packing fails the document stays as it is, which only costs memory.
      if (error !== null) return;
      past.packed = packed;
      past.document = null;
    });
  }

  #forget(): void {
    const neededSec = this.#oldestNeededSec();
    const endOf = (index: number): number => this.#past[index + 1]?.sinceSec ?? this.#sinceSec;
    while (this.#past.length > 0 && endOf(0) < neededSec) this.#past.shift();
    while (this.#past.length > MAX_VERSIONS) {
      this.#past.shift();
      this.forgotten++;
    }
  }
}

const documentOf = (past: Past): SnapshotDocument => {
  if (past.document !== null) return past.document;
  // Written by this process from a document: nothing in it needs to be checked again.
  return JSON.parse(gunzipSync(past.packed ?? new Uint8Array()).toString()) as SnapshotDocument;
};
