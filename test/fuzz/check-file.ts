/** A damaged file on its way through the reader, the copier and, for some, the whole of `read`. What must hold is checked; anything else is thrown. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printable } from '../../src/base/printable.ts';
import { ORIGINAL, REPLY } from '../../src/flow/flow.ts';
import { decodePacket } from '../../src/packet/decode.ts';
import { Packet } from '../../src/packet/packet.ts';
import { PcapngAppender } from '../../src/pcap/appender.ts';
import { Lz4Unpacker } from '../../src/pcap/compressed/lz4.ts';
import { compressionOf } from '../../src/pcap/compressed/unpacker.ts';
import { ZstdUnpacker } from '../../src/pcap/compressed/zstd.ts';
import { CaptureCopier } from '../../src/pcap/copier.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { endJson } from '../../src/report/end-json.ts';
import { flowJson } from '../../src/report/flow-json.ts';
import { flowLine } from '../../src/report/flow-line.ts';
import { jsonLine } from '../../src/report/json.ts';
import { packetJson } from '../../src/report/packet-json.ts';
import { PLAIN_STYLE } from '../../src/report/style.ts';
import { summaryLines } from '../../src/report/summary-lines.ts';
import { timeLimit } from '../../src/session/files/time-limit.ts';
import { openWorkspace } from '../../src/session/open-workspace.ts';
import type { Random } from '../oracle/random.ts';

const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

export const mustBeSafe = (text: string): void => {
  must(printable(text) === text, `unsafe text: ${JSON.stringify(text.slice(0, 300))}`);
};

/** Reads the file in chunks of any size, decodes its packets, and passes it on; what was passed on must say the same. */
export const checkReader = (file: Uint8Array, random: Random): void => {
  const out = new PcapngAppender();
  const copier = new CaptureCopier(out, { application: 'fuzz', withoutPrivate: random.chance(0.2) });
  const added = random.chance(0.3) ? ['a comment'] : undefined;
  const reader = new CaptureReader();
  const packet = new Packet();
  let packets = 0;
  let events = 0;
  let at = 0;
  let sum = 0;
  while (at <= file.length) {
    const size = random.chance(0.3) ? random.between(1, 100) : 65_536;
    if (at < file.length) reader.push(file.subarray(at, at + size));
    else reader.end();
    for (let event = reader.next(); event !== null; event = reader.next()) {
      events++;
      if (event.kind === 'packet') {
        packets++;
        const raw = event.packet;
        must(raw.start >= 0 && raw.start <= raw.end && raw.end <= raw.bytes.length, 'a packet outside its bytes');
        must(raw.originalLength >= raw.end - raw.start, 'an original length below the captured one');
        must(Number.isFinite(raw.timeSec) && raw.timeNsec >= 0 && raw.timeNsec < 1e9, `time ${raw.timeSec}.${raw.timeNsec}`);
        decodePacket(packet, raw.bytes, raw.start, raw.end, raw.originalLength, raw.linkType);
        sum += raw.end - raw.start;
        copier.packet(raw, { added });
      } else {
        if (event.kind === 'problem') must(event.message.length < 400, 'an endless message');
        copier.event(event);
      }
    }
    must(events <= file.length + 16, 'more events than bytes');
    at += size;
    if (at > file.length && at - size < file.length) at = file.length;
  }
  must(reader.next() === null, 'events after the end');
  const copy = new CaptureReader();
  const bytes = out.take();
  if (bytes !== null) copy.push(bytes);
  copy.end();
  let copied = 0;
  let copiedSum = 0;
  for (let event = copy.next(); event !== null; event = copy.next()) {
    if (event.kind === 'packet') {
      copied++;
      copiedSum += event.packet.end - event.packet.start;
    } else if (event.kind === 'problem' && bytes !== null) must(!event.fatal, `the copy is damaged: ${event.message}`);
  }
  must(copied === packets && copiedSum === sum, `${packets} packets of ${sum} bytes, copied ${copied} of ${copiedSum}`);
};

const LIMIT = timeLimit();
/** Beyond, a bomb has been shown to be taken piece by piece. */
const ENOUGH_BYTES = 32 * 1024 * 1024;

/** A packed file through its unpacker: pieces of bounded size, then at most one problem. (zlib has no such inside; gzip goes through the session.) */
export const checkUnpacker = (file: Uint8Array, random: Random): void => {
  const format = compressionOf(file);
  if (format !== 'zstd' && format !== 'lz4') return;
  const unpacker = format === 'zstd' ? new ZstdUnpacker(LIMIT) : new Lz4Unpacker();
  let sum = 0;
  for (let at = 0; at <= file.length && sum < ENOUGH_BYTES; ) {
    const size = random.of([1, 7, 100, 65_536, 65_536, 65_536]);
    unpacker.push(file.subarray(at, at + size));
    at += size;
    if (at > file.length) unpacker.end();
    for (let piece = unpacker.next(); piece !== null && sum < ENOUGH_BYTES; piece = unpacker.next()) {
      if (piece.kind === 'problem') {
        must(unpacker.next() === null, 'something behind the problem');
        return;
      }
      must(piece.bytes.length <= 4 << 20, `a piece of ${piece.bytes.length} bytes`);
      sum += piece.bytes.length;
    }
  }
};

/** The file opened as `read --packets --json` and the screens do it. */
export const checkSession = async (file: Uint8Array, folder: string): Promise<void> => {
  const path = join(folder, `mutated-${process.pid}.pcapng`);
  writeFileSync(path, file);
  const workspace = await openWorkspace({ host: null, dockerHost: null, needs: 'file' });
  try {
    const view = await workspace.openFile(path, {});
    let told = 0;
    view.observe({
      packet: (packet, flow, direction) => {
        if (told++ < 200) mustBeSafe(jsonLine(packetJson(packet, flow.id, direction, 'eth0')));
      },
    });
    await view.finished;
    const state = view.getState();
    for (const event of state.events) must(event.text.length < 5000, 'an endless event');
    const { rows } = view.flows({ sort: 'packets', descending: true, search: '', offset: 0, limit: 40 });
    for (const row of rows) {
      mustBeSafe(jsonLine(flowJson(row, 'eth0')));
      mustBeSafe(flowLine(row, 'ended', PLAIN_STYLE, 60));
      view.explain(row.flow.id);
      view.why(row.flow.id);
      view.packetsOf(row.flow.id, 10);
      must(row.flow.packets[ORIGINAL] + row.flow.packets[REPLY] > 0, 'a flow without packets');
    }
    mustBeSafe(jsonLine(endJson(state, rows.length)));
    for (const line of summaryLines(state, rows.length)) mustBeSafe(line);
  } finally {
    await workspace.close();
    rmSync(path, { force: true });
  }
};
