/** What the program itself sees on a lab host: its own `snapshot` command, read by its own readers. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostFacts } from '../../src/host/facts.ts';
import { readFacts } from '../../src/host/read-facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import type { LabHost } from './lab.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export const snapshotTextOf = (host: LabHost): Promise<string> => {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build (npm test does it)`);
  return host.sh(`node '${MAIN}' snapshot`);
};

export const factsOf = async (host: LabHost): Promise<HostFacts> => readFacts(parseSnapshot(await snapshotTextOf(host)));
