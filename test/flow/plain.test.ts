/** Packets that are put to their flows without being decoded leave the same flows behind as if they had been. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Flow } from '../../src/flow/flow.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { decodePacket } from '../../src/packet/decode.ts';
import { LINKTYPE_ETHERNET, Packet } from '../../src/packet/packet.ts';
import { PlainHeaders } from '../../src/packet/plain.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { fixture } from './capture.ts';
import { type Frame, soup } from './soup.ts';

const LIMITS = { maxFlows: 40, timeouts: { tcpOpening: 5, tcpOpen: 30, udpAsked: 3, udpAnswered: 10 }, hashSeed: 7 };

/** The two ways into a table; `plain` counts the packets that took the short one. */
class Ways {
  readonly long = new FlowTable(LIMITS);
  readonly short = new FlowTable(LIMITS);
  plain = 0;
  readonly #packet = new Packet();
  readonly #headers = new PlainHeaders();

  take({ bytes, originalLength, linkType, interfaceId, sec, nsec }: Frame): void {
    const packet = this.#packet;
    decodePacket(packet, bytes, 0, bytes.length, originalLength, linkType);
    packet.timeSec = sec;
    packet.timeNsec = nsec;
    packet.interfaceId = interfaceId;
    this.long.observe(packet);
    const headers = this.#headers;
    const isPlain = linkType === LINKTYPE_ETHERNET && headers.read(bytes, 0, bytes.length, originalLength);
    if (isPlain && this.short.observePlain(headers, interfaceId, packet.originalLength, sec, nsec)) this.plain++;
    else {
      this.short.observe(packet);
      this.short.allowPlain();
    }
  }

  compare(): void {
    expect(flowsOf(this.short)).toEqual(flowsOf(this.long));
    expect([this.short.evicted, this.short.untaken, this.short.size]).toEqual([this.long.evicted, this.long.untaken, this.long.size]);
  }
}

const flowsOf = (table: FlowTable): Flow[][] => [[...table.all()], table.takeEnded()];

const recorded = (path: string): Frame[] => {
  const reader = new CaptureReader();
  const frames: Frame[] = [];
  reader.push(readFileSync(path));
  reader.end();
  for (let event = reader.next(); event !== null; event = reader.next()) {
    if (event.kind !== 'packet') continue;
    const { bytes, start, end, originalLength, linkType, interfaceId, timeSec: sec, timeNsec: nsec } = event.packet;
    frames.push({ bytes: bytes.slice(start, end), originalLength, linkType, interfaceId, sec, nsec });
  }
  return frames;
};

const samples = fileURLToPath(new URL('../../captures/samples/', import.meta.url));
const recordings = [fixture('mixed.pcap'), ...readdirSync(samples).map((name) => `${samples}${name}`)];

describe('plain packets', () => {
  it.each(recordings)('leave the same flows behind in %s', (path) => {
    const ways = new Ways();
    for (const frame of recorded(path)) {
      ways.take(frame);
      ways.compare();
    }
  });

  it('are the most of a connection', () => {
    const ways = new Ways();
    for (const frame of recorded(fixture('mixed.pcap'))) ways.take(frame);
    expect(ways.plain).toBeGreaterThan(100);
  });

  it('leave the same flows behind in any conversations', () => {
    let plain = 0;
    let all = 0;
    fc.assert(
      fc.property(soup({ maxLength: 150 }), (frames) => {
        const ways = new Ways();
        for (const [index, frame] of frames.entries()) {
          ways.take(frame);
          if (index % 16 === 0) ways.compare();
        }
        ways.compare();
        plain += ways.plain;
        all += frames.length;
        ways.long.endAll();
        ways.short.endAll();
        ways.compare();
      }),
      { numRuns: 300 },
    );
    expect(plain).toBeGreaterThan(all / 5);
  });

  it('leave the same flows behind where bytes of recorded packets were changed or cut off', () => {
    const frames = recorded(fixture('mixed.pcap'));
    const change = fc.tuple(fc.nat({ max: frames.length - 1 }), fc.nat({ max: 69 }), fc.nat({ max: 255 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60, size: 'max' }), (changes) => {
        const changed = [...frames];
        for (const [index, at, value, isCut] of changes) {
          const frame = frames[index] as Frame;
          const bytes = isCut ? frame.bytes.slice(0, at) : frame.bytes.with(Math.min(at, frame.bytes.length - 1), value);
          changed[index] = { ...frame, bytes };
        }
        const ways = new Ways();
        for (const frame of changed) ways.take(frame);
        ways.compare();
      }),
      { numRuns: 150 },
    );
  });

  it('are not taken once that was forbidden, until one was decoded', () => {
    const ways = new Ways();
    const frames = recorded(fixture('mixed.pcap'));
    for (const frame of frames) {
      ways.short.forbidPlain();
      ways.take(frame);
    }
    expect(ways.plain).toBe(0);
    ways.compare();
  });
});
