/** One trace as main sees it: what the agent says of it, until it says that nothing is left. */
import { failure, missingError, type VethscopeError } from '../base/errors.ts';
import type { AgentMessage, AgentRequest, StartTrace, TraceCounts, TraceEnd } from './protocol.ts';

export type TracePlan = Omit<StartTrace, 'traceId'>;

type TraceMessage = Extract<
  AgentMessage,
  { readonly type: 'traceStarted' | 'traceGap' | 'traceRules' | 'traceText' | 'traceRecords' | 'traceLost' | 'traceEnded' }
>;

export type TraceNews =
  | { readonly kind: 'started'; readonly ruleset: string; readonly readsLegacy: boolean; readonly remarks: readonly string[] }
  /** Rules are changing: what is told from now on until `rules`, of which one follows each, may be about the old ones or be missing. */
  | { readonly kind: 'gap' }
  | { readonly kind: 'rules'; readonly ruleset: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'records'; readonly bytes: Uint8Array }
  | { readonly kind: 'lost'; readonly messages: number }
  /** The last one. `problem` is null where it was stopped by us. */
  | { readonly kind: 'ended'; readonly problem: VethscopeError | null; readonly counts: TraceCounts };

export type TraceListener = (news: TraceNews) => void;

export interface TraceHandle {
  readonly id: number;
  /** Resolves after the last event: nothing of the trace is left in the kernel. */
  stop(): Promise<void>;
}

const NOTHING_COUNTED: TraceCounts = { traced: null, overRate: null, messagesLost: null, legacyDropped: null, gaps: 0 };

export class ClientTrace implements TraceHandle {
  readonly id: number;
  readonly over: Promise<void>;
  readonly #listener: TraceListener;
  readonly #send: (request: AgentRequest) => void;
  #end: () => void = () => {};
  #isOver = false;

  constructor(id: number, plan: TracePlan, listener: TraceListener, send: (request: AgentRequest) => void) {
    this.id = id;
    this.#listener = listener;
    this.#send = send;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    send({ type: 'startTrace', trace: { traceId: id, ...plan } });
  }

  async stop(): Promise<void> {
    if (!this.#isOver) this.#send({ type: 'stopTrace', traceId: this.id });
    await this.over;
  }

  receive(message: TraceMessage): void {
    if (this.#isOver) return;
    switch (message.type) {
      case 'traceStarted':
        this.#listener({ kind: 'started', ruleset: message.ruleset, readsLegacy: message.readsLegacy, remarks: message.remarks });
        return;
      case 'traceGap':
        this.#listener({ kind: 'gap' });
        return;
      case 'traceRules':
        this.#listener({ kind: 'rules', ruleset: message.ruleset });
        return;
      case 'traceText':
        this.#listener({ kind: 'text', text: message.text });
        return;
      case 'traceRecords':
        this.#listener({ kind: 'records', bytes: message.bytes });
        return;
      case 'traceLost':
        this.#listener({ kind: 'lost', messages: message.messages });
        return;
      case 'traceEnded':
        this.#over(problemOf(message.end, message.message, message.hint), message.counts);
    }
  }

  /** The agent's end is the trace's: what it had in the kernel goes with its processes. */
  agentGone(how: string): void {
    this.#over(failure(how), NOTHING_COUNTED);
  }

  #over(problem: VethscopeError | null, counts: TraceCounts): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener({ kind: 'ended', problem, counts });
    this.#end();
  }
}

const problemOf = (end: TraceEnd, message: string, hint: string | null): VethscopeError | null => {
  const parts = hint === null ? {} : { hint };
  if (end === 'stopped') return null;
  return end === 'no-program' || end === 'no-privilege' ? missingError(message, parts) : failure(message, parts);
};
