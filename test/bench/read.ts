/**
 * A saved capture of a million packets read to its end, beside tcpdump and tshark on the same file in the same run; what bounds that (Node's
 * start, and the file's bytes alone); and ten million packets, for time and memory.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFacts } from '../../src/host/read-facts.ts';
import { writeCaptureFile } from './capture-file.ts';
import type { Group } from './group.ts';
import { LAB_SNAPSHOT, labDocument } from './hosts.ts';
import { median, type Row, timeRow } from './measure.ts';
import { mainOf, runMemory, runTime } from './program.ts';

const PACKETS = 1_000_000;
const MANY = 10;
const REPEATS = 5;
/** How much less time than theirs it is to take, and how much memory in all. */
const AS_FAST_AS_TCPDUMP = 8;
const AS_FAST_AS_TSHARK = 40;
const MOST_MEGABYTES = 150;
/** Ten times the packets may take so much more than ten times the time of one time. */
const LINEAR_WITHIN = 1.1;

const bytesAlone = (file: string): number => {
  const buffer = new Uint8Array(1 << 19);
  const start = process.hrtime.bigint();
  const from = openSync(file, 'r');
  while (readSync(from, buffer) > 0);
  closeSync(from);
  return Number(process.hrtime.bigint() - start) / 1e6;
};

const ascending = (times: readonly number[]): number[] => [...times].sort((x, y) => x - y);

const memoryRow = (name: string, megabytes: number): Row => ({
  name,
  unit: 'MB',
  median: megabytes,
  best: megabytes,
  worst: megabytes,
  repeats: 1,
  target: { kind: 'most', value: MOST_MEGABYTES },
});

export const read: Group = {
  name: 'read',
  title: 'a saved capture of 1,000,000 packets in 5,000 flows',
  run: async (report) => {
    const folder = mkdtempSync(join(tmpdir(), 'vethscope-bench-'));
    try {
      const facts = readFacts(labDocument());
      const file = join(folder, 'million.pcapng');
      writeCaptureFile(file, facts, PACKETS);
      const main = mainOf();
      const node = process.execPath;
      const judged = (path: string): string[] => [main, '--host', LAB_SNAPSHOT, 'read', path];
      const times = { node: [], bytes: [], tcpdump: [], tshark: [], plain: [], judged: [] } as Record<string, number[]>;
      const add = (name: string, ms: number): void => void times[name]?.push(ms);
      // In turns, so that what else the machine does hits all alike.
      for (let repeat = 0; repeat < REPEATS; repeat++) {
        add('node', await runTime(node, ['-e', '0']));
        add('bytes', bytesAlone(file));
        add('tcpdump', await runTime('tcpdump', ['-nn', '-r', file]));
        add('tshark', await runTime('tshark', ['-q', '-z', 'conv,tcp', '-r', file]));
        add('plain', await runTime(node, [main, 'read', file]));
        add('judged', await runTime(node, judged(file)));
      }
      const of = (name: string): number[] => ascending(times[name] ?? []);
      const [bytes, tcpdump, tshark] = [median(of('bytes')), median(of('tcpdump')), median(of('tshark'))];
      const bound = median(of('node')) + bytes;
      const beside = (name: string): string => {
        const ms = median(of(name));
        const nsEach = Math.round(((ms - bound) * 1e6) / PACKETS);
        return `1/${(tshark / ms).toFixed(1)} of tshark, 1/${(tcpdump / ms).toFixed(1)} of tcpdump; above the bound ${nsEach} ns a packet`;
      };
      const row = (title: string, name: string, extra: Partial<Row> = {}): void =>
        report(timeRow(title, 'ms', { msPerCall: of(name) }, extra));
      row('node -e 0', 'node', { note: 'bound: nothing starts sooner' });
      row("the file's bytes alone", 'bytes', { note: 'bound: readSync into one buffer' });
      row('tcpdump -nn', 'tcpdump');
      row('tshark -q -z conv,tcp', 'tshark');
      row('read, without verdicts', 'plain', { note: beside('plain') });
      const most = Math.min(tshark / AS_FAST_AS_TSHARK, tcpdump / AS_FAST_AS_TCPDUMP);
      row('read, with verdicts', 'judged', { target: { kind: 'most', value: most }, note: beside('judged') });

      const large = join(folder, 'ten-million.pcapng');
      writeCaptureFile(large, facts, PACKETS * MANY);
      const many = { msPerCall: ascending([await runTime(node, judged(large)), await runTime(node, judged(large))]) };
      const share = median(many.msPerCall) / (MANY * median(of('judged')));
      const linear = { kind: 'most', value: MANY * median(of('judged')) * LINEAR_WITHIN } as const;
      report(
        timeRow('read, with verdicts, 10,000,000 packets', 'ms', many, {
          target: linear,
          note: `${share.toFixed(2)} x ten times the above`,
        }),
      );
      report(memoryRow('memory of read, with verdicts', await runMemory(node, judged(file))));
      report(memoryRow('memory of read, with verdicts, 10,000,000 packets', await runMemory(node, judged(large))));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
