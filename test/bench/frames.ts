/** A live table of 100,000 flows: how long the event loop is held while packets come in and the table is sorted and filtered anew. */
import { LINKTYPE_ETHERNET } from '../../src/packet/packet.ts';
import type { RawPacket } from '../../src/pcap/reader.ts';
import { CaptureCore } from '../../src/session/capture/capture-core.ts';
import { HostStore } from '../../src/session/host-store.ts';
import type { FlowQuery } from '../../src/session/state/flow-row.ts';
import type { Group } from './group.ts';
import { labDocument } from './hosts.ts';
import { most, seeded, timeRow } from './measure.ts';

const FLOWS = 100_000;
const PACKETS_A_TURN = 500;
const QUERIES: readonly Pick<FlowQuery, 'sort' | 'search'>[] = [
  { sort: 'packets', search: '' },
  { sort: 'last', search: '' },
  { sort: 'name', search: '' },
  { sort: 'verdict', search: '' },
  { sort: 'bytes', search: 'accept' },
  { sort: 'bytes', search: '10.77' },
];
const TURNS_EACH = 150;
const FRAME_EVERY_MS = 50;

export const frames: Group = {
  name: 'frames',
  title: 'a live table of 100,000 flows',
  run: async (report) => {
    const core = filled();
    const random = seeded(7);
    const turns: number[] = [];
    const pages: number[] = [];
    let pageAt = 0;
    for (const { sort, search } of QUERIES) {
      for (let turn = 0; turn < TURNS_EACH; turn++) {
        const start = performance.now();
        for (let packet = 0; packet < PACKETS_A_TURN; packet++) ingest(core, Math.floor(random() * FLOWS));
        if (performance.now() - pageAt >= FRAME_EVERY_MS) {
          const asked = performance.now();
          core.answers.page({ sort, descending: true, search, offset: 0, limit: 40 });
          pageAt = performance.now();
          pages.push(pageAt - asked);
        }
        await new Promise((done) => setImmediate(done));
        turns.push(performance.now() - start);
      }
    }
    const ascending = (values: readonly number[]): readonly number[] => values.toSorted((x, y) => x - y);
    const worst = (values: readonly number[]): number => ascending(values).at(-1) ?? 0;
    report(
      timeRow('a page of the table', 'ms', { msPerCall: ascending(pages) }, { note: 'sorted and filtered in slices between packets' }),
    );
    report(
      timeRow(
        'worst turn of the event loop',
        'ms',
        { msPerCall: [worst(turns)] },
        { ...most(100), note: `${PACKETS_A_TURN} packets a turn; bounded by garbage collection` },
      ),
    );
  },
};

const frame = Buffer.from(
  `02000000000202000000000108004500002e0000000040110000${'0a4d0001'}${'0a4d0002'}4e202328001a0000${'30'.repeat(18)}`,
  'hex',
);

const ingest = (core: CaptureCore, flow: number): void => {
  frame.writeUInt16BE(20_000 + (flow % 40_000), 34);
  frame.writeUInt16BE(9_000 + Math.floor(flow / 40_000), 36);
  const length = frame.length;
  const raw = {
    bytes: frame as Uint8Array,
    start: 0,
    end: length,
    originalLength: length,
    timeSec: 1_700_000_000,
    timeNsec: 0,
    timed: true,
  };
  core.intake.ingest(raw as RawPacket, 0, LINKTYPE_ETHERNET);
};

const filled = (): CaptureCore => {
  const store = new HostStore(true);
  store.replace(labDocument(), 'first');
  const point = store.version?.topology.points[0];
  if (point === undefined) throw new Error('the snapshot has no capture point');
  const core = new CaptureCore({ store, points: [point], keepPackets: true });
  // As in a capture, whose table is there before its flows.
  core.answers.page({ sort: 'first', descending: true, search: '', offset: 0, limit: 40 });
  for (let flow = 0; flow < FLOWS; flow++) ingest(core, flow);
  core.verdicts.judgeAll();
  return core;
};
