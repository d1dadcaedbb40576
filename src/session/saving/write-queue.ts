/**
 * Hands chunks of a session to the disk in their order, and survives what the disk does: what cannot be written is counted and let go, the
 * person is told, and after a while one more attempt is made with what comes then. Nothing waits without a bound.
 */
import { rm } from 'node:fs/promises';
import { messageOf } from '../../base/errors.ts';
import { BLOCK_ENHANCED_PACKET } from '../../pcap/block-types.ts';
import { readU32 } from '../../pcap/options.ts';
import { openOutput, type SessionOutput } from './file-output.ts';

/** Bytes that wait for the disk; beyond, packets are left out of the file (not of the screen) and counted. */
export const MAX_WAITING_BYTES = 96 * 1024 * 1024;
/** The first attempt after a refusal comes so much later, each further one twice as late, up to the second. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/** Packets that are in no file, and their captured bytes. */
export interface NotSaved {
  packets: number;
  bytes: number;
}

export interface Chunk {
  /** Whole blocks. */
  readonly bytes: Uint8Array;
  readonly packets: number;
  readonly packetBytes: number;
  /** It begins with a section header: it can be read whatever was lost before it. */
  readonly startsSection: boolean;
}

export interface QueueListener {
  /** The disk refused something, for the first time since it last took something. */
  refused(path: string, reason: string): void;
  /** It takes something again; so many packets are missing between. */
  resumed(path: string, missing: number): void;
  /** What was written was deleted by somebody, with so many packets. */
  deleted(path: string, packets: number): void;
  /** The oldest file of a ring could not be removed. */
  notRemoved(path: string, reason: string): void;
  /** The chunk's memory may be used again. */
  written(chunk: Chunk): void;
}

type Trouble = { readonly reason: string; delayMs: number; retryAtMs: number };

export class WriteQueue {
  readonly notSaved: NotSaved = { packets: 0, bytes: 0 };
  /** All that is in files, over all of them. */
  packets = 0;
  bytes = 0;
  path: string;
  readonly #listener: QueueListener;
  #output: SessionOutput | null;
  #canResume: boolean;
  #trouble: Trouble | null = null;
  /** Packets that were in no file when the disk last took something. */
  #lostBefore = 0;
  /** Of the file that is open. */
  #filePackets = 0;
  #fileBytes = 0;
  #filePacketBytes = 0;
  #waitingBytes = 0;
  /** What is given next must begin a section. */
  #wantsSection = false;
  /** What is written next must begin a section: what came before it is lost. */
  #isBroken = false;
  /** The file of this name is ours to replace: it has not been opened yet. */
  #mayReplace = false;
  #work: Promise<void> = Promise.resolve();
  #isIdle = true;

  constructor(path: string, output: SessionOutput, listener: QueueListener) {
    this.path = path;
    this.#output = output;
    this.#canResume = output.canResume;
    this.#listener = listener;
  }

  /** Why nothing is being saved now; null while it is. */
  get error(): string | null {
    return this.#trouble?.reason ?? null;
  }

  get isOverfull(): boolean {
    return this.#waitingBytes > MAX_WAITING_BYTES;
  }

  /** `drop`: what is given now would be in vain. `section`: it must begin a new section. */
  wants(): 'more' | 'section' | 'drop' {
    const trouble = this.#trouble;
    if (trouble === null) return this.#wantsSection ? 'section' : 'more';
    if (!this.#canResume || performance.now() < trouble.retryAtMs) return 'drop';
    return this.#isIdle ? 'section' : 'drop';
  }

  lose(packets: number, bytes: number): void {
    this.notSaved.packets += packets;
    this.notSaved.bytes += bytes;
  }

  push(chunk: Chunk): void {
    this.#waitingBytes += chunk.bytes.length;
    if (chunk.startsSection) {
      this.#wantsSection = false;
      // Until this attempt is decided no second one is made.
      if (this.#trouble !== null) this.#trouble.retryAtMs = Number.POSITIVE_INFINITY;
    }
    this.#then(async () => {
      try {
        await this.#write(chunk);
      } finally {
        this.#waitingBytes -= chunk.bytes.length;
        this.#listener.written(chunk);
      }
    });
  }

  /** What is pushed from here on goes to another file. `removes`: a file of ours whose time is over. */
  moveTo(path: string, removes: string | null): void {
    this.#then(async () => {
      await this.#closeFile();
      this.path = path;
      this.#mayReplace = true;
      if (removes !== null) {
        await rm(removes, { force: true }).catch((error: unknown) => this.#listener.notRemoved(removes, messageOf(error)));
      }
      try {
        await this.#openFile();
      } catch (error) {
        this.#refused(reasonOf(error));
      }
    });
  }

  /** Looks whether the file is still there; to be called about twice a second. */
  check(): void {
    if (!this.#isIdle || this.#trouble !== null || this.#output === null) return;
    this.#then(() => this.#checkDeleted());
  }

  async close(): Promise<void> {
    await this.#work;
    await this.#checkDeleted();
    await this.#closeFile();
  }

  #then(work: () => Promise<void>): void {
    this.#isIdle = false;
    const done = this.#work.then(work);
    this.#work = done;
    void done.then(() => {
      if (this.#work === done) this.#isIdle = true;
    });
  }

  async #write(chunk: Chunk): Promise<void> {
    if (this.#output !== null && this.#trouble === null) await this.#checkDeleted();
    const trouble = this.#trouble;
    if (this.#isBroken && !chunk.startsSection) {
      this.lose(chunk.packets, chunk.packetBytes);
      return;
    }
    if (this.#output === null) {
      try {
        await this.#openFile();
      } catch (error) {
        this.lose(chunk.packets, chunk.packetBytes);
        this.#refused(reasonOf(error));
        return;
      }
    }
    const output = this.#output as SessionOutput;
    const { kept, error } = await output.write(chunk.bytes);
    const saved = error === null ? chunk : packetsIn(chunk.bytes, kept);
    this.#add(saved.packets, saved.packetBytes, kept);
    this.lose(chunk.packets - saved.packets, chunk.packetBytes - saved.packetBytes);
    if (error !== null) {
      this.#refused(error);
      return;
    }
    this.#isBroken = false;
    if (trouble !== null) {
      this.#trouble = null;
      this.#listener.resumed(this.path, this.notSaved.packets - this.#lostBefore);
    }
    this.#lostBefore = this.notSaved.packets;
  }

  #add(packets: number, packetBytes: number, bytes: number): void {
    this.packets += packets;
    this.bytes += bytes;
    this.#filePackets += packets;
    this.#fileBytes += bytes;
    this.#filePacketBytes += packetBytes;
  }

  async #checkDeleted(): Promise<void> {
    const output = this.#output;
    if (output === null || !(await output.isDeleted())) return;
    const gone = this.#filePackets;
    this.packets -= gone;
    this.bytes -= this.#fileBytes;
    this.lose(gone, this.#filePacketBytes);
    this.#resetFile();
    await output.close().catch(() => {});
    this.#output = null;
    this.#isBroken = true;
    this.#wantsSection = true;
    this.#listener.deleted(this.path, gone);
  }

  /** A file that was deleted is made again only where nobody else has put another in its place. */
  async #openFile(): Promise<void> {
    this.#output = await openOutput(this.path, !this.#mayReplace);
    this.#mayReplace = false;
    this.#canResume = this.#output.canResume;
    this.#resetFile();
  }

  async #closeFile(): Promise<void> {
    const output = this.#output;
    this.#output = null;
    this.#resetFile();
    try {
      await output?.close();
    } catch (error) {
      // Network file systems say only here what they did not take.
      this.#refused(messageOf(error));
    }
  }

  #resetFile(): void {
    this.#filePackets = 0;
    this.#fileBytes = 0;
    this.#filePacketBytes = 0;
  }

  #refused(reason: string): void {
    this.#isBroken = true;
    this.#wantsSection = true;
    const known = this.#trouble;
    if (known !== null) {
      known.delayMs = Math.min(known.delayMs * 2, LAST_RETRY_MS);
      known.retryAtMs = performance.now() + known.delayMs;
      return;
    }
    this.#trouble = { reason, delayMs: FIRST_RETRY_MS, retryAtMs: performance.now() + FIRST_RETRY_MS };
    this.#listener.refused(this.path, reason);
  }
}

const reasonOf = (error: unknown): string => {
  const { detail = null } = error as { readonly detail?: string | null };
  return detail ?? messageOf(error);
};

/** The packets in the first `length` bytes of whole blocks that this program wrote. */
const packetsIn = (bytes: Uint8Array, length: number): { readonly packets: number; readonly packetBytes: number } => {
  let packets = 0;
  let packetBytes = 0;
  for (let at = 0; at < length; at += readU32(bytes, at + 4, true)) {
    if (readU32(bytes, at, true) !== BLOCK_ENHANCED_PACKET) continue;
    packets++;
    packetBytes += readU32(bytes, at + 20, true);
  }
  return { packets, packetBytes };
};
