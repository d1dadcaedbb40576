/** What is mutated: the recorded sessions and captures of this repository, and captures with every kind of block. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { PcapngAppender } from '../../src/pcap/appender.ts';
import { CaptureCopier } from '../../src/pcap/copier.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { encodeSnapshot, SnapshotCollector } from '../../src/pcap/snapshot-block.ts';
import { classicHeader, classicRecord } from '../pcap/capture-bytes.ts';
import { concat } from '../pcap/events-of.ts';
import { everyBlock, FRAME, opaqueBlocks } from '../pcap/everything.ts';

export interface Frame {
  readonly linkType: number;
  readonly bytes: Uint8Array;
}

export interface Corpus {
  readonly files: readonly Uint8Array[];
  readonly frames: readonly Frame[];
}

const capturesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.pcap(ng)?$/.test(name))
    .sort()
    .map((name) => join(folder, name));

/** `root`: the repository's folder. */
export const readCorpus = (root: string): Corpus => {
  const recorded = ['captures/samples', 'test/fixtures'].flatMap((folder) => capturesBelow(join(root, folder)));
  const whole = recorded.map((path) => new Uint8Array(readFileSync(path)));
  const small = whole.flatMap((file) => {
    const plain = withSnapshots(file, 'none');
    return [file, plain, withSnapshots(file, 'left out')].filter((each) => each !== null);
  });
  const files = [
    ...[true, false].map((little) => concat(...everyBlock(little), ...opaqueBlocks(little))),
    concat(...everyBlock(true), ...everyBlock(false), ...everyBlock(true)),
    ...[0xa1b2c3d4, 0xa1b23c4d].flatMap((magic) => [true, false].map((little) => classic(little, magic))),
    ...small,
  ];
  return { files: [...files, ...files.slice(0, 12).flatMap(packed)], frames: files.flatMap(framesOf) };
};

/** By gzip, and by zstd and lz4 where they are installed. */
const packed = (file: Uint8Array): Uint8Array[] => {
  const others = ['zstd', 'lz4'].map((program) => spawnSync(program, ['-c'], { input: file, maxBuffer: 1 << 26 }));
  return [gzipSync(file), ...others.filter(({ status }) => status === 0).map(({ stdout }) => stdout)].map((bytes) => new Uint8Array(bytes));
};

const classic = (little: boolean, magic: number): Uint8Array =>
  concat(
    classicHeader(little, magic, 262_144, 1),
    ...[1, 2, 3, 4].map((sec) => classicRecord(little, sec, sec, FRAME, FRAME.length + sec)),
  );

/** The file with its snapshots not packed, so that damage gets into them, or without them; null where it has none. */
const withSnapshots = (file: Uint8Array, how: 'none' | 'left out'): Uint8Array | null => {
  const out = new PcapngAppender();
  const copier = new CaptureCopier(out, { application: 'fuzz', withoutPrivate: false });
  const snapshots = new SnapshotCollector();
  let count = 0;
  const reader = new CaptureReader();
  reader.push(file);
  reader.end();
  for (let event = reader.next(); event !== null; event = reader.next()) {
    if (event.kind === 'packet') copier.packet(event.packet);
    else if (event.kind !== 'custom') copier.event(event);
    else {
      const result = snapshots.add(event);
      if (result.kind !== 'snapshot') continue;
      const { snapshot } = result;
      const document = snapshot.packing === 'gzip' ? gunzipSync(snapshot.document) : snapshot.document;
      if (how === 'none') for (const block of encodeSnapshot({ ...snapshot, document, packing: 'none' }, count)) copier.own(block);
      count++;
    }
  }
  return count === 0 ? null : new Uint8Array(out.take() ?? []);
};

const framesOf = (file: Uint8Array): Frame[] => {
  const frames: Frame[] = [];
  const reader = new CaptureReader();
  reader.push(file);
  reader.end();
  for (let event = reader.next(); event !== null; event = reader.next()) {
    if (event.kind !== 'packet') continue;
    const { packet } = event;
    frames.push({ linkType: packet.linkType, bytes: new Uint8Array(packet.bytes.subarray(packet.start, packet.end)) });
  }
  return frames;
};
