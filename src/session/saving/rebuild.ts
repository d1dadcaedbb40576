/**
 * Writes a capture anew from what its blocks mean, for a session whose names and addresses change: nothing of a block is passed on that was
 * not understood. Its counterpart, for all else, is the copier of src/pcap.
 */
import type { PcapngAppender } from '../../pcap/appender.ts';
import type { PacketChange } from '../../pcap/changed-packet.ts';
import type { RawPacket, ReaderEvent } from '../../pcap/events.ts';
import { interfaceDescription, interfaceStatistics, nameResolution, sectionHeader } from '../../pcap/writer.ts';
import type { SessionTransform } from './transform.ts';

/** Where the events of a capture go that is written anew. */
export interface CopyTarget {
  event(event: Exclude<ReaderEvent, { kind: 'packet' }>): void;
  packet(packet: RawPacket, change?: PacketChange): void;
  /** A block of our own in the current section. */
  own(block: Uint8Array): void;
}

export class Rebuilder implements CopyTarget {
  /** Blocks that nobody here understands, which were left out. */
  leftOut = 0;
  readonly #out: PcapngAppender;
  readonly #transform: SessionTransform;

  constructor(out: PcapngAppender, transform: SessionTransform) {
    this.#out = out;
    this.#transform = transform;
  }

  event(event: Exclude<ReaderEvent, { kind: 'packet' }>): void {
    const { section, interface: words, names } = this.#transform;
    switch (event.kind) {
      case 'section': {
        const { hardware, os, application, comments } = section?.(event) ?? event;
        this.own(sectionHeader({ hardware: hardware ?? undefined, os: os ?? undefined, application: application ?? undefined, comments }));
        return;
      }
      case 'interface': {
        const { name, description, filter, os, hardware, mac, comments } = words?.(event) ?? event;
        this.own(
          interfaceDescription({
            linkType: event.linkType,
            snapLength: event.snapLength,
            name: name ?? undefined,
            description: description ?? undefined,
            filter: filter ?? undefined,
            os: os ?? undefined,
            hardware: hardware ?? undefined,
            mac: mac ?? undefined,
            comments,
          }),
        );
        return;
      }
      case 'names': {
        const records = names?.(event.records) ?? event.records;
        if (records.length > 0) this.own(nameResolution(records, this.#comments(event.comments)));
        return;
      }
      case 'statistics':
        this.own(interfaceStatistics({ ...event, comments: this.#comments(event.comments) }));
        return;
      case 'custom':
      case 'unknown':
        this.leftOut++;
        return;
      case 'problem':
        return;
    }
  }

  packet(packet: RawPacket, { data, comments = packet.comments, added = [] }: PacketChange = {}): void {
    const { interfaceId, timeSec, timeNsec, originalLength, flags, dropCount } = packet;
    const bytes = data ?? packet.bytes;
    const [start, end] = data === undefined ? [packet.start, packet.end] : [0, data.length];
    const parts = { interfaceId, timeSec, timeNsec, bytes, start, end, originalLength, flags, dropCount };
    this.#out.packet({ ...parts, comments: [...comments, ...added] });
  }

  own(block: Uint8Array): void {
    this.#out.block(block);
  }

  #comments(comments: readonly string[]): readonly string[] {
    const { comment } = this.#transform;
    return comment === undefined ? comments : comments.flatMap((text) => comment(text) ?? []);
  }
}
