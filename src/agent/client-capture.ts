/** One capture as main sees it: sections that come and go, each a stream of pcapng bytes, and what is said about them. */
import type { Readable } from 'node:stream';
import { messageOf } from '../base/errors.ts';
import { type CapturePipe, makeCapturePipe } from './capture-pipe.ts';
import type { AgentMessage, AgentRequest, CaptureEnd, CaptureNamespace, EngineKind } from './protocol.ts';

export interface CapturePlan {
  readonly interface: string;
  /** Null for the agent's own namespace. */
  readonly netns: CaptureNamespace | null;
  /** pcap-filter(7); empty for everything. */
  readonly filter: string;
  readonly engine: EngineKind;
  /** For the interface's description in saved files: `web1 (test_net1)`. */
  readonly description: string;
  /** @default 65535 */
  readonly snapLength?: number;
  /** The kernel's ring. @default 64 MiB */
  readonly bufferBytes?: number;
}

export type CaptureEvent =
  /** A new section: its bytes follow on `stream`, from the section header on. Read it to its end. */
  | { readonly kind: 'section'; readonly section: number; readonly stream: Readable }
  /** The engine of the newest section captures. */
  | {
      readonly kind: 'started';
      readonly section: number;
      readonly linkType: number;
      readonly engine: EngineKind;
      readonly warnings: readonly string[];
    }
  /** Counts of the newest section since its start, about every second; null where the engine cannot tell. */
  | {
      readonly kind: 'stats';
      readonly section: number;
      readonly received: number | null;
      readonly droppedByKernel: number | null;
      readonly droppedByInterface: number | null;
      readonly droppedByEngine: number | null;
    }
  /** The newest section is over and its stream read to the end. With `resumes` another one follows when the interface is back. */
  | {
      readonly kind: 'ended';
      readonly section: number;
      readonly end: CaptureEnd;
      readonly message: string;
      readonly hint: string | null;
      readonly resumes: boolean;
    };

export type CaptureListener = (event: CaptureEvent) => void;

export interface CaptureHandle {
  readonly id: number;
  /** Ends the capture for good; resolves after the last event. */
  stop(): Promise<void>;
}

type CaptureMessage = Extract<AgentMessage, { readonly type: 'captureStarted' | 'captureEnded' | 'captureStats' }>;

const DEFAULT_SNAP_LENGTH = 65_535;
const DEFAULT_BUFFER_BYTES = 64 * 1024 * 1024;
/** After the agent said that a section is over, its reader may take so long for what is left. */
const READ_REST_MS = 5000;
const NEVER_OPENED_MS = 100;

export class ClientCapture implements CaptureHandle {
  readonly id: number;
  readonly over: Promise<void>;
  readonly #plan: CapturePlan;
  readonly #listener: CaptureListener;
  readonly #send: (request: AgentRequest) => void;
  #pipe: CapturePipe | null = null;
  #streamClosed: Promise<void> = Promise.resolve();
  #section = 0;
  #isOver = false;
  #stopping = false;
  /** The engine of this section has opened its end. */
  #started = false;
  #setOver: () => void = () => {};
  /** Endings are told after their stream has been read, in order. */
  #endings: Promise<void> = Promise.resolve();

  constructor(id: number, plan: CapturePlan, listener: CaptureListener, send: (request: AgentRequest) => void) {
    this.id = id;
    this.#plan = plan;
    this.#listener = listener;
    this.#send = send;
    this.over = new Promise((resolve) => {
      this.#setOver = resolve;
    });
  }

  async start(): Promise<void> {
    const fifo = await this.#openSection();
    const { interface: name, netns, filter, engine, description, snapLength, bufferBytes } = this.#plan;
    this.#send({
      type: 'startCapture',
      capture: {
        captureId: this.id,
        interface: name,
        netns,
        filter,
        engine,
        description,
        fifo,
        snapLength: snapLength ?? DEFAULT_SNAP_LENGTH,
        bufferBytes: bufferBytes ?? DEFAULT_BUFFER_BYTES,
      },
    });
  }

  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#send({ type: 'stopCapture', captureId: this.id });
    }
    await this.over;
  }

  receive(message: CaptureMessage): void {
    const section = this.#section;
    switch (message.type) {
      case 'captureStarted': {
        this.#started = true;
        const { linkType, engine, warnings } = message;
        this.#listener({ kind: 'started', section, linkType, engine, warnings });
        break;
      }
      case 'captureStats': {
        const { received, droppedByKernel, droppedByInterface, droppedByEngine } = message;
        this.#listener({ kind: 'stats', section, received, droppedByKernel, droppedByInterface, droppedByEngine });
        break;
      }
      case 'captureEnded': {
        const { end, message: text, hint, resumes } = message;
        this.#endings = this.#endings.then(() => this.#ended({ kind: 'ended', section, end, message: text, hint, resumes }));
        break;
      }
    }
  }

  agentGone(message: string): void {
    const event = { kind: 'ended', section: this.#section, end: 'engine-crashed', message, hint: null, resumes: false } as const;
    this.#endings = this.#endings.then(() => this.#ended(event));
  }

  async #openSection(): Promise<string> {
    const pipe = await makeCapturePipe();
    this.#pipe = pipe;
    this.#started = false;
    const { stream } = pipe;
    this.#streamClosed = new Promise((resolve) => stream.once('close', resolve));
    stream.on('error', () => {}); // 'close' follows
    this.#listener({ kind: 'section', section: ++this.#section, stream });
    return pipe.path;
  }

  async #ended(event: Extract<CaptureEvent, { kind: 'ended' }>): Promise<void> {
    if (this.#isOver) return;
    await this.#closeSection();
    const resumes = event.resumes && !this.#stopping;
    this.#listener({ ...event, resumes });
    if (!resumes) {
      // a stop that crossed a resuming end on its way is answered by a second end, which finds this over
      this.#isOver = true;
      this.#setOver();
      return;
    }
    try {
      const fifo = await this.#openSection();
      this.#send({ type: 'continueCapture', captureId: this.id, fifo });
    } catch (error) {
      this.#send({ type: 'stopCapture', captureId: this.id });
      this.#isOver = true;
      this.#listener({ ...event, end: 'engine-crashed', message: messageOf(error), resumes: false });
      this.#setOver();
    }
  }

  /** Waits for the reader; a stream that no engine ever opened has nothing to wait for and would never end by itself. */
  async #closeSection(): Promise<void> {
    const pipe = this.#pipe;
    if (pipe === null) return;
    this.#pipe = null;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#started ? READ_REST_MS : NEVER_OPENED_MS);
    });
    await Promise.race([this.#streamClosed, late]);
    clearTimeout(timer);
    pipe.stream.destroy();
  }
}
