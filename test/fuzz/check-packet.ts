/** Damaged packets on their way through decoders, flow table, rows, and all that shows them. */

import { decodePacket } from '../../src/packet/decode.ts';
import { hexDump } from '../../src/packet/hex.ts';
import { describeLayers } from '../../src/packet/layers.ts';
import { Packet } from '../../src/packet/packet.ts';
import { summarisePacket } from '../../src/packet/summary.ts';
import { RawPacket } from '../../src/pcap/reader.ts';
import { flowJson } from '../../src/report/flow-json.ts';
import { jsonLine } from '../../src/report/json.ts';
import { packetJson } from '../../src/report/packet-json.ts';
import { CaptureCore } from '../../src/session/capture/capture-core.ts';
import { HostStore } from '../../src/session/host-store.ts';
import type { Random } from '../oracle/random.ts';
import { mustBeSafe } from './check-file.ts';
import type { Frame } from './corpus.ts';
import { mutated } from './mutate.ts';

const LINK_TYPES = [0, 1, 1, 1, 101, 108, 113, 147, 228, 229, 276];
/** A table is begun anew after so many, so that a case that fails is soon met again. */
const TABLE_LIFE = 25_000;
const MAX_FLOWS = 3_000;

export class PacketCheck {
  readonly #frames: readonly Frame[];
  readonly #others: readonly Uint8Array[];
  readonly #raw = new RawPacket();
  readonly #packet = new Packet();
  /** The packet lies somewhere in a chunk; what is around it must not be looked at. */
  readonly #chunk = new Uint8Array(400_000);
  #core = this.#begin();
  #count = 0;
  #sec = 1_700_000_000;

  constructor(frames: readonly Frame[]) {
    this.#frames = frames;
    this.#others = frames.map((frame) => frame.bytes);
  }

  #begin(): CaptureCore {
    return new CaptureCore({ store: new HostStore(false), points: [], keepPackets: true, maxFlows: MAX_FLOWS });
  }

  check(random: Random): Uint8Array {
    const frame = random.of(this.#frames);
    const bytes = mutated(frame.bytes, random, this.#others);
    const linkType = random.chance(0.9) ? frame.linkType : random.of(LINK_TYPES);
    const start = random.below(64);
    const end = start + Math.min(bytes.length, 262_144);
    this.#chunk.fill(0xa5, Math.max(0, start - 64), end + 64);
    this.#chunk.set(bytes.subarray(0, end - start), start);
    this.#sec += random.of([0, 0, 0, 0, 0, 1, 1, 5, -3, 700]);
    const raw = this.#raw;
    raw.bytes = this.#chunk;
    raw.start = start;
    raw.end = end;
    raw.originalLength = end - start + random.of([0, 0, 0, 4, 1500]);
    raw.timeSec = this.#sec;
    raw.timeNsec = random.below(1_000_000_000);
    raw.timed = true;
    raw.linkType = linkType;
    this.#core.intake.ingest(raw, 0, linkType);
    if (++this.#count % 10 === 0) this.#show(linkType);
    if (this.#count % 1000 === 0) this.#look();
    if (this.#count % TABLE_LIFE === 0) {
      this.#core.finishAll();
      this.#core = this.#begin();
    }
    return bytes;
  }

  #show(linkType: number): void {
    const { bytes, start, end, originalLength } = this.#raw;
    const packet = this.#packet;
    decodePacket(packet, bytes, start, end, originalLength, linkType);
    const line = summarisePacket(packet);
    mustBeSafe(line);
    if (line.length > 250) throw new Error(`a summary of ${line.length} characters`);
    for (const layer of describeLayers(packet)) {
      if (layer.start < start || layer.end > end || layer.start > layer.end) throw new Error(`layer ${layer.name} lies outside the packet`);
      for (const { label, value } of layer.fields) mustBeSafe(`${label} ${value}`);
    }
    mustBeSafe(jsonLine(packetJson(packet, 1, 0, 'eth0')));
    hexDump(bytes, start, Math.min(end, start + 256));
  }

  #look(): void {
    this.#core.advance(this.#sec, 0);
    this.#core.verdicts.judgeAll();
    const { rows, total } = this.#core.answers.page({ sort: 'bytes', descending: true, search: '', offset: 0, limit: 30 });
    if (total > MAX_FLOWS * 3) throw new Error(`${total} flows are kept, at most ${MAX_FLOWS} are wanted`);
    for (const row of rows) {
      mustBeSafe(jsonLine(flowJson(row, 'eth0')));
      mustBeSafe(`${row.aName} ${row.bName} ${row.protocol} ${row.state} ${row.outcome} ${row.by}`);
    }
  }
}
