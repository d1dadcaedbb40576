/** A saved capture of a million packets read to its end, beside tcpdump and tshark on the same file in the same run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFacts } from '../../src/host/read-facts.ts';
import { writeCaptureFile } from './capture-file.ts';
import type { Group } from './group.ts';
import { LAB_SNAPSHOT, labDocument } from './hosts.ts';
import { median, timeRow } from './measure.ts';
import { mainOf, runTime } from './program.ts';

const PACKETS = 1_000_000;
const REPEATS = 3;

export const read: Group = {
  name: 'read',
  title: 'a saved capture of 1,000,000 packets',
  run: async (report) => {
    const folder = mkdtempSync(join(tmpdir(), 'vethscope-bench-'));
    try {
      const file = join(folder, 'million.pcapng');
      writeCaptureFile(file, readFacts(labDocument()), PACKETS);
      const main = mainOf();
      const programs = [
        { name: 'tcpdump -nn', command: 'tcpdump', args: ['-nn', '-r', file] },
        { name: 'tshark -q -z conv,tcp', command: 'tshark', args: ['-q', '-z', 'conv,tcp', '-r', file] },
        { name: 'read, without verdicts', command: process.execPath, args: [main, 'read', file] },
        { name: 'read, with verdicts', command: process.execPath, args: [main, '--host', LAB_SNAPSHOT, 'read', file] },
      ].map((program) => ({ ...program, times: [] as number[] }));
      // In turns, so that what else the machine does hits all alike.
      for (let repeat = 0; repeat < REPEATS; repeat++) {
        for (const { command, args, times } of programs) times.push(await runTime(command, args));
      }
      const sorted = programs.map((program) => ({ ...program, times: program.times.sort((x, y) => x - y) }));
      const others = sorted.slice(0, 2);
      for (const { name, times } of sorted) {
        const isOwn = name.startsWith('read');
        const ratios = others.map((other) => `${(median(times) / median(other.times)).toFixed(2)} x ${other.name}`).join(', ');
        report(timeRow(name, 'ms', { msPerCall: times }, isOwn ? { note: ratios } : {}));
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
