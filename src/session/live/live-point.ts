/** One capture point of a live capture: its engine's sections, one after the other, read as they come. */
import type { Readable } from 'node:stream';
import type { AgentClient, CaptureEvent, CaptureHandle } from '../../agent/client.ts';
import type { CaptureNamespace, EngineKind } from '../../agent/protocol.ts';
import { CaptureReader, type RawPacket } from '../../pcap/reader.ts';
import type { CapturePoint } from '../../topology/topology.ts';

/** What an engine has said of lost packets, summed over its sections; null where it cannot tell. */
export interface PointCounts {
  readonly received: number | null;
  readonly kernel: number | null;
  readonly interface: number | null;
  readonly engine: number | null;
}

export interface LivePointListener {
  packet(raw: RawPacket): void;
  /** The bytes of one chunk have been worked off. */
  chunkDone(): void;
  started(linkType: number, engine: EngineKind, warnings: readonly string[], isFirst: boolean): void;
  ended(event: Extract<CaptureEvent, { kind: 'ended' }>): void;
  problem(message: string): void;
  counts(): void;
}

interface SectionCounts {
  received: number | null;
  kernel: number | null;
  interface: number | null;
  engine: number | null;
}

/** How long packets may be worked off before timers and keys have their turn. */
const SLICE_MS = 8;

export interface LivePointPlan {
  readonly point: CapturePoint;
  readonly netns: CaptureNamespace | null;
  readonly filter: string;
  readonly engine: EngineKind;
  readonly description: string;
}

/** Null where there is nothing to count, or where one of them is unknown: what is known of the others is not all. */
export const total = <Counted>(all: readonly Counted[], pick: (one: Counted) => number | null): number | null =>
  all.reduce<number | null>((sum, one, index) => {
    const count = pick(one);
    return count === null || (sum === null && index > 0) ? null : (sum ?? 0) + count;
  }, null);

export class LivePoint {
  readonly #agent: AgentClient;
  readonly #listener: LivePointListener;
  #handle: CaptureHandle | null = null;
  /** Tells late events of an earlier run from those of this one. */
  #run = 0;
  #sections: SectionCounts[] = [];
  #started = false;

  constructor(agent: AgentClient, listener: LivePointListener) {
    this.#agent = agent;
    this.#listener = listener;
  }

  get counts(): PointCounts {
    return {
      received: total(this.#sections, (section) => section.received),
      kernel: total(this.#sections, (section) => section.kernel),
      interface: total(this.#sections, (section) => section.interface),
      engine: total(this.#sections, (section) => section.engine),
    };
  }

  /** Something was captured here, or at least tried to be. */
  get hasBegun(): boolean {
    return this.#sections.length > 0;
  }

  async start(plan: LivePointPlan): Promise<void> {
    const run = ++this.#run;
    this.#handle = await this.#agent.startCapture(
      {
        interface: plan.point.interface,
        netns: plan.netns,
        filter: plan.filter,
        engine: plan.engine,
        description: plan.description,
      },
      (event) => {
        if (run === this.#run) this.#receive(event);
        else if (event.kind === 'section') event.stream.resume();
      },
    );
  }

  /** Ends the engine; what it has written is read before this resolves. */
  async stop(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.stop();
  }

  #receive(event: CaptureEvent): void {
    switch (event.kind) {
      case 'section':
        this.#sections.push({ received: null, kernel: null, interface: null, engine: null });
        this.#read(event.stream);
        return;
      case 'started':
        this.#listener.started(event.linkType, event.engine, event.warnings, !this.#started);
        this.#started = true;
        return;
      case 'stats': {
        const section = this.#sections.at(-1);
        if (section === undefined) return;
        section.received = event.received;
        section.kernel = event.droppedByKernel;
        section.interface = event.droppedByInterface;
        section.engine = event.droppedByEngine;
        this.#listener.counts();
        return;
      }
      case 'ended':
        this.#listener.ended(event);
        return;
    }
  }

  /** Reads in slices: libuv hands over many chunks in a row, and a screen waits for none of them for long. */
  #read(stream: Readable): void {
    const reader = new CaptureReader();
    let untilMs: number | null = null;
    let isHalted = false;
    let hasBytes = false;
    const nextTurn = (): void => {
      untilMs = null;
      if (!isHalted) return;
      isHalted = false;
      drain();
      if (!isHalted) stream.resume();
    };
    const isTurnOver = (): boolean => {
      const nowMs = performance.now();
      if (untilMs === null) {
        untilMs = nowMs + SLICE_MS;
        setImmediate(nextTurn);
      }
      return nowMs >= untilMs;
    };
    /** Works off one event; false where there is none. */
    const takeOne = (): boolean => {
      if (reader.nextPlain()) {
        this.#listener.packet(reader.packet);
        return true;
      }
      const event = reader.next();
      if (event === null) return false;
      if (event.kind === 'packet') this.#listener.packet(reader.packet);
      else if (event.kind === 'problem') this.#listener.problem(event.message);
      return true;
    };
    const drain = (): void => {
      let isMore = takeOne();
      while (isMore && !isTurnOver()) isMore = takeOne();
      this.#listener.chunkDone();
      if (!isMore && !isTurnOver()) return;
      isHalted = true;
      stream.pause();
    };
    stream.on('data', (chunk: Buffer) => {
      hasBytes = true;
      reader.push(chunk);
      drain();
    });
    stream.on('end', () => {
      // An engine that could not begin has written nothing, and says itself why.
      if (hasBytes) reader.end();
      while (takeOne());
      this.#listener.chunkDone();
    });
  }
}
