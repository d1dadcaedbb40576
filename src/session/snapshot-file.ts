/** Snapshots that are saved in files, as `--host` and `--peer` name them. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { failure, messageOf, VethscopeError } from '../base/errors.ts';
import { parseSnapshot } from '../host/read-snapshot.ts';
import type { SnapshotDocument } from '../host/snapshot.ts';

/** How pcapng files begin (draft-ietf-opsawg-pcapng, section 4.1). */
const SECTION_HEADER = '\n\r\r\n';

/**
 * `-` is standard input.
 * @throws a failure that names the file and says what is wrong with it
 */
export const readSnapshotFile = async (path: string): Promise<SnapshotDocument> => {
  const found = await readText(path);
  if (found.startsWith(SECTION_HEADER)) {
    throw failure(`${path} is a capture, no snapshot`, {
      hint: 'vethscope read FILE, or vethscope --open FILE, judges it by the snapshots in it',
    });
  }
  try {
    return parseSnapshot(found);
  } catch (error) {
    if (!(error instanceof VethscopeError)) throw error;
    const { kind, message, detail, hint } = error;
    throw new VethscopeError(kind, `${path}: ${message}`, {
      ...(detail === null ? {} : { detail }),
      ...(hint === null ? {} : { hint }),
      cause: error,
    });
  }
};

const readText = async (path: string): Promise<string> => {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw failure(`cannot read the snapshot ${path}`, {
      detail: messageOf(error),
      hint: 'vethscope snapshot -o FILE makes one',
      cause: error,
    });
  }
};
