/** Whatever the decoder makes of any bytes, the table takes it: no exception, every packet counted once, the limit kept. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeState, flowProtocol, flowState } from '../../src/flow/describe.ts';
import { ORIGINAL, REPLY } from '../../src/flow/flow.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { decodePacket } from '../../src/packet/decode.ts';
import { Packet } from '../../src/packet/packet.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';
import { fixture } from './capture.ts';

const frames: readonly Uint8Array[] = (() => {
  const reader = new CaptureReader();
  const list: Uint8Array[] = [];
  reader.push(readFileSync(fixture('mixed.pcap')));
  reader.end();
  for (let event = reader.next(); event !== null; event = reader.next()) {
    if (event.kind === 'packet') list.push(new Uint8Array(event.packet.bytes.subarray(event.packet.start, event.packet.end)));
  }
  return list;
})();

/** A real frame with some bytes changed and its end cut off. */
const frame = fc
  .tuple(
    fc.constantFrom(...frames),
    fc.array(fc.tuple(fc.nat({ max: 119 }), fc.nat({ max: 255 })), { maxLength: 3 }),
    fc.option(fc.nat({ max: 119 })),
  )
  .map(([bytes, changes, length]) => {
    const changed = bytes.slice();
    for (const [at, value] of changes) if (at < changed.length) changed[at] = value;
    return length === null ? changed : changed.subarray(0, length);
  });

describe('damaged frames', () => {
  it('are counted like all others, within the limit, and can be described', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(frame, fc.integer({ min: -100, max: 200 }), fc.constantFrom(1, 1, 1, 101, 113, 276)), { maxLength: 120 }),
        fc.integer({ min: 1, max: 20 }),
        (list, maxFlows) => {
          const table = new FlowTable({ maxFlows });
          const packet = new Packet();
          let sec = 1_700_000_000;
          let seen = 0;
          for (const [bytes, step, linkType] of list) {
            sec += step;
            decodePacket(packet, bytes, 0, bytes.length, bytes.length + 5, linkType);
            packet.timeSec = sec;
            const flow = table.observe(packet);
            seen += table.lastInner === null ? 1 : 2;
            expect(flow.ended).toBe(false);
            expect(table.size).toBeLessThanOrEqual(maxFlows);
            expect(`${flowProtocol(flow)} ${flowState(flow)}`).not.toMatch(/undefined|NaN|null|-\d+ (sent|back)/);
            expect(describeState(flow, { a: 'web1', b: 'web2', nameOf: () => 'web3' })).not.toBe('');
          }
          table.endAll();
          expect(table.size).toBe(0);
          const ended = table.takeEnded();
          expect(ended.reduce((sum, flow) => sum + flow.packets[ORIGINAL] + flow.packets[REPLY], 0)).toBe(seen);
          expect(new Set(ended.map((flow) => flow.id)).size).toBe(ended.length);
          for (const { echo } of ended) {
            if (echo !== null) expect(echo.answered + echo.lost).toBe(echo.sent);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
