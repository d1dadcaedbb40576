/** How many packets a second the recogniser takes in, each seen at five points with a translation before the last. */
import { FlowTable } from '../../src/flow/table.ts';
import { IPPROTO_TCP, L3_IPV4, Packet } from '../../src/packet/packet.ts';
import { type Stage, TrailBook } from '../../src/trail/book.ts';
import type { Group } from './group.ts';
import { least, rateRow, timed } from './measure.ts';

const POINTS = 5;
const FLOWS = 1_000;
/** Packets at the first point. */
const PACKETS = 40_000;
const APART_NS = 20_000;

export const trail: Group = {
  name: 'trail',
  title: `the same packets at ${POINTS} points, ${FLOWS} flows`,
  run: async (report) => {
    const packet = new Packet();
    packet.l3 = L3_IPV4;
    packet.protocol = IPPROTO_TCP;
    packet.tcpFlags = 0x18;
    packet.bytes = new Uint8Array(1500);
    packet.payloadOffset = 54;
    packet.payloadLength = 1446;
    packet.payloadCaptured = 1446;
    const show = (number: number, point: number): void => {
      const flow = number % FLOWS;
      const isTranslated = point === POINTS - 1;
      packet.interfaceId = point;
      packet.srcA = isTranslated ? 0xcb007101 : 0xac120002;
      packet.dstA = 0xc6336407;
      packet.srcPort = (isTranslated ? 20_000 : 30_000) + flow;
      packet.dstPort = 80;
      packet.ttl = isTranslated ? 63 : 64;
      packet.ipId = (number % 65_535) + 1;
      packet.tcpSeq = number * 1446;
      const ns = number * APART_NS + point * 1_000;
      packet.timeSec = 1_700_000_000 + Math.floor(ns / 1e9);
      packet.timeNsec = ns % 1e9;
    };
    const table = new FlowTable();
    const stages: (Stage | undefined)[] = [];
    const watch = (book: TrailBook | null): void => {
      for (let number = 0; number < PACKETS; number++) {
        for (let point = 0; point < POINTS; point++) {
          show(number, point);
          const flow = table.observe(packet);
          if (book === null) continue;
          const stage = stages[flow.id] ?? book.open(flow);
          stages[flow.id] = stage;
          book.saw(stage, packet, table.lastDirection, book.timeOf(packet.timeSec, packet.timeNsec));
        }
      }
    };
    const plain = timed(() => watch(null));
    report(rateRow('flow table alone', 'packets/s', plain, PACKETS * POINTS));
    let joined = 0;
    const followed = timed(() => {
      stages.length = 0;
      const book = new TrailBook({ rank: (point) => point, mayTranslate: () => false });
      watch(book);
      book.recogniser.finish();
      joined = book.hidden;
    });
    const note = `${joined} of ${FLOWS * (POINTS - 1)} flows joined`;
    report(rateRow('flow table and trails', 'packets/s', followed, PACKETS * POINTS, { ...least(300_000), note }));
  },
};
