/**
 * Captures with libpcap through `cap`. The addon keeps the bare address of the buffer, calls back for every packet from a loop that does not
 * yield, and aborts the process when the interface goes: so it lives in a process of its own, and everything here happens in the callback.
 */

import { messageOf } from '../../base/errors.ts';
import { PcapngAppender } from '../../pcap/appender.ts';
import { interfaceDescription, interfaceStatistics, type PacketParts, sectionHeader } from '../../pcap/writer.ts';
import type { CaptureEnd, StartCapture } from '../protocol.ts';
import { type CapModule, type CapSession, linkTypeOf, loadCap } from './cap-module.ts';
import { PacketClock } from './clock.ts';
import type { Control } from './control.ts';
import type { EngineMessage, EngineStats } from './engine-protocol.ts';
import { FifoWriter, openFifo } from './fifo-writer.ts';
import { PacketRest } from './packet-rest.ts';

/** libpcap's own snap length in `cap`; larger packets come cut off, and `cap` does not tell how long they were. */
const CAP_SNAPLEN = 65_535;
/** What may wait for a slow reader; beyond it packets are dropped and counted. */
const QUEUE_BYTES = 64 * 1024 * 1024;
const WRITE_BYTES = 32 * 1024;
const FLUSH_EVERY_MS = 4;
const RETRY_EVERY_MS = 1;
const LOOK_EVERY_MS = 25;
const STATS_EVERY_MS = 1000;
/** What waits in the ring when the order to stop comes has passed before it: so long it may be fetched. */
const RING_MS = 250;
/** How long a reader may take to fetch what is left after the end. */
const DRAIN_MS = 3000;

export const TIME_STAMP_SOURCE = 'user space, as the packet was read';

export class CapEngine {
  readonly #capture: StartCapture;
  readonly #send: (message: EngineMessage) => void;
  readonly #control: Control;
  readonly #clock = new PacketClock();
  readonly #rest = new PacketRest();
  readonly #appender = new PcapngAppender();
  /** Held for the life of the process: the addon writes into it without holding it. */
  readonly #buffer = Buffer.alloc(CAP_SNAPLEN);
  readonly #parts: { -readonly [Key in keyof PacketParts]: PacketParts[Key] };
  #session: CapSession | null = null;
  #writer: FifoWriter | null = null;
  #received = 0;
  #dropped = 0;
  #flushedAt = 0;
  #blocked = false;
  #lookAt = 0;
  #statsAt = 0;
  #timer: NodeJS.Timeout | null = null;
  /** By when it ends at the latest, once it has been told to. */
  #stopBy = Number.POSITIVE_INFINITY;
  #finished = false;

  constructor(capture: StartCapture, control: Control, send: (message: EngineMessage) => void) {
    this.#capture = capture;
    this.#control = control;
    this.#send = send;
    this.#parts = { interfaceId: 0, timeSec: 0, timeNsec: 0, bytes: this.#buffer, start: 0, end: 0, originalLength: 0 };
  }

  start(): void {
    let cap: CapModule;
    try {
      cap = loadCap();
    } catch (error) {
      this.#end('engine-missing', 'the capture library `cap` is not built here', 'use --engine tcpdump, or: npm rebuild cap', error);
      return;
    }
    const linkType = this.#open(cap);
    if (linkType === null) return;
    const { interface: name, filter, description, snapLength } = this.#capture;
    this.#writer = new FifoWriter(openFifo(this.#capture.fifo), (chunk) => this.#appender.recycle(chunk));
    this.#appender.block(sectionHeader({ application: 'vethscope' }));
    this.#appender.block(
      interfaceDescription({
        linkType,
        snapLength: Math.min(snapLength, CAP_SNAPLEN),
        name,
        description,
        filter,
        timeStampSource: TIME_STAMP_SOURCE,
      }),
    );
    this.#control.listen(() => this.#stop());
    this.#send({ type: 'started', linkType, warnings: [] });
    this.#flush(this.#clock.stamp());
    setInterval(() => this.#beat(), STATS_EVERY_MS);
  }

  /** The link type, or null where it could not be opened and that has been said. After a failure nothing may be called: not even close(). */
  #open(cap: CapModule): number | null {
    const { interface: name, filter, bufferBytes, snapLength } = this.#capture;
    this.#session = new cap.Cap();
    const limit = Math.min(snapLength, CAP_SNAPLEN);
    this.#session.on('packet', (nbytes) => this.#packet(nbytes, limit));
    let opened: string;
    try {
      opened = this.#session.open(name, filter, bufferBytes, this.#buffer);
    } catch (error) {
      if (filter !== '' && this.#opensWithoutFilter(cap)) {
        this.#end('bad-filter', `the filter cannot be used: ${filter}`, 'filters are in pcap-filter(7) syntax: icmp or tcp port 80', error);
      } else this.#endUnopened(error);
      return null;
    }
    const linkType = linkTypeOf(opened);
    if (linkType === null) this.#end('engine-crashed', `${name} has a link layer that cap calls ${opened}`, 'try --engine tcpdump', null);
    return linkType;
  }

  #opensWithoutFilter(cap: CapModule): boolean {
    try {
      new cap.Cap().open(this.#capture.interface, '', 1024 * 1024, Buffer.alloc(CAP_SNAPLEN));
      return true;
    } catch {
      return false;
    }
  }

  #endUnopened(error: unknown): void {
    const name = this.#capture.interface;
    const text = messageOf(error);
    if (/permission|not permitted|EPERM/i.test(text))
      this.#end('no-privilege', `no privilege to capture on ${name}`, 'run with sudo', error);
    else if (/no such device/i.test(text)) this.#end('no-interface', `there is no interface ${name}`, null, error);
    else if (/not up|is down/i.test(text)) this.#end('interface-down', `${name} is down`, `ip link set ${name} up`, error);
    else this.#end('engine-crashed', `${name} cannot be opened for capture`, 'try --engine tcpdump', error);
  }

  #packet(nbytes: number, limit: number): void {
    const now = this.#clock.stamp();
    const writer = this.#writer;
    if (writer === null || this.#finished) return;
    this.#received++;
    this.#rest.packet(now);
    if (writer.pendingBytes + this.#appender.pendingBytes > QUEUE_BYTES) this.#dropped++;
    else {
      const parts = this.#parts;
      parts.timeSec = this.#clock.sec;
      parts.timeNsec = this.#clock.nsec;
      parts.end = Math.min(nbytes, limit);
      parts.originalLength = nbytes;
      this.#appender.packet(parts);
    }
    // this loop may not yield, so every timer has its twin here
    const waited = now - this.#flushedAt;
    if (this.#blocked ? waited >= RETRY_EVERY_MS : waited >= FLUSH_EVERY_MS || this.#appender.pendingBytes >= WRITE_BYTES) this.#flush(now);
    else if (this.#timer === null) this.#later(FLUSH_EVERY_MS);
    if (now >= this.#stopBy) this.#finish();
    else if (now >= this.#lookAt) {
      this.#lookAt = now + LOOK_EVERY_MS;
      if (this.#control.look()) this.#stop();
      else if (now >= this.#statsAt) this.#stats(now);
    }
  }

  #flush(now: number): void {
    const writer = this.#writer;
    if (writer === null) return;
    this.#flushedAt = now;
    // small chunks are taken only when they can be written now: each holds a whole buffer
    if (writer.pendingBytes === 0 || this.#appender.full) writer.push(this.#appender.take());
    this.#blocked = !writer.flush();
    if (writer.readerGone) this.#finish();
    else if (this.#blocked) this.#later(RETRY_EVERY_MS);
    else if (this.#appender.pendingBytes > 0) this.#later(FLUSH_EVERY_MS);
  }

  #later(delayMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#flush(performance.now());
    }, delayMs);
  }

  /** While no packets come. */
  #beat(): void {
    if (this.#control.look()) this.#stop();
    else if (performance.now() >= this.#statsAt) this.#stats(performance.now());
  }

  #stats(now: number): void {
    this.#statsAt = now + STATS_EVERY_MS - LOOK_EVERY_MS;
    this.#send({ type: 'stats', ...this.#counts() });
  }

  #counts(): EngineStats {
    return { received: this.#received, droppedByKernel: null, droppedByInterface: null, droppedByEngine: this.#dropped };
  }

  /** Ends as soon as the ring has been found empty, which is when the event loop turns. */
  #stop(): void {
    if (this.#stopBy !== Number.POSITIVE_INFINITY) return;
    this.#stopBy = performance.now() + RING_MS;
    setImmediate(() => this.#finish());
  }

  /** Stops for good: what waits is given to the reader within bounds, then the section's statistics. */
  #finish(): void {
    const writer = this.#writer;
    if (this.#finished || writer === null) return;
    this.#finished = true;
    this.#clock.stamp();
    this.#appender.block(
      interfaceStatistics({
        interfaceId: 0,
        timeSec: this.#clock.sec,
        timeNsec: this.#clock.nsec,
        delivered: this.#received - this.#dropped,
        comments: this.#dropped === 0 ? [] : [`dropped by the capture engine: ${this.#dropped}`],
      }),
    );
    writer.push(this.#appender.take());
    const until = performance.now() + DRAIN_MS;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (!writer.flush() && performance.now() < until) Atomics.wait(pause, 0, 0, RETRY_EVERY_MS);
    writer.close();
    this.#send({ type: 'stats', ...this.#counts() });
    this.#end('stopped', 'stopped', null, null);
  }

  /** The agent ends the process when it hears this; the addon is left alone. */
  #end(end: CaptureEnd, message: string, hint: string | null, error: unknown): void {
    this.#finished = true;
    this.#send({ type: 'ended', end, message: error === null ? message : `${message} (${messageOf(error)})`, hint });
  }
}
