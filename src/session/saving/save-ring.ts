/** Saves what the memory ring still holds: the moment that nobody had foreseen. */

import { failure } from '../../base/errors.ts';
import { decodePacket } from '../../packet/decode.ts';
import { Packet } from '../../packet/packet.ts';
import type { CapturePoint } from '../../topology/topology.ts';
import type { CaptureCore } from '../capture-core.ts';
import type { HostVersion } from '../host-store.ts';
import { SessionWriter } from './session-writer.ts';
import type { SessionTransform } from './transform.ts';

/** Returns how many packets were written. */
export const saveRing = async (
  path: string,
  core: CaptureCore,
  points: readonly CapturePoint[],
  version: HostVersion | null,
  transform: SessionTransform | null = null,
): Promise<number> => {
  const { ring } = core;
  if (ring === null) throw failure('this capture keeps no packets in memory', { hint: 'save from the beginning with -w FILE' });
  let trouble: string | null = null;
  const writer = await SessionWriter.open(
    path,
    points,
    (_point, linkType) => ({ linkType, filter: '', timeStampSource: 'as in the session that this was saved from', gap: null }),
    (message) => {
      trouble = message;
    },
    transform,
  );
  const packet = new Packet();
  const commented = new Set<number>();
  const first = ring.get(ring.oldest);
  if (version !== null) {
    writer.snapshot(version.document, first?.timeSec ?? 0, first?.timeNsec ?? 0);
    writer.names(version.names.records());
  }
  for (let sequence = ring.oldest; sequence < ring.next; sequence++) {
    const stored = ring.get(sequence);
    if (stored === null) continue;
    decodePacket(packet, stored.bytes, 0, stored.bytes.length, stored.originalLength, stored.linkType);
    packet.timeSec = stored.timeSec;
    packet.timeNsec = stored.timeNsec;
    packet.interfaceId = stored.interfaceId;
    const flowId = core.flowOfPacket(sequence);
    const isFirst = flowId !== null && !commented.has(flowId);
    if (flowId !== null) commented.add(flowId);
    writer.packet(packet, isFirst ? core.commentOf(flowId) : null);
  }
  const { packets } = writer;
  await writer.close();
  if (trouble !== null) throw failure(trouble);
  return packets;
};
