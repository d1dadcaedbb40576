/**
 * The one place where a decoder asks whether its bytes are there. `limit` is where the enclosing layer claims to end; it may lie
 * behind `packet.end`, where the capture was cut. Missing captured bytes are truncation, a limit too near is a malformed packet.
 */
import type { Packet } from './packet.ts';

/** True where `length` bytes from `at` can be read. Otherwise notes on the packet why they cannot. */
export const hasBytes = (packet: Packet, at: number, length: number, limit: number, layer: string, problem: string): boolean => {
  const need = at + length;
  if (need <= packet.end && need <= limit) return true;
  if (need > limit) packet.malformed = problem;
  else packet.truncatedIn = layer;
  return false;
};

/** Everything from `at` to `limit` is payload, as much of it as was captured. `at` is not behind `packet.end`. */
export const setPayload = (packet: Packet, at: number, limit: number): void => {
  const captured = Math.min(limit, packet.end);
  packet.payloadOffset = at;
  packet.payloadLength = limit > at ? limit - at : 0;
  packet.payloadCaptured = captured > at ? captured - at : 0;
};
