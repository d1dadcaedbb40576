/** The snapshots of a capture file, for what has to know all of them before the first packet is written. Damage is told by who reads the file next. */
import { stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { parseSnapshot } from '../../host/read-snapshot.ts';
import type { SnapshotDocument } from '../../host/snapshot.ts';
import { CaptureReader } from '../../pcap/reader.ts';
import { type CapturedSnapshot, SnapshotCollector } from '../../pcap/snapshot-block.ts';
import { captureChunks, DamagedInput } from '../files/file-input.ts';

const MAX_SNAPSHOT_BYTES = 512 * 1024 * 1024;

/** None of what can be read only once. */
export async function* snapshotsIn(path: string): AsyncGenerator<SnapshotDocument> {
  const isRegular =
    path !== '-' &&
    (await stat(path).then(
      (found) => found.isFile(),
      () => false,
    ));
  if (!isRegular) return;
  const reader = new CaptureReader();
  const collector = new SnapshotCollector();
  try {
    for await (const chunk of captureChunks(path, new AbortController().signal)) {
      reader.push(chunk);
      for (let event = reader.next(); event !== null; event = reader.next()) {
        const result = event.kind === 'custom' ? collector.add(event) : null;
        const document = result?.kind === 'snapshot' ? readable(result.snapshot) : null;
        if (document !== null) yield document;
      }
    }
  } catch (error) {
    if (!(error instanceof DamagedInput)) throw error;
  }
}

/** Null for one that cannot be read. */
const readable = ({ document, packing }: CapturedSnapshot): SnapshotDocument | null => {
  try {
    return parseSnapshot(
      new TextDecoder().decode(packing === 'gzip' ? gunzipSync(document, { maxOutputLength: MAX_SNAPSHOT_BYTES }) : document),
    );
  } catch {
    return null;
  }
};
