/** A stored packet, decoded again for the eye: one line in the list, its layers with their fields, its bytes. */
import { decodePacket } from '../packet/decode.ts';
import { hexDump } from '../packet/hex.ts';
import { describeLayers } from '../packet/layers.ts';
import { Packet } from '../packet/packet.ts';
import { summarisePacket } from '../packet/summary.ts';
import type { StoredPacket } from '../session/state/capture-view.ts';
import type { Spans } from './spans.ts';

const decode = (stored: StoredPacket): Packet => {
  const packet = new Packet();
  packet.timeSec = stored.timeSec;
  packet.timeNsec = stored.timeNsec;
  packet.interfaceId = stored.interfaceId;
  decodePacket(packet, stored.bytes, 0, stored.bytes.length, stored.originalLength, stored.linkType);
  return packet;
};

export const packetSummary = (stored: StoredPacket): string => summarisePacket(decode(stored));

export const packetDetail = (stored: StoredPacket, hex: boolean): readonly Spans[] => {
  const packet = decode(stored);
  const lines: Spans[] = [];
  for (const layer of describeLayers(packet)) {
    lines.push([
      [layer.name, 'title'],
      [`  bytes ${layer.start}-${layer.end - 1}`, 'dim'],
    ]);
    for (const field of layer.fields) lines.push([[`  ${field.label.padEnd(22)} `, 'dim'], field.value]);
  }
  if (stored.bytes.length < stored.originalLength)
    lines.push([[`${stored.originalLength - stored.bytes.length} of ${stored.originalLength} bytes were not captured`, 'warn']]);
  if (hex)
    lines.push([], ...hexDump(stored.bytes, 0, stored.bytes.length).map((line): Spans => [[line.slice(0, 6), 'dim'], line.slice(6)]));
  return lines;
};
