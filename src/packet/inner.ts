/** Opens the packet inside a packet. The decoder of the outer one only marks where it lies; decode.ts decodes it, to a limited depth. */
import { type INNER_QUOTED, type INNER_VXLAN, Packet } from './packet.ts';

export const beginInner = (
  packet: Packet,
  kind: typeof INNER_QUOTED | typeof INNER_VXLAN,
  start: number,
  limit: number,
  originalLength: number,
  linkType: number,
): void => {
  const inner = packet.inner ?? new Packet();
  packet.inner = inner;
  packet.innerKind = kind;
  inner.bytes = packet.bytes;
  inner.start = start;
  inner.end = Math.min(limit, packet.end);
  inner.originalLength = originalLength;
  inner.linkType = linkType;
  inner.interfaceId = packet.interfaceId;
};
