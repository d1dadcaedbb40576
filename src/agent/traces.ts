/**
 * The agent's traces: rules of our own go into the kernel, and what it tells of the packets that they mark is handed to main as it came. The
 * tables belong to a process of ours (NFT_TABLE_F_OWNER): the kernel deletes them when that process ends, however it ends. Where the kernel
 * knows no owners, and for the logger that legacy rules need, a keeper puts things back (trace-keeper.ts). Nothing is ever flushed.
 */
import { messageOf } from '../base/errors.ts';
import type { AgentMessage, StartTrace } from './protocol.ts';
import { Trace } from './trace.ts';
import { sweepLeftovers } from './trace-keeper.ts';

export class Traces {
  readonly #send: (message: AgentMessage) => void;
  readonly #traces = new Map<number, Trace>();

  constructor(send: (message: AgentMessage) => void) {
    this.#send = send;
  }

  start(plan: StartTrace): void {
    const trace = new Trace(plan, (message) => {
      if (message.type === 'traceEnded') this.#traces.delete(plan.traceId);
      this.#send(message);
    });
    this.#traces.set(plan.traceId, trace);
    sweepLeftovers()
      .then(() => trace.start())
      .catch((error: unknown) => trace.end('crashed', messageOf(error), null));
  }

  stop(traceId: number): void {
    void this.#traces.get(traceId)?.end('stopped', 'stopped', null);
  }

  /** Settles when nothing of them is left. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#traces.values()].map((trace) => trace.end('stopped', 'stopped', null)));
  }
}
