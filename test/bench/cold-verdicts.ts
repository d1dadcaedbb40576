/**
 * Judges the flows of one kind of traffic in a process that has done nothing before, then again and again, and prints the milliseconds of
 * each as JSON: of reading the host's facts, of the first packets without verdicts, of the verdicts cold and warm; and how often the path was asked.
 */
import { readFileSync } from 'node:fs';
import { parseMac } from '../../src/base/ip-address.ts';
import type { HostFacts } from '../../src/host/facts.ts';
import { parseSnapshot } from '../../src/host/read-snapshot.ts';
import { LINKTYPE_ETHERNET } from '../../src/packet/packet.ts';
import { RawPacket } from '../../src/pcap/events.ts';
import { CaptureCore } from '../../src/session/capture/capture-core.ts';
import { HostStore } from '../../src/session/host-store.ts';
import { elapsedMs, seeded } from './measure.ts';

export interface ColdVerdicts {
  readonly factsMs: number;
  readonly flowsMs: number;
  readonly coldMs: number;
  readonly warmMs: readonly number[];
  readonly asked: number;
}

const TH_SYN = 2;
/** 172.17.0.2 and 203.0.113.1, which publishes its port. */
const CONTAINER = 0xac11_0002;
const HOST = 0xcb00_7101;
const WARM_REPEATS = 5;

/** Frames of 54 bytes as a file's are read, each the SYN of a connection of its own. */
const frames = (kind: string, count: number, macs: { readonly host: number; readonly container: number }): readonly Uint8Array[] => {
  const random = seeded(7);
  const pick = (list: readonly number[]): number => list[Math.floor(random() * list.length)] as number;
  const seen = new Set<string>();
  const list: Uint8Array[] = [];
  while (list.length < count) {
    const sport = 32_768 + Math.floor(random() * 28_000);
    const far = kind === 'outward' ? 0xc633_0000 + Math.floor(random() * 0x1_0000) : 0x0b00_0000 + Math.floor(random() * 0xb000_0000);
    const dport = kind === 'outward' ? pick([53, 80, 443, 8080]) : 8080;
    if (seen.has(`${far} ${sport}`)) continue;
    seen.add(`${far} ${sport}`);
    const bytes = new Uint8Array(54);
    const frame = Buffer.from(bytes.buffer);
    const [src, dst] = kind === 'outward' ? [CONTAINER, far] : [far, HOST];
    frame.writeUIntBE(macs.host, 0, 6);
    frame.writeUIntBE(kind === 'outward' ? macs.container : 0x0200_0000_00fe, 6, 6);
    frame.writeUInt16BE(0x0800, 12);
    frame.writeUInt16BE(0x4500, 14);
    frame.writeUInt16BE(40, 16);
    frame.writeUInt16BE(0x4000, 20);
    frame.writeUInt16BE(0x4006, 22);
    frame.writeUInt32BE(src >>> 0, 26);
    frame.writeUInt32BE(dst >>> 0, 30);
    frame.writeUInt16BE(sport, 34);
    frame.writeUInt16BE(dport, 36);
    frame.writeUInt16BE(0x5000 | TH_SYN, 46);
    list.push(bytes);
  }
  return list;
};

const [snapshot = '', kind = 'outward', count = '5000'] = process.argv.slice(2);
const text = readFileSync(snapshot, 'utf8');
const device = kind === 'outward' ? 'docker0' : 'eth0';
const raw = new RawPacket();
let all: readonly Uint8Array[] | null = null;

const framesOn = ({ self, containers }: HostFacts): readonly Uint8Array[] => {
  const container = containers.flatMap(({ endpoints }) => endpoints).find(({ ipv4 }) => ipv4?.a === CONTAINER);
  const host = self.links?.find(({ name }) => name === device);
  return frames(kind, Number(count), { host: parseMac(host?.mac ?? '') ?? 0, container: parseMac(container?.mac ?? '') ?? 0 });
};

const run = (): { readonly factsMs: number; readonly flowsMs: number; readonly verdictsMs: number; readonly asked: number } => {
  const store = new HostStore(false);
  let start = process.hrtime.bigint();
  store.replace(parseSnapshot(text), 'snapshot opened');
  const factsMs = elapsedMs(start);
  const { version } = store;
  const point = version?.topology.points.find((each) => each.interface === device && each.netns === null);
  if (version === null || point === undefined) throw new Error(`no capture point ${device}`);
  all ??= framesOn(version.facts);
  const core = new CaptureCore({ store, points: [point], keepPackets: false });
  start = process.hrtime.bigint();
  for (const [index, bytes] of all.entries()) {
    Object.assign(raw, { bytes, end: bytes.length, originalLength: bytes.length, timeSec: 1_700_000_000, timeNsec: index });
    core.intake.ingest(raw, 0, LINKTYPE_ETHERNET);
  }
  const flowsMs = elapsedMs(start);
  start = process.hrtime.bigint();
  core.verdicts.judgeAll();
  return { factsMs, flowsMs, verdictsMs: elapsedMs(start), asked: version.cache.asked };
};

const first = run();
const later = Array.from({ length: WARM_REPEATS }, () => run().verdictsMs);
const result: ColdVerdicts = {
  factsMs: first.factsMs,
  flowsMs: first.flowsMs,
  coldMs: first.verdictsMs,
  warmMs: later.slice(1),
  asked: first.asked,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
