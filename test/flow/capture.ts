/** Puts a whole capture file through reader, decoder and flow table. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatIp } from '../../src/base/ip-address.ts';
import { flowProtocol, flowState } from '../../src/flow/describe.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { FlowTable } from '../../src/flow/table.ts';
import { decodePacket } from '../../src/packet/decode.ts';
import { Packet } from '../../src/packet/packet.ts';
import { CaptureReader } from '../../src/pcap/reader.ts';

export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/flow/${name}`, import.meta.url));

export interface Replayed {
  readonly table: FlowTable;
  /** All flows, the ended ones too, in the order in which they began. */
  readonly flows: readonly Flow[];
  /** The flow of each frame of the file. */
  readonly flowOfFrame: readonly Flow[];
}

export const replay = (path: string): Replayed => {
  const reader = new CaptureReader();
  const table = new FlowTable();
  const packet = new Packet();
  const flowOfFrame: Flow[] = [];
  reader.push(readFileSync(path));
  reader.end();
  for (let event = reader.next(); event !== null; event = reader.next()) {
    if (event.kind !== 'packet') continue;
    const raw = event.packet;
    decodePacket(packet, raw.bytes, raw.start, raw.end, raw.originalLength, raw.linkType);
    packet.timeSec = raw.timeSec;
    packet.timeNsec = raw.timeNsec;
    packet.interfaceId = raw.interfaceId;
    flowOfFrame.push(table.observe(packet));
  }
  const flows = [...new Set(flowOfFrame)].sort((x, y) => x.id - y.id);
  return { table, flows, flowOfFrame };
};

const end = (flow: Flow, side: 'a' | 'b'): string => {
  const port = side === 'a' ? flow.aPort : flow.bPort;
  return `${formatIp(flow[side])}${port < 0 ? '' : `:${port}`}`;
};

/** A line a flow: ends, protocol, counts, state. */
export const flowLine = (flow: Flow): string =>
  `${end(flow, 'a')} → ${end(flow, 'b')} ${flowProtocol(flow)} ${flow.packets.join('+')} ${flowState(flow)}`;
