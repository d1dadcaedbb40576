/**
 * Turns what an engine writes on its standard output (`tcpdump -w - --time-stamp-precision=nano`, classic pcap; also pcapng)
 * into this program's pcapng, as it arrives: one section, an interface block that says what is captured, nanosecond stamps.
 */
import { PcapngAppender } from './appender.ts';
import type { InterfaceEvent, RawPacket } from './events.ts';
import { CaptureReader } from './reader.ts';
import {
  type InterfaceParts,
  interfaceDescription,
  interfaceStatistics,
  type SectionParts,
  type StatisticsParts,
  sectionHeader,
} from './writer.ts';

/** What the interface block says beyond what the stream's own header knows. */
export type CapturedInterface = Omit<InterfaceParts, 'linkType' | 'snapLength'>;

export interface TranscoderOptions {
  readonly section: SectionParts;
  readonly interface: CapturedInterface;
  readonly chunkBytes?: number;
}

export class PcapToPcapng {
  packets = 0;
  /** Set from the stream's header; null before. */
  linkType: number | null = null;
  /** What was wrong with the stream, in the order met; at most `MAX_PROBLEMS`. */
  readonly problems: string[] = [];

  readonly #reader = new CaptureReader();
  readonly #out: PcapngAppender;
  readonly #options: TranscoderOptions;
  #interfaces = 0;
  /** The id in our section of the reader's current interface 0. */
  #firstInterface = 0;
  #started = false;
  #lastSec = 0;
  #lastNsec = 0;

  constructor(options: TranscoderOptions) {
    this.#options = options;
    this.#out = new PcapngAppender(options.chunkBytes);
  }

  /** Takes a chunk and gives the pcapng bytes that follow from it, null where none do. Hand them back with `recycle`. */
  push(chunk: Uint8Array): Uint8Array | null {
    this.#reader.push(chunk);
    this.#drain();
    return this.#out.take();
  }

  /** The last bytes: with the interface's statistics, where the engine told them. */
  end(statistics?: Omit<StatisticsParts, 'interfaceId' | 'timeSec' | 'timeNsec'>): Uint8Array | null {
    this.#reader.end();
    this.#drain();
    if (statistics !== undefined && this.#interfaces > 0) {
      this.#out.block(interfaceStatistics({ ...statistics, interfaceId: 0, timeSec: this.#lastSec, timeNsec: this.#lastNsec }));
    }
    return this.#out.take();
  }

  recycle(chunk: Uint8Array): void {
    this.#out.recycle(chunk);
  }

  #drain(): void {
    for (let event = this.#reader.next(); event !== null; event = this.#reader.next()) {
      if (event.kind === 'packet') this.#packet(event.packet);
      else if (event.kind === 'interface') this.#interface(event);
      else if (event.kind === 'section') this.#firstInterface = this.#interfaces;
      else if (event.kind === 'problem' && this.problems.length < MAX_PROBLEMS) {
        this.problems.push(`${event.message} (at byte ${event.offset})`);
      }
    }
  }

  #interface(event: InterfaceEvent): void {
    if (!this.#started) this.#out.block(sectionHeader(this.#options.section));
    this.#started = true;
    this.linkType ??= event.linkType;
    this.#interfaces++;
    this.#out.block(interfaceDescription({ ...this.#options.interface, linkType: event.linkType, snapLength: event.snapLength }));
  }

  #packet(packet: RawPacket): void {
    this.packets++;
    this.#lastSec = packet.timeSec;
    this.#lastNsec = packet.timeNsec;
    // The reader numbers from 0 in each section; ours is one section.
    if (this.#firstInterface > 0) packet.interfaceId += this.#firstInterface;
    this.#out.packet(packet);
  }
}

const MAX_PROBLEMS = 100;
