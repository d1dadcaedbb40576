/**
 * `npm run bench:file -- PATH [PACKETS]`: the capture that the group `read` measures with (1,000,000 packets unless told otherwise), the same
 * bytes on every machine. Its host is test/fixtures/snapshots/scene-28.5.json, for `--host`.
 */
import { readFacts } from '../../src/host/read-facts.ts';
import { writeCaptureFile } from './capture-file.ts';
import { labDocument } from './hosts.ts';

const [path, packets = '1000000'] = process.argv.slice(2);
if (path === undefined || !/^[1-9]\d*$/.test(packets)) {
  process.stderr.write('usage: npm run bench:file -- PATH [PACKETS]\n');
  process.exitCode = 2;
} else writeCaptureFile(path, readFacts(labDocument()), Number(packets));
