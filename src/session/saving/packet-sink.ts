/** What a capture hands to whoever saves its packets. */
import type { Flow } from '../../flow/flow.ts';
import type { Packet } from '../../packet/packet.ts';

/** What is saved of a packet. */
export type SavedPacket = Pick<Packet, 'bytes' | 'start' | 'end' | 'interfaceId' | 'linkType' | 'timeSec' | 'timeNsec' | 'originalLength'>;

/** Where packets and comments go while a session is saved. */
export interface PacketSink {
  /** Asked before each packet: the number of the section that it will be in. In each one a flow's first packet has a comment. */
  prepare(): number;
  /** `flow` is null for a packet that there was no time to look into. */
  packet(packet: SavedPacket, comment: string | null, flow: Flow | null): void;
}
