/** A packet as a reader hands it over, at a time of the test's own. */
import type { Packet } from '../../src/packet/packet.ts';
import { RawPacket } from '../../src/pcap/events.ts';

export const rawOf = ({ bytes, start, end }: Packet, timeSec: number, timeNsec = 0): RawPacket =>
  Object.assign(new RawPacket(), { bytes, start, end, originalLength: end - start, timeSec, timeNsec });
